/** What a file of other carriers' parcels looks like, and how it travels. */
export const MAX_BYTES = 2_000_000;

const COLUMNS = ["运单号", "地点", "重量(kg)", "大小", "温区", "运费(元)", "收件人"];
const EXAMPLE = ["ZT700123", "示例信息社", "1.2", "S", "常温", "2.50", "李*"];

/** A table to fill in; Excel reads the byte order mark as UTF-8. */
export function template(): Blob {
  return new Blob([`\uFEFF${[COLUMNS, EXAMPLE].map((row) => row.join(",")).join("\r\n")}\r\n`], {
    type: "text/csv;charset=utf-8",
  });
}

/** Base64 of any length: a spread of all bytes at once would overflow the stack. */
export function base64Of(bytes: ArrayBuffer): string {
  const view = new Uint8Array(bytes);
  let binary = "";
  for (let at = 0; at < view.length; at += 0x8000) binary += String.fromCharCode(...view.subarray(at, at + 0x8000));
  return btoa(binary);
}
