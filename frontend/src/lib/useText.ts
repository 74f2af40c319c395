import { computed } from "vue";
import { useI18n } from "vue-i18n";

import { describeError } from "./errors";
import * as format from "./format";

/** Texts and formats in the language now shown. */
export function useText() {
  const { t, te, locale } = useI18n();
  const language = computed(() => locale.value);

  /** A code of the server's closed lists in words; an unknown code is shown as it is. */
  function label(list: string, code: string): string {
    const key = `${list}.${code}`;
    return te(key) ? t(key) : code;
  }

  function productName(product: { name: string; nameEn: string | null }): string {
    return locale.value === "en" && product.nameEn ? product.nameEn : product.name;
  }

  return {
    t,
    label,
    language,
    productName,
    describe: (error: unknown) => describeError(error, t),
    yuan: format.yuan,
    kg: format.kg,
    co2: format.co2,
    celsius: format.celsius,
    weight: (grams: number) => (locale.value === "en" ? format.kg(grams) : `${format.jin(grams, locale.value)}`),
    quantity: (value: number, unit: string) => format.quantity(value, unit, locale.value),
    unitPrice: (fen: number, unit: string) => format.unitPrice(fen, unit, locale.value),
    time: (at: string) => format.time(at, locale.value),
    day: (at: string) => format.day(at, locale.value),
    dayTime: (at: string) => format.dayTime(at, locale.value),
    timeSpan: (from: string, until: string) => format.timeSpan(from, until, locale.value),
  };
}
