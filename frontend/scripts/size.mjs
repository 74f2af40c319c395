// JavaScript that a phone loads, gzipped, before the shop's first page works. `--check` fails above the budget.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const BUDGET_BYTES = 90 * 1024;
const manifest = JSON.parse(readFileSync("dist/.vite/manifest.json", "utf8"));

const ENTRIES = [
  "index.html",
  "src/surfaces/buyer/ShopPage.vue",
  "src/lib/texts/zh-hans/common.json",
  "src/lib/texts/zh-hans/buyer.json",
];

const files = new Set();
function add(key) {
  const chunk = manifest[key];
  if (!chunk) throw new Error(`${key} is not in the build's manifest`);
  if (files.has(chunk.file)) return;
  files.add(chunk.file);
  (chunk.imports ?? []).forEach(add);
}
ENTRIES.forEach(add);

const sizes = [...files]
  .filter((file) => file.endsWith(".js"))
  .map((file) => [file, gzipSync(readFileSync(`dist/${file}`), { level: 9 }).length])
  .sort((a, b) => b[1] - a[1]);
const total = sizes.reduce((sum, [, bytes]) => sum + bytes, 0);
for (const [file, bytes] of sizes) console.log(`${(bytes / 1024).toFixed(1).padStart(7)} kB gz  ${file}`);
console.log(`${(total / 1024).toFixed(1).padStart(7)} kB gz  first buyer page (budget ${BUDGET_BYTES / 1024} kB)`);
if (process.argv.includes("--check") && total > BUDGET_BYTES) process.exit(1);
