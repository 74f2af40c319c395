const COLUMNS = ["运单号", "地点", "重量(kg)", "大小", "温区", "运费(元)", "收件人"];
const EXAMPLE = ["ZT700123", "示例信息社", "1.2", "S", "常温", "2.50", "李*"];

/** A table to fill in; Excel reads the byte order mark as UTF-8. */
export function template(): Blob {
  return new Blob([`\uFEFF${[COLUMNS, EXAMPLE].map((row) => row.join(",")).join("\r\n")}\r\n`], {
    type: "text/csv;charset=utf-8",
  });
}
