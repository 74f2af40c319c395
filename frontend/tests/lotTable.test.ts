import { describe, expect, it } from "vitest";

import { template, textOf } from "@/features/product/lotTable";

describe("the table of many lots", () => {
  it("is read as UTF-8, and as GB 18030 where Excel wrote that", () => {
    const gb18030 = new Uint8Array([0xc9, 0xcc, 0xc6, 0xb7]);
    expect(textOf(gb18030.buffer)).toBe("商品");
    expect(textOf(new TextEncoder().encode("商品").buffer as ArrayBuffer)).toBe("商品");
  });

  it("has a template whose two lines are equally long", async () => {
    const [header, example] = textOf(await template().arrayBuffer())
      .trim()
      .split("\r\n");
    expect(example?.split(",")).toHaveLength(header?.split(",").length ?? 0);
  });
});
