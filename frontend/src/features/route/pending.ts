import type { RoutePartsFragment, StopPartsFragment } from "@/gql/route";

import { isCollect, type Unit } from "./tasks";

interface Act {
  type: string;
  payload: Record<string, unknown>;
}

const STOP_STATUS: Record<string, string> = { arriveAtStop: "arrived", completeStop: "done", failStop: "failed" };
const ROUTE_STATUS: Record<string, string> = { departRoute: "started", finishRoute: "finished" };

/** Units that waiting acts of one kind already moved. */
function moved(waiting: readonly Act[], type: string): Set<string> {
  return new Set(waiting.filter((act) => act.type === type).flatMap((act) => act.payload.unitIds as string[]));
}

/** Statuses of a route and its stops once the acts that still wait have arrived. */
export function withPendingStatus<
  Route extends { id: string; status: string; stops: { id: string; status: string }[] },
>(route: Route, waiting: readonly Act[]): Route {
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

/**
 * The route as it will be once the courier's acts that still wait for the network have arrived: what was loaded
 * without a network can be handed over without one, what was handed over is gone.
 */
export function routeWithPending(route: RoutePartsFragment, waiting: readonly Act[]): RoutePartsFragment {
  const loadedNow = moved(waiting, "loadRoute");
  const handedOver = moved(waiting, "handOverUnits");
  const collected = moved(waiting, "collectUnits");
  const known = [
    ...route.expected,
    ...route.loaded,
    ...route.stops.flatMap((stop) => [...stop.toDrop, ...stop.toCollect]),
  ];
  const boarded = known.filter((unit) => loadedNow.has(unit.id) || collected.has(unit.id));

  function dropsAt(stop: StopPartsFragment): Unit[] {
    const wanted = new Set(stop.tasks.filter((task) => !isCollect(task)).map((task) => task.reference));
    const late = boarded.filter((unit) => unit.reference !== null && wanted.has(unit.reference));
    return unique([...stop.toDrop, ...late]).filter((unit) => !handedOver.has(unit.id));
  }

  const current = withPendingStatus(route, waiting);
  const seen = waiting.some((act) => act.type === "acknowledgeChanges" && act.payload.routeId === route.id);
  return {
    ...current,
    changes: seen ? [] : route.changes,
    expected: route.expected.filter((unit) => !loadedNow.has(unit.id)),
    loaded: unique([...route.loaded, ...boarded]).filter((unit) => !handedOver.has(unit.id)),
    stops: current.stops.map((stop) => ({
      ...stop,
      toDrop: dropsAt(stop),
      toCollect: stop.toCollect.filter((unit) => !collected.has(unit.id)),
    })),
  };
}

function unique(units: Unit[]): Unit[] {
  return [...new Map(units.map((unit) => [unit.id, unit])).values()];
}
