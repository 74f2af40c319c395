import { describe, expect, it } from "vitest";

import * as format from "@/lib/format";

describe("money", () => {
  it.each([
    [0, "¥0.00"],
    [5, "¥0.05"],
    [4860, "¥48.60"],
    [100_000_00, "¥100000.00"],
    [-84, "-¥0.84"],
  ])("shows %i fen as %s", (fen, shown) => expect(format.yuan(fen)).toBe(shown));

  it.each([
    ["3.5", 350],
    ["3.50", 350],
    ["48", 4800],
    [" 0.05 ", 5],
    ["3.505", null],
    ["3,5", null],
    ["-1", null],
    ["", null],
    ["1e3", null],
  ])("reads %j as %s fen", (text, fen) => expect(format.parseYuan(text)).toBe(fen));

  it("rounds half up on the line, as the server does", () => {
    expect(format.lineAmountFen(1401, "g", 500)).toBe(701);
    expect(format.lineAmountFen(1400, "g", 500)).toBe(700);
    expect(format.lineAmountFen(999, "g", 1)).toBe(1);
    expect(format.lineAmountFen(3900, "piece", 2)).toBe(7800);
  });
});

describe("weights", () => {
  it("shows 斤 beside kg in Chinese and kg alone in English", () => {
    expect(format.quantity(31_000, "g", "zh-hans")).toBe("62 斤(31 kg)");
    expect(format.quantity(250, "g", "zh-hans")).toBe("0.5 斤(0.25 kg)");
    expect(format.quantity(31_000, "g", "en")).toBe("31 kg");
    expect(format.quantity(3, "piece", "zh-hans")).toBe("3 件");
  });

  it("does not eat the zeros of a whole number", () => {
    expect(format.kg(100_000)).toBe("100 kg");
    expect(format.co2(21_291)).toBe("21.3 kg");
    expect(format.jin(5000, "zh-hans")).toBe("10 斤");
  });

  it("prices a kilogram also by 斤", () => {
    expect(format.unitPrice(1400, "g", "zh-hans")).toEqual({ main: "¥7.00/斤", beside: "¥14.00/kg" });
    expect(format.unitPrice(1400, "g", "en")).toEqual({ main: "¥14.00/kg", beside: null });
    expect(format.unitPrice(3900, "piece", "zh-hans")).toEqual({ main: "¥39.00/件", beside: null });
  });

  it.each([
    ["64.2", 64_200],
    ["0.005", 5],
    ["15", 15_000],
    ["15.2004", null],
    ["kg", null],
  ])("reads %j kg as %s g", (text, grams) => expect(format.parseKg(text)).toBe(grams));

  it.each([
    ["80", 40_000],
    ["62.5", 31_250],
    ["0.001", null],
  ])("reads %j 斤 as %s g", (text, grams) => expect(format.parseJin(text)).toBe(grams));

  it.each([
    ["-18", -18],
    ["3.8", 3.8],
    ["warm", null],
    ["300", null],
  ])("reads %j as %s °C", (text, value) => expect(format.parseCelsius(text)).toBe(value));
});

describe("times", () => {
  it("are those of Shanghai wherever the device is", () => {
    expect(format.dayTime("2026-06-03T16:30:00Z", "zh-hans")).toBe("6月4日 00:30");
    expect(format.timeSpan("2026-06-04T08:00:00Z", "2026-06-04T10:00:00Z", "en")).toBe("4 Jun 16:00–18:00");
  });
});
