import { expect, test } from "vitest";

import { weekdayOf } from "@/features/route/weekdays";

test("Monday is 0 and Sunday 6", () => {
  expect(["2026-11-09", "2026-11-12", "2026-11-15"].map(weekdayOf)).toEqual([0, 3, 6]);
});
