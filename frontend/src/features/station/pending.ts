import type { StationBoardQuery } from "@/gql/station";

type Told = StationBoardQuery["stationBoard"];
type Row = Told["shelf"][number];
type Present = Row & { unit: NonNullable<Row["unit"]> };

export interface Board extends Omit<Told, "shelf" | "incoming"> {
  shelf: Present[];
  incoming: Told["incoming"];
}

interface Act {
  type: string;
  payload: Record<string, unknown>;
}

function present(row: Row): row is Present {
  return row.unit !== null;
}

/** The board as it will be once the acts that still wait for the network have arrived. */
export function boardWithPending(told: Told, waiting: readonly Act[]): Board {
  const handedOut = new Set<unknown>();
  const packed = new Set<unknown>();
  const weighed = new Map<unknown, number>();
  for (const { type, payload } of waiting) {
    if (type === "handOut") handedOut.add(payload.unitId);
    if (type === "packFulfilment") packed.add(payload.fulfilmentId);
    if (type === "weighIn") {
      const netG = Number(payload.grossG) - Number(payload.tareG);
      weighed.set(payload.lotId, (weighed.get(payload.lotId) ?? 0) + netG);
    }
  }
  return {
    ...told,
    harvest: told.harvest.map((row) => ({ ...row, weighedG: row.weighedG + (weighed.get(row.lot.id) ?? 0) })),
    toPack: told.toPack.filter((row) => !packed.has(row.fulfilment.id)),
    shelf: told.shelf.filter(present).filter((row) => !handedOut.has(row.unit.id)),
  };
}
