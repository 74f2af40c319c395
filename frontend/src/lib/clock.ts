import { ref } from "vue";

/*
 * Business time is the server's: its clock can be moved by a tester, and a tablet in a village may be hours wrong.
 * Every answer carries it in a header; the difference to this device is kept for the time without a network.
 */
const KEY = "yinong.clockOffsetMs";
const DAY_MS = 24 * 60 * 60 * 1000;

export const BUSINESS_TIME_HEADER = "Yinong-Time";

export const clockOffsetMs = ref(Number(localStorage.getItem(KEY)) || 0);

export function noteBusinessTime(header: string | null): void {
  if (!header) return;
  const at = Date.parse(header);
  if (Number.isNaN(at)) return;
  clockOffsetMs.value = at - Date.now();
  localStorage.setItem(KEY, String(clockOffsetMs.value));
}

export function businessNow(): Date {
  return new Date(Date.now() + clockOffsetMs.value);
}

const SHANGHAI_MS = 8 * 60 * 60 * 1000;
const CUT_OFF_HOUR = 18;

/** The cycle of the day has closed: what is planned now is for tomorrow. */
export function afterCutOff(): boolean {
  return new Date(businessNow().getTime() + SHANGHAI_MS).getUTCHours() >= CUT_OFF_HOUR;
}

/** Calendar day in Asia/Shanghai (UTC+8, no summer time), `days` from today, as YYYY-MM-DD. */
export function businessDay(days = 0): string {
  return new Date(businessNow().getTime() + SHANGHAI_MS + days * DAY_MS).toISOString().slice(0, 10);
}
