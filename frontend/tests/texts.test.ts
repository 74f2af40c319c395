import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

type Tree = { [key: string]: string | Tree };

function flat(tree: Tree, prefix = ""): [string, string][] {
  return Object.entries(tree).flatMap(([key, value]) =>
    typeof value === "string" ? [[prefix + key, value]] : flat(value, `${prefix}${key}.`),
  );
}

function texts(language: string): Map<string, string> {
  const folder = `src/lib/texts/${language}`;
  return new Map(
    readdirSync(folder).flatMap((file) => flat(JSON.parse(readFileSync(join(folder, file), "utf8")) as Tree)),
  );
}

function sources(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? sources(path) : /\.(vue|ts)$/.test(name) ? [path] : [];
  });
}

const zh = texts("zh-hans");
const en = texts("en");
const parameters = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();

describe("texts", () => {
  it("exist in both languages, with the same parameters", () => {
    expect([...en.keys()].sort()).toEqual([...zh.keys()].sort());
    for (const [key, text] of zh) expect([key, parameters(en.get(key) ?? "")]).toEqual([key, parameters(text)]);
  });

  it("exist for every key that a page asks for", () => {
    const asked = sources("src").flatMap((path) =>
      [...readFileSync(path, "utf8").matchAll(/\bt\(\s*"([\w.]+)"/g)].map((match) => match[1] ?? ""),
    );
    expect(asked.filter((key) => !zh.has(key))).toEqual([]);
    expect(asked.length).toBeGreaterThan(100);
  });

  it("leave no Chinese in the English ones", () => {
    expect([...en].filter(([, text]) => /\p{Script=Han}/u.test(text)).map(([key]) => key)).toEqual([]);
  });
});
