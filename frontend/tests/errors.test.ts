import { describe, expect, it } from "vitest";

import { describeError, fieldMessage, NetworkError, RefusedError, ServerFault } from "@/lib/errors";

const translate = (key: string) => `<${key}>`;
const refused = new RefusedError([
  { code: "invalid", field: "phone", message: "手机号应为 11 位数字" },
  { code: "invalid", field: "certificate.origin", message: "请填写产地" },
  { code: "invalid", field: "portions[0].netWeightG", message: "重量不对" },
]);

describe("errors", () => {
  it("find the message of a field, and of what lies inside it", () => {
    expect(fieldMessage(refused, "phone")).toBe("手机号应为 11 位数字");
    expect(fieldMessage(refused, "certificate")).toBe("请填写产地");
    expect(fieldMessage(refused, "certificate.origin")).toBe("请填写产地");
    expect(fieldMessage(refused, "portions")).toBe("重量不对");
    expect(fieldMessage(refused, "name")).toBeUndefined();
    expect(fieldMessage(new NetworkError("x"), "phone")).toBeUndefined();
  });

  it("are told in the server's words when it has some, else in ours", () => {
    expect(describeError(refused, translate)).toContain("手机号应为 11 位数字");
    expect(describeError(new NetworkError("x"), translate)).toBe("<error.network>");
    expect(describeError(new ServerFault("x"), translate)).toBe("<error.server>");
    expect(describeError(new RefusedError([]), translate)).toBe("<error.server>");
  });

  it("know their codes", () => {
    expect(refused.has("invalid")).toBe(true);
    expect(refused.has("forbidden")).toBe(false);
  });
});
