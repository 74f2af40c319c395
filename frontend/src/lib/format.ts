/* Numbers for people. Money comes as integer fen, weight as integer grams; 斤 (500 g) is for display only. */

export const JIN_G = 500;
export const KG_G = 1000;

const ZONE = "Asia/Shanghai";

function trimmed(value: number, digits: number): string {
  return value.toFixed(digits).replace(/\.?0+$/, "");
}

/** 4860 -> "¥48.60" */
export function yuan(fen: number): string {
  const sign = fen < 0 ? "-" : "";
  const absolute = Math.abs(fen);
  return `${sign}¥${Math.floor(absolute / 100)}.${String(absolute % 100).padStart(2, "0")}`;
}

/** "3.5" -> 350. Null when it is no amount with at most two decimals. */
export function parseYuan(text: string): number | null {
  const match = /^(\d{1,7})(?:\.(\d{1,2}))?$/.exec(text.trim());
  if (!match) return null;
  return Number(match[1]) * 100 + Number((match[2] ?? "").padEnd(2, "0"));
}

export function jin(grams: number, language: string): string {
  return `${trimmed(grams / JIN_G, 2)} ${language === "en" ? "jin" : "斤"}`;
}

export function kg(grams: number): string {
  return `${trimmed(grams / KG_G, 3)} kg`;
}

/** Exhaust of a tour: to 100 g, since it is an estimate. */
export function co2(grams: number): string {
  return `${trimmed(grams / KG_G, 1)} kg`;
}

/** "64.2" kilograms -> 64200 grams. Null when it is no weight to the gram. */
export function parseKg(text: string): number | null {
  const match = /^(\d{1,5})(?:\.(\d{1,3}))?$/.exec(text.trim());
  if (!match) return null;
  return Number(match[1]) * KG_G + Number((match[2] ?? "").padEnd(3, "0"));
}

/** "62.5" 斤 -> 31250 grams. Null when it is no weight to the gram. */
export function parseJin(text: string): number | null {
  const grams = parseKg(text);
  return grams === null || grams % 2 ? null : grams / 2;
}

/** A whole number above zero, or null. */
export function parseCount(text: string): number | null {
  return /^[1-9]\d{0,5}$/.test(text.trim()) ? Number(text.trim()) : null;
}

/** "8.5" or "-18" °C, or null. */
export function parseCelsius(text: string): number | null {
  return /^-?\d{1,2}(\.\d)?$/.test(text.trim()) ? Number(text.trim()) : null;
}

/** Quantity of a lot: unit "g" is sold by weight, "piece" by count. */
export function quantity(value: number, unit: string, language: string): string {
  if (unit === "g") return language === "en" ? kg(value) : `${jin(value, language)}(${kg(value)})`;
  return language === "en" ? `${value} pc` : `${value} 件`;
}

/** The unit price in the order that people compare: 斤 first in Chinese, kg beside it. */
export function unitPrice(priceFen: number, unit: string, language: string): { main: string; beside: string | null } {
  if (unit !== "g") return { main: `${yuan(priceFen)}${language === "en" ? " / pc" : "/件"}`, beside: null };
  const perKg = `${yuan(priceFen)}/kg`;
  if (language === "en") return { main: perKg, beside: null };
  return { main: `${yuan(Math.round(priceFen / 2))}/斤`, beside: perKg };
}

/** Round half up on the line: the server's rule, here only to preview an amount. */
export function lineAmountFen(priceFen: number, unit: string, amount: number): number {
  return unit === "g" ? Math.floor((priceFen * amount + KG_G / 2) / KG_G) : priceFen * amount;
}

function locale(language: string): string {
  return language === "en" ? "en-GB" : "zh-CN";
}

export function time(at: string, language: string): string {
  return new Intl.DateTimeFormat(locale(language), {
    timeZone: ZONE,
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  }).format(new Date(at));
}

export function day(at: string, language: string): string {
  return new Intl.DateTimeFormat(locale(language), { timeZone: ZONE, month: "short", day: "numeric" }).format(
    new Date(at),
  );
}

export function dayTime(at: string, language: string): string {
  return `${day(at, language)} ${time(at, language)}`;
}

/** "6月3日 15:00–17:00" */
export function timeSpan(from: string, until: string, language: string): string {
  return `${dayTime(from, language)}–${time(until, language)}`;
}

export function celsius(value: number | null | undefined): string {
  return value === null || value === undefined ? "–" : `${trimmed(value, 1)} °C`;
}
