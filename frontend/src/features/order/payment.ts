/* The way to the payment page and back. The return page must know which order it waits for, even in a new tab. */

import { leaveForPayment } from "@/lib/payment";

export { isInsideWeChat, rememberedPayUrl } from "@/lib/payment";

const KEY = "yinong.payingOrder";

/** Where the gateway's page leads back to: a path of this site. */
export const RETURN_PATH = "/pay/return";

export function rememberOrder(orderId: string): void {
  localStorage.setItem(KEY, orderId);
}

export function rememberedOrder(): string | null {
  return localStorage.getItem(KEY);
}

/** Leaves for the payment page of an order, which the return page will ask about. */
export function goToPayment(orderId: string, payUrl: string): void {
  rememberOrder(orderId);
  leaveForPayment(payUrl);
}
