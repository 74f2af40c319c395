import { describe, expect, it } from "vitest";

import { routeWithPending } from "@/features/route/pending";
import { boardWithPending } from "@/features/station/pending";
import type { RoutePartsFragment, UnitPartsFragment } from "@/gql/route";

const unit = (id: string, reference: string | null): UnitPartsFragment => ({
  id,
  code: id.toUpperCase(),
  kind: "parcel",
  zone: "ambient",
  grossG: 1000,
  reference,
});

const parcel = unit("parcel", "order-1");
const crate = unit("crate", null);

const route: RoutePartsFragment = {
  id: "route",
  status: "planned",
  km: 70,
  wave: "village_loop",
  date: "2026-06-04",
  vehicle: { id: "van", name: "van", plate: "赣C" },
  changes: [],
  breakdown: null,
  expected: [parcel],
  loaded: [],
  stops: [
    {
      id: "stop",
      seq: 1,
      arrivesAt: "2026-06-04T00:00:00Z",
      departsAt: "2026-06-04T00:10:00Z",
      status: "pending",
      place: { id: "place", kind: "station", name: "village", address: "" },
      meets: null,
      tasks: [{ id: "task", kind: "drop", reference: "order-1", zone: "ambient", weightG: 1000, done: false }],
      toDrop: [],
      toCollect: [crate],
      toTakeOut: [],
    },
  ],
};

describe("a route without a network", () => {
  const load = { type: "loadRoute", payload: { routeId: "route", unitIds: ["parcel"] } };
  const depart = { type: "departRoute", payload: { routeId: "route" } };
  const arrive = { type: "arriveAtStop", payload: { stopId: "stop" } };
  const handOver = { type: "handOverUnits", payload: { stopId: "stop", unitIds: ["parcel"] } };
  const collect = { type: "collectUnits", payload: { stopId: "stop", unitIds: ["crate"] } };

  it("is as told while nothing waits", () => expect(routeWithPending(route, [])).toEqual(route));

  it("lets what was loaded be handed over", () => {
    const shown = routeWithPending(route, [load, depart]);
    expect(shown.status).toBe("started");
    expect(shown.expected).toEqual([]);
    expect(shown.loaded).toEqual([parcel]);
    expect(shown.stops[0]?.toDrop).toEqual([parcel]);
  });

  it("shows the end of the stop", () => {
    const complete = { type: "completeStop", payload: { stopId: "stop" } };
    const shown = routeWithPending(route, [load, depart, arrive, handOver, collect, complete]);
    expect(shown.stops[0]?.status).toBe("done");
    expect(shown.stops[0]?.toDrop).toEqual([]);
    expect(shown.stops[0]?.toCollect).toEqual([]);
    expect(shown.loaded).toEqual([crate]);
  });

  it("leaves other routes alone", () => {
    const other = { type: "finishRoute", payload: { routeId: "other" } };
    expect(routeWithPending(route, [other])).toEqual(route);
  });
});

describe("a board without a network", () => {
  const farmer = { id: "farmer", name: "王婶" };
  const product = { id: "product", name: "西红柿", nameEn: null, category: "蔬菜", zone: "ambient" };
  const lot = { id: "lot", unit: "g", product };
  const row = (id: string, held: boolean) => ({
    recipientMasked: "张**",
    readySince: null,
    unit: { id, code: id, kind: "parcel", zone: "ambient", grossG: 1 },
    fulfilment: { id: `of-${id}`, status: "ready", held, holdUntil: null },
  });
  const board = {
    cashFloatFen: 0,
    harvest: [{ orderedQuantity: 31_000, orderedG: 31_000, orders: 31, weighedG: 1000, farmer, lot }],
    toPack: [{ recipientMasked: "李**", fulfilment: { id: "direct" } }],
    crates: [],
    incoming: [],
    shelf: [row("a", false), row("b", false)],
  };

  it("counts what was weighed, and takes away what was handed out or packed", () => {
    const shown = boardWithPending(board, [
      { type: "weighIn", payload: { lotId: "lot", grossG: 16_400, tareG: 1200 } },
      { type: "handOut", payload: { unitId: "a" } },
      { type: "packFulfilment", payload: { fulfilmentId: "direct" } },
    ]);
    expect(shown.harvest[0]?.weighedG).toBe(16_200);
    expect(shown.shelf.map((one) => one.unit.id)).toEqual(["b"]);
    expect(shown.toPack).toEqual([]);
  });
});
