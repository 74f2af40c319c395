import { computed } from "vue";

import { RouteDocument } from "@/gql/route";
import { useQuery } from "@/lib/useQuery";

import { routeWithPending } from "./pending";

interface Act {
  type: string;
  payload: Record<string, unknown>;
}

/** One route, kept on the device, with the acts that still wait already applied to it. */
export function useRoute(id: () => string, waiting: () => readonly Act[]) {
  const query = useQuery(RouteDocument, () => ({ id: id() }), { keep: true, pollMs: 10_000 });
  const route = computed(() => {
    const told = query.data.value?.route;
    return told ? routeWithPending(told, waiting()) : null;
  });
  return { query, route };
}
