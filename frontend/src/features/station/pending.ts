import type { StationBoardQuery } from "@/gql/station";

type Board = StationBoardQuery["stationBoard"];

interface Act {
  type: string;
  payload: Record<string, unknown>;
}

/** The board as it will be once the acts that still wait for the network have arrived. */
export function boardWithPending(board: Board, waiting: readonly Act[]): Board {
  const handedOut = new Set<unknown>();
  const weighed = new Map<unknown, number>();
  for (const { type, payload } of waiting) {
    if (type === "handOut") handedOut.add(payload.unitId);
    if (type === "weighIn") {
      const netG = Number(payload.grossG) - Number(payload.tareG);
      weighed.set(payload.lotId, (weighed.get(payload.lotId) ?? 0) + netG);
    }
  }
  return {
    ...board,
    harvest: board.harvest.map((item) => ({ ...item, weighedG: item.weighedG + (weighed.get(item.lot.id) ?? 0) })),
    shelf: board.shelf.filter((item) => !handedOut.has(item.unit.id)),
  };
}
