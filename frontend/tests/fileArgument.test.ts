import { describe, expect, it } from "vitest";

import { fileArgument } from "@/lib/fileArgument";

describe("a file as an argument", () => {
  it("keeps every byte, also of a file longer than an argument list", async () => {
    const bytes = Uint8Array.from({ length: 70_000 }, (_, at) => at % 251);
    const sent = await fileArgument(new File([bytes], "批量上架.xlsx"));
    expect(sent.fileName).toBe("批量上架.xlsx");
    expect(Uint8Array.from(atob(sent.file), (one) => one.charCodeAt(0))).toEqual(bytes);
  });
});
