/* Leaving for the gateway's page. */

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
export function leaveForPayment(payUrl: string): void {
  if (isInsideWeChat()) {
    sessionStorage.setItem(URL_KEY, payUrl);
    window.location.assign("/pay/browser");
  } else {
    window.location.assign(payUrl);
  }
}
