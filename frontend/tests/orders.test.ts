import { describe, expect, it } from "vitest";

import { agreedMaxFen } from "@/features/order/amounts";
import { stageOf } from "@/features/order/stages";

const part = (status: string, held = false) => ({ status, held });
const paid = (...fulfilments: { status: string; held: boolean }[]) => stageOf({ status: "paid", fulfilments });

describe("the one word for an order", () => {
  it("is the order's own state unless it is paid", () => {
    expect(stageOf({ status: "awaiting_payment", fulfilments: [part("reserved")] })).toBe("awaiting_payment");
    expect(stageOf({ status: "completed", fulfilments: [part("collected")] })).toBe("completed");
  });

  it("puts a held parcel first, then what can be collected, then the least advanced part", () => {
    expect(paid(part("ready", true), part("ready"))).toBe("held");
    expect(paid(part("ready"), part("planned"))).toBe("ready");
    expect(paid(part("packed"), part("planned"))).toBe("planned");
    expect(paid(part("collected"), part("packed"))).toBe("packed");
  });
});

describe("the agreed maximum", () => {
  const choice = { feeFen: 300, discountAnyFen: 100 };

  it("is goods and delivery, less the discount only for any of mine", () => {
    expect(agreedMaxFen(6360, choice, false)).toBe(6660);
    expect(agreedMaxFen(6360, choice, true)).toBe(6560);
    expect(agreedMaxFen(6360, null, true)).toBe(6360);
  });
});
