/* The way to the payment page and back. The return page must know which order it waits for, even in a new tab. */

const KEY = "yinong.payingOrder";

/** Where the gateway's page leads back to: a path of this site. */
export const RETURN_PATH = "/pay/return";

export function rememberOrder(orderId: string): void {
  localStorage.setItem(KEY, orderId);
}

export function rememberedOrder(): string | null {
  return localStorage.getItem(KEY);
}

/** Alipay's pages do not open inside WeChat: there the buyer is asked to open them in his browser. */
export function isInsideWeChat(agent: string = navigator.userAgent): boolean {
  return /MicroMessenger/i.test(agent);
}

const URL_KEY = "yinong.payUrl";

/** The payment page that waits to be opened in another browser. */
export function rememberedPayUrl(): string {
  return sessionStorage.getItem(URL_KEY) ?? "";
}

/** Leaves for the payment page of the gateway, or for the page that hands it over to a browser. */
export function goToPayment(orderId: string, payUrl: string): void {
  rememberOrder(orderId);
  if (isInsideWeChat()) {
    sessionStorage.setItem(URL_KEY, payUrl);
    window.location.assign("/pay/browser");
  } else {
    window.location.assign(payUrl);
  }
}
