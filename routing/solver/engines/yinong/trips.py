"""Reloads: a vehicle back at its start for a second load, as one vehicle more for each trip.

The day of a vehicle is cut into as many spans as it may make trips, and each span drives as a vehicle of its
own. The search knows nothing of it; afterwards the spans' routes become one route with reloads. Where the cut
lies decides what fits, so several are tried. A break is taken at the hub, where the cut then lies.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, replace

from routing.solver.problem import Problem, Shipment, Vehicle, Window
from routing.solver.solution import Action, Handling, Route, Solution, Visit
from routing.solver.terms import Direction

#: More trips than these are not planned, whatever a vehicle may do.
MOST_TRIPS = 4
#: Where the first of two trips ends, as a share of the shift; later trips share the rest.
CUTS = (0.5, 0.35, 0.65)


@dataclass(frozen=True, slots=True)
class Unfolded:
    """A problem whose vehicles make one trip each, and which trips are of which vehicle, in order."""

    whole: Problem
    problem: Problem
    trips: dict[str, tuple[str, ...]]

    def fold(self, plan: Solution) -> Solution:
        """The plan of the whole problem: trips of one vehicle joined, like vehicles swapped to save some."""
        found = {route.vehicle: route for route in plan.routes}
        routes = []
        for alike in self._alike().values():
            columns = [
                [found[label] for label in column if label in found]
                for column in zip(*(self.trips[vehicle.id] for vehicle in alike), strict=True)
            ]
            for number, vehicle in enumerate(alike):
                mine = [column[number] for column in columns if number < len(column)]
                if mine:
                    fixed = 0 if number < len(columns[0]) else vehicle.fixed_fen
                    routes.append(_joined(self.whole, vehicle, mine, fixed))
        order = {vehicle.id: number for number, vehicle in enumerate(self.whole.vehicles)}
        routes.sort(key=lambda route: order[route.vehicle])
        return replace(plan, routes=tuple(routes), cost=sum(route.cost for route in routes))

    def _alike(self) -> dict[Vehicle, list[Vehicle]]:
        """Vehicles that differ in nothing but the name; one that is named somewhere stands alone."""
        named = _named(self.whole)
        groups = defaultdict[Vehicle, list[Vehicle]](list)
        for vehicle in self.whole.vehicles:
            alone = vehicle.id in named or vehicle.locked
            groups[vehicle if alone else replace(vehicle, id="alike")].append(vehicle)
        return groups


def unfold(problem: Problem, cut: float) -> Unfolded | None:
    """The problem trip by trip, or None when no vehicle reloads."""
    trips: dict[str, tuple[str, ...]] = {}
    vehicles: list[Vehicle] = []
    for vehicle in problem.vehicles:
        parts = _parts(vehicle, cut)
        trips[vehicle.id] = tuple(part.id for part in parts)
        vehicles += parts
    if len(vehicles) == len(problem.vehicles):
        return None
    shipments = tuple(_renamed(shipment, trips) for shipment in problem.shipments)
    return Unfolded(problem, replace(problem, vehicles=tuple(vehicles), shipments=shipments), trips)


def _named(problem: Problem) -> set[str]:
    return {label for shipment in problem.shipments for label in shipment.vehicles or ()}


def _renamed(shipment: Shipment, trips: dict[str, tuple[str, ...]]) -> Shipment:
    """A promise to a vehicle is one to any of its trips."""
    if shipment.vehicles is None:
        return shipment
    return replace(shipment, vehicles=frozenset(t for label in shipment.vehicles for t in trips[label]))


def _parts(vehicle: Vehicle, cut: float) -> list[Vehicle]:
    """A vehicle per trip; the vehicle itself when it has promises to keep or no span for a second trip."""
    spans = _spans(vehicle, cut)
    if len(spans) < 2 or vehicle.locked or vehicle.start != vehicle.end:
        return [vehicle]
    most = None if vehicle.max_distance_m is None else vehicle.max_distance_m / len(spans)
    return [
        replace(
            vehicle,
            id=f"{vehicle.id} trip {number + 1}",
            shift=span,
            fixed_fen=vehicle.fixed_fen if number == 0 else 0,
            breaks=(),
            max_distance_m=most,
            max_trips=1,
        )
        for number, span in enumerate(spans)
    ]


def _spans(vehicle: Vehicle, cut: float) -> list[Window]:
    """The shift cut into trips, with room for reloading and the break between two of them."""
    opens_s, closes_s = float(vehicle.shift.opens_s), float(vehicle.shift.closes_s)
    count = min(vehicle.max_trips, MOST_TRIPS)
    if count < 2 or len(vehicle.breaks) > 1:
        return [vehicle.shift]
    if vehicle.breaks:
        rest = vehicle.breaks[0]
        bounds = [(float(rest.latest_s - vehicle.reload_s), float(rest.latest_s + rest.duration_s))]
    else:
        first, step = opens_s + cut * (closes_s - opens_s), (1 - cut) * (closes_s - opens_s) / (count - 1)
        ends = [first + number * step for number in range(count - 1)]
        bounds = [(end, end + float(vehicle.reload_s)) for end in ends]
    edges = [opens_s, *(moment for bound in bounds for moment in bound), closes_s]
    if any(early >= late for early, late in zip(edges[::2], edges[1::2], strict=True)):
        return [vehicle.shift]
    return [Window(early, late) for early, late in zip(edges[::2], edges[1::2], strict=True)]


def _joined(problem: Problem, vehicle: Vehicle, trips: list[Route], fixed: float) -> Route:
    """One route of a vehicle out of its trips, with a reload before each but the first.

    `fixed`: what the trips' costs lack. Each trip is driven as late as the next one allows.
    """
    later = trips[-1]
    visits, distance_m, cost = list(later.visits), later.distance_m, later.cost + fixed
    depart_s = later.depart_s
    for trip in reversed(trips[:-1]):
        pause_s = 0.0 if not vehicle.breaks else depart_s - trip.return_s - vehicle.reload_s
        delay_s = min(depart_s - trip.return_s - vehicle.reload_s - pause_s, _slack(problem, trip))
        trip = _delayed(trip, max(0.0, delay_s))
        stay_s = depart_s - trip.return_s
        stop = Visit(vehicle.start, trip.return_s, trip.return_s, depart_s, reload=True)
        visits = [*trip.visits, stop, *visits]
        distance_m += trip.distance_m
        cost += trip.cost + stay_s / 3600 * vehicle.fen_per_hour
        depart_s = trip.depart_s
    return Route(vehicle.id, depart_s, later.return_s, tuple(visits), distance_m, cost)


def _delayed(route: Route, delay_s: float) -> Route:
    visits = tuple(
        replace(
            v, arrival_s=v.arrival_s + delay_s, start_s=v.start_s + delay_s, depart_s=v.depart_s + delay_s
        )
        for v in route.visits
    )
    return replace(route, depart_s=route.depart_s + delay_s, return_s=route.return_s + delay_s, visits=visits)


def _slack(problem: Problem, route: Route) -> float:
    """Seconds by which the whole route may be driven later."""
    slack = math.inf
    for visit in route.visits:
        place = problem.places[problem.index.places[visit.place]]
        open_now = [w.closes_s for w in place.windows if w.opens_s <= visit.start_s <= w.closes_s]
        ends = [*open_now[:1], *(end for h in visit.handlings for end in _ends(problem, h))]
        slack = min([slack, *(float(end - visit.start_s) for end in ends)])
        for handling in visit.handlings:
            shipment = problem.shipments[problem.index.shipments[handling.shipment]]
            if shipment.direction is Direction.UP and shipment.due_s is not None:
                slack = min(slack, float(shipment.due_s - route.return_s))
    return slack


def _ends(problem: Problem, handling: Handling) -> list[float]:
    """Moments after which this handling may not start."""
    shipment = problem.shipments[problem.index.shipments[handling.shipment]]
    if shipment.collection is not None and handling.action is Action.COLLECT:
        window = shipment.collection.window
        return [] if window is None else [float(window.closes_s)]
    window = next(option.window for option in shipment.options if option.id == handling.option)
    ends = [] if window is None else [float(window.closes_s)]
    if handling.action is Action.DROP and shipment.due_s is not None:
        ends.append(float(shipment.due_s))
    return ends
