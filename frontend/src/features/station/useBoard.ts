import { computed } from "vue";

import { StationBoardDocument } from "@/gql/station";
import { useQuery } from "@/lib/useQuery";

import { boardWithPending } from "./pending";

interface Act {
  type: string;
  payload: Record<string, unknown>;
}

export function useBoard(stationId: () => string, waiting: () => readonly Act[]) {
  const query = useQuery(StationBoardDocument, () => (stationId() ? { stationId: stationId() } : null), {
    keep: true,
    pollMs: 10_000,
  });
  const board = computed(() => {
    const told = query.data.value?.stationBoard;
    return told ? boardWithPending(told, waiting()) : null;
  });
  return { query, board };
}
