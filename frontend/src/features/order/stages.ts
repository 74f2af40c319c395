interface Part {
  status: string;
  held: boolean;
}

/** How far each state of a fulfilment is; what has ended does not hold the order back. */
const ORDER_OF_STAGES = ["reserved", "firm", "planned", "packed", "ready", "collected"];

/** One word for the whole order: a held parcel first, then what can be collected now, then the least advanced part. */
export function stageOf(order: { status: string; fulfilments: Part[] }): string {
  if (order.status !== "paid") return order.status;
  const open = order.fulfilments.filter((part) => part.status !== "collected" && part.status !== "cancelled");
  if (open.some((part) => part.held)) return "held";
  if (open.some((part) => part.status === "ready")) return "ready";
  const ranks = open.map((part) => ORDER_OF_STAGES.indexOf(part.status)).filter((rank) => rank >= 0);
  return ORDER_OF_STAGES[Math.min(...ranks)] ?? order.status;
}

export const STEPS = ["firm", "planned", "packed", "ready", "collected"] as const;

/** Index of the last step that is done, -1 before payment. */
export function stepDone(status: string): number {
  return STEPS.indexOf(status as (typeof STEPS)[number]);
}

/** Whether the payment of an order is settled one way or the other, so that the return page may move on. */
export function paymentSettled(order: { status: string }): boolean {
  return order.status !== "awaiting_payment";
}
