/** Monday is 0. */
export const WEEK = [0, 1, 2, 3, 4, 5, 6];

/** Of a calendar day as YYYY-MM-DD. */
export function weekdayOf(date: string): number {
  return (new Date(`${date}T00:00:00Z`).getUTCDay() + 6) % 7;
}
