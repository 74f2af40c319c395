"""One route on the road and on the clock."""

from __future__ import annotations

from itertools import pairwise

from routing.solver.check.facts import TOLERANCE, Facts, holds, is_pair_collection, service_s
from routing.solver.check.load import judge_trips
from routing.solver.problem import Vehicle
from routing.solver.solution import Action, Handling, Route, Visit


def judge_route(facts: Facts, route: Route) -> None:
    """One route whole: its road, its clock, its stops, its trips."""
    vehicle = facts.vehicles.get(route.vehicle)
    if vehicle is None:
        facts.fault("unknown_vehicle", route.vehicle, "the problem does not know it")
        return
    known = all(v.place in facts.places for v in route.visits)
    known = known and all(facts.option(h) is not None for h in route.handlings())
    if not route.visits or not known:
        facts.fault("unknown_stop", route.vehicle, "no stop, an unknown place or a foreign option")
        return
    _judge_drive(facts, route, vehicle)
    _judge_clock(facts, route, vehicle)
    for visit in route.visits:
        _judge_visit(facts, visit, vehicle)
    judge_trips(facts, route, vehicle)
    _judge_breaks(facts, route, vehicle)


def _judge_drive(facts: Facts, route: Route, vehicle: Vehicle) -> None:
    """Metres, closed roads, range; adds the route's cost to the account."""
    stops = [vehicle.start, *(v.place for v in route.visits), vehicle.end]
    metres = 0.0
    for a, b in pairwise(stops):
        metres += float(facts.problem.matrix.distance_m[facts.rows[a], facts.rows[b]])
        if a != b and (a, b) in facts.problem.closed:
            facts.fault("closed_road", route.vehicle, f"{a} to {b}")
    if vehicle.max_distance_m is not None and metres > vehicle.max_distance_m + TOLERANCE:
        facts.fault("range", route.vehicle, f"{metres:g} m of {vehicle.max_distance_m:g}")
    if abs(metres - route.distance_m) > TOLERANCE * max(1.0, metres):
        facts.fault("distance", route.vehicle, f"declared {route.distance_m:g} m, driven {metres:g}")
    duration = float(route.return_s - route.depart_s)
    cost = vehicle.fixed_fen + metres / 1000 * vehicle.fen_per_km + duration / 3600 * vehicle.fen_per_hour
    for handling in route.handlings():
        option = facts.option(handling)
        if option is not None and not is_pair_collection(facts.shipments[handling.shipment], handling):
            cost += option.compensation_fen
            cost += facts.problem.objective.preference_cost(option.preference)
    facts.cost += cost
    facts.distance_m += metres
    facts.duration_s += duration


def _judge_clock(facts: Facts, route: Route, vehicle: Vehicle) -> None:
    """Travel and service take their time; the shift holds."""
    if route.depart_s < vehicle.shift.opens_s - TOLERANCE:
        facts.fault("shift", route.vehicle, f"leaves at {route.depart_s:g}")
    if route.return_s > vehicle.shift.closes_s + TOLERANCE:
        facts.fault("shift", route.vehicle, f"returns at {route.return_s:g}")
    place, time = vehicle.start, float(route.depart_s)
    for visit in route.visits:
        travel = float(facts.problem.matrix.time_s[facts.rows[place], facts.rows[visit.place]])
        where = f"{route.vehicle}/{visit.place}"
        if visit.arrival_s < time + travel - TOLERANCE:
            facts.fault("travel_time", where, f"arrives {visit.arrival_s:g}, not before {time + travel:g}")
        needed = service_s(facts, visit, vehicle)
        if visit.start_s < visit.arrival_s - TOLERANCE or (
            visit.depart_s < visit.start_s + needed - TOLERANCE
        ):
            detail = f"{visit.start_s:g} to {visit.depart_s:g}, needs {needed:g}"
            facts.fault("service_time", where, detail)
        place, time = visit.place, float(visit.depart_s)
    travel = float(facts.problem.matrix.time_s[facts.rows[place], facts.rows[vehicle.end]])
    if route.return_s < time + travel - TOLERANCE:
        facts.fault("travel_time", f"{route.vehicle}/end", f"returns {route.return_s:g}")


def _judge_visit(facts: Facts, visit: Visit, vehicle: Vehicle) -> None:
    """Place, access, windows, due times of one stop."""
    place, where = facts.places[visit.place], f"{vehicle.id}/{visit.place}"
    if visit.reload:
        if visit.place != vehicle.start or visit.handlings:
            facts.fault("reload", where, "a reload happens at the vehicle's start, without handlings")
        return
    if not visit.handlings:
        facts.fault("idle_stop", where, "nothing is handled")
    if not place.needs <= vehicle.has:
        facts.fault("access", where, ", ".join(sorted(place.needs - vehicle.has)))
    if place.windows and not any(holds(w, visit.start_s) for w in place.windows):
        facts.fault("window", where, f"place closed at {visit.start_s:g}")
    for handling in visit.handlings:
        _judge_handling(facts, handling, visit, vehicle)


def _judge_handling(facts: Facts, handling: Handling, visit: Visit, vehicle: Vehicle) -> None:
    shipment, option = facts.shipments[handling.shipment], facts.option(handling)
    where = f"{vehicle.id}/{visit.place}/{shipment.id}"
    place, window = (option.place, option.window) if option is not None else ("", None)
    if is_pair_collection(shipment, handling) and shipment.collection is not None:
        place, window = shipment.collection.place, shipment.collection.window
    if place != visit.place:
        facts.fault("wrong_place", where, f"belongs to {place}")
    if window is not None and not holds(window, visit.start_s):
        facts.fault("window", where, f"not at {visit.start_s:g}")
    dropping = handling.action is Action.DROP
    if dropping and shipment.due_s is not None and visit.start_s > shipment.due_s + TOLERANCE:
        facts.fault("due", where, f"at {visit.start_s:g}, due {shipment.due_s:g}")
    if not dropping and shipment.release_s is not None and visit.start_s < shipment.release_s - TOLERANCE:
        facts.fault("release", where, f"at {visit.start_s:g}, ready {shipment.release_s:g}")
    if shipment.vehicles is not None and vehicle.id not in shipment.vehicles:
        facts.fault("vehicle_promised", where, f"promised to {', '.join(sorted(shipment.vehicles))}")


def _judge_breaks(facts: Facts, route: Route, vehicle: Vehicle) -> None:
    gaps = [(float(v.arrival_s), float(v.start_s)) for v in route.visits]
    gaps += [(float(v.start_s) + service_s(facts, v, vehicle), float(v.depart_s)) for v in route.visits]
    for rest in vehicle.breaks:
        if route.return_s <= rest.latest_s + TOLERANCE or route.depart_s >= rest.earliest_s - TOLERANCE:
            continue
        if not any(_room_for(a, b, rest.earliest_s, rest.latest_s, rest.duration_s) for a, b in gaps):
            facts.fault("break", route.vehicle, f"none between {rest.earliest_s:g} and {rest.latest_s:g}")


def _room_for(a: float, b: float, earliest: float, latest: float, duration: float) -> bool:
    begin = max(a, earliest)
    return begin <= latest + TOLERANCE and begin + duration <= b + TOLERANCE
