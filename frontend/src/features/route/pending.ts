import type { RoutePartsFragment } from "@/gql/route";

interface Act {
  type: string;
  payload: Record<string, unknown>;
}

const STOP_STATUS: Record<string, string> = {
  arriveAtStop: "arrived",
  completeStop: "completed",
  failStop: "failed",
};

const ROUTE_STATUS: Record<string, string> = {
  loadRoute: "loading",
  departRoute: "under_way",
  finishRoute: "finished",
};

/** The route as it will be once the courier's acts that still wait for the network have arrived. */
export function routeWithPending(route: RoutePartsFragment, waiting: readonly Act[]): RoutePartsFragment {
  let status = route.status;
  const stops = new Map<unknown, string>();
  for (const { type, payload } of waiting) {
    const ofRoute = ROUTE_STATUS[type];
    if (ofRoute && payload.routeId === route.id) status = ofRoute;
    const ofStop = STOP_STATUS[type];
    if (ofStop) stops.set(payload.stopId, ofStop);
  }
  return {
    ...route,
    status,
    stops: route.stops.map((stop) => ({ ...stop, status: stops.get(stop.id) ?? stop.status })),
  };
}

/** Units that waiting acts of one kind already moved, e.g. all that were loaded without a network. */
export function movedUnits(waiting: readonly Act[], type: string): Set<string> {
  return new Set(waiting.filter((act) => act.type === type).flatMap((act) => (act.payload.unitIds as string[]) ?? []));
}
