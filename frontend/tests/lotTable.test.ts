import { describe, expect, it } from "vitest";

import { template } from "@/features/product/lotTable";

describe("the table of many lots", () => {
  it("has a template whose two lines are equally long", async () => {
    const [header, example] = (await template().text()).trim().split("\r\n");
    expect(example?.split(",")).toHaveLength(header?.split(",").length ?? 0);
  });
});
