import { describe, expect, it } from "vitest";

import { isInsideWeChat } from "@/features/order/payment";
import { periodOf } from "@/features/money/periods";

describe("the way to the payment page", () => {
  it("knows WeChat's browser by its name", () => {
    const wechat = "Mozilla/5.0 (Linux; Android 13) AppleWebKit/537.36 Mobile Safari/537.36 MicroMessenger/8.0.47";
    expect(isInsideWeChat(wechat)).toBe(true);
    expect(isInsideWeChat("Mozilla/5.0 (iPhone) AppleWebKit/605.1.15 Safari/604.1")).toBe(false);
  });
});

describe("periods of a statement", () => {
  const at = new Date("2026-03-01T00:30:00+08:00");

  it("follow the day in Yichun", () => {
    expect(periodOf("today", at)).toEqual({ start: "2026-03-01", end: "2026-03-01" });
    expect(periodOf("thisMonth", at)).toEqual({ start: "2026-03-01", end: "2026-03-01" });
    expect(periodOf("lastMonth", at)).toEqual({ start: "2026-02-01", end: "2026-02-28" });
  });
});
