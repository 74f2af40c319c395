import { businessNow } from "@/lib/clock";

export interface Period {
  start: string;
  end: string;
}

export const PERIODS = ["today", "thisMonth", "lastMonth"] as const;
export type PeriodName = (typeof PERIODS)[number];

/** A calendar day in Yichun, "2026-11-12". */
function dayOf(at: Date): string {
  return new Intl.DateTimeFormat("sv-SE", { timeZone: "Asia/Shanghai" }).format(at);
}

function lastDayBefore(firstDay: string): string {
  const at = new Date(`${firstDay}T00:00:00Z`);
  at.setUTCDate(at.getUTCDate() - 1);
  return at.toISOString().slice(0, 10);
}

/** First and last day of a period in business time, both included. */
export function periodOf(name: PeriodName, now: Date = businessNow()): Period {
  const today = dayOf(now);
  const first = `${today.slice(0, 8)}01`;
  if (name === "today") return { start: today, end: today };
  if (name === "thisMonth") return { start: first, end: today };
  const end = lastDayBefore(first);
  return { start: `${end.slice(0, 8)}01`, end };
}
