import { JIN_G } from "@/lib/format";

/** One tap on + or −: half a kilogram (a 斤) of goods sold by weight, else one piece. */
export function stepOf(unit: string): number {
  return unit === "g" ? JIN_G : 1;
}

interface Choice {
  feeFen: number;
  discountAnyFen: number;
}

/** The most that the buyer pays: goods at their agreed maximum, plus delivery, less the flexible-place discount. */
export function agreedMaxFen(goodsMaxFen: number, choice: Choice | null, any: boolean): number {
  if (!choice) return goodsMaxFen;
  return Math.max(0, goodsMaxFen + choice.feeFen - (any ? choice.discountAnyFen : 0));
}
