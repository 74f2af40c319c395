import { createI18n } from "vue-i18n";

import { setRequestLanguage } from "./client";

export const LANGUAGES = ["zh-hans", "en"] as const;
export type Language = (typeof LANGUAGES)[number];

const KEY = "yinong.language";
const files = import.meta.glob<Record<string, unknown>>("./texts/*/*.json", { import: "default" });
const loaded = new Set<string>();
const wanted = new Set<string>(["common"]);

function preferred(): Language {
  const kept = localStorage.getItem(KEY);
  if (kept === "en" || kept === "zh-hans") return kept;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh-hans" : "en";
}

export const i18n = createI18n({
  legacy: false,
  locale: preferred() as string,
  messages: {} as Record<string, Record<string, string>>,
  missingWarn: false,
  fallbackWarn: false,
});

async function load(language: string, part: string): Promise<void> {
  const path = `./texts/${language}/${part}.json`;
  if (loaded.has(path)) return;
  const read = files[path];
  if (!read) throw new Error(`no texts ${path}`);
  i18n.global.mergeLocaleMessage(language, (await read()) as Record<string, string>);
  loaded.add(path);
}

/** Loads the texts of some surfaces, in the language now shown. */
export async function loadTexts(...parts: string[]): Promise<void> {
  parts.forEach((part) => wanted.add(part));
  await Promise.all([...wanted].map((part) => load(i18n.global.locale.value, part)));
}

function applied(language: string): void {
  document.documentElement.lang = language === "en" ? "en" : "zh-Hans";
  setRequestLanguage(language);
}

export async function switchLanguage(language: Language): Promise<void> {
  await Promise.all([...wanted].map((part) => load(language, part)));
  i18n.global.locale.value = language;
  localStorage.setItem(KEY, language);
  applied(language);
}

applied(i18n.global.locale.value);
