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

/** Leaves for the payment page of the gateway. */
export function goToPayment(orderId: string, payUrl: string): void {
  rememberOrder(orderId);
  window.location.assign(payUrl);
}
