/** Columns as `catalog/lot_rows.py` knows them, with one line that shows how cells are filled in. */
const TEMPLATE: [string, string][] = [
  ["商品", "西红柿"],
  ["农户", "王秀英"],
  ["手机", ""],
  ["数量", "80斤"],
  ["单价", "3.5/斤"],
  ["采收日期", "2026-11-12"],
  ["保质天数", "7"],
  ["温区", ""],
  ["入柜约定", "是"],
  ["合格证编号", ""],
  ["合格证依据", "质量安全控制"],
  ["合格证日期", "2026-11-12"],
  ["合格证联系方式", "13800000000"],
  ["合格证产地", "奉新县"],
];

/** The table to fill in; the mark in front tells Excel that it is UTF-8. */
export function template(): Blob {
  const lines = [TEMPLATE.map(([name]) => name), TEMPLATE.map(([, example]) => example)];
  return new Blob(["\uFEFF", lines.map((line) => line.join(",")).join("\r\n"), "\r\n"], { type: "text/csv" });
}
