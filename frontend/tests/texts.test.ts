import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";

import { describe, expect, it } from "vitest";

type Tree = { [key: string]: string | Tree };

function flat(tree: Tree, prefix = ""): [string, string][] {
  return Object.entries(tree).flatMap(([key, value]) =>
    typeof value === "string" ? [[prefix + key, value]] : flat(value, `${prefix}${key}.`),
  );
}

function texts(language: string, part = ""): Map<string, string> {
  const folder = `src/lib/texts/${language}`;
  const files = part ? [`${part}.json`] : readdirSync(folder);
  return new Map(files.flatMap((file) => flat(JSON.parse(readFileSync(join(folder, file), "utf8")) as Tree)));
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

/** A file and every file of ours that it imports. */
function reached(path: string, seen = new Set<string>()): Set<string> {
  if (seen.has(path) || path.includes("/gql/")) return seen;
  seen.add(path);
  for (const [, name = ""] of readFileSync(path, "utf8").matchAll(/(?:from|import)\s+"([@.][^"]*)"/g)) {
    if (!/^(@\/|\.)/.test(name)) continue;
    const base = name.startsWith("@/") ? join("src", name.slice(2)) : join(dirname(path), name);
    const file = [base, `${base}.ts`].find((one) => /\.(vue|ts)$/.test(one) && existsSync(one));
    if (file) reached(file, seen);
  }
  return seen;
}

const asks = (path: string) =>
  [...readFileSync(path, "utf8").matchAll(/\bt\(\s*"([\w.]+)"/g)].map((match) => match[1] ?? "");

/** The page behind each route, and the parts of the texts that it loads. */
function routes(): { page: string; parts: string[] }[] {
  const source = readFileSync("src/app/router.ts", "utf8");
  const names = (list: string) => [...list.matchAll(/"(\w+)"/g)].map((match) => match[1] ?? "");
  const shared = new Map(
    [...source.matchAll(/const (\w+) = \{ texts: \[([^\]]*)\]/g)].map(([, name = "", list = ""]) => [
      name,
      names(list),
    ]),
  );
  return [...source.matchAll(/import\("@\/(surfaces[^"]+)"\)(?:(?!import\()[\s\S])*?meta: (\w+|\{[^}]*\})/g)].map(
    ([, page = "", meta = ""]) => ({
      page: join("src", page),
      parts: shared.get(meta) ?? names(/texts: \[([^\]]*)\]/.exec(meta)?.[1] ?? ""),
    }),
  );
}

describe("texts", () => {
  it("exist in both languages, with the same parameters", () => {
    expect([...en.keys()].sort()).toEqual([...zh.keys()].sort());
    for (const [key, text] of zh) expect([key, parameters(en.get(key) ?? "")]).toEqual([key, parameters(text)]);
  });

  it("exist for every key that a page asks for", () => {
    const asked = sources("src").flatMap(asks);
    expect(asked.filter((key) => !zh.has(key))).toEqual([]);
    expect(asked.length).toBeGreaterThan(100);
  });

  it("are loaded by every page whose parts ask for them", () => {
    const pages = routes();
    expect(pages.length).toBeGreaterThan(40);
    const missing = pages.flatMap(({ page, parts }) => {
      const known = new Set(["common", ...parts].flatMap((part) => [...texts("zh-hans", part).keys()]));
      return [...reached(page)].flatMap(asks).flatMap((key) => (known.has(key) ? [] : [`${page}: ${key}`]));
    });
    expect([...new Set(missing)]).toEqual([]);
  });

  it("leave no Chinese in the English ones", () => {
    expect([...en].filter(([, text]) => /\p{Script=Han}/u.test(text)).map(([key]) => key)).toEqual([]);
  });
});
