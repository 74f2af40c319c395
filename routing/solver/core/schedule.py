"""The clock, the load and the cold minutes of one route given as a sequence of nodes.

The vehicle leaves as late as it can without coming back later (the forward time slack of Savelsbergh
1992), so that neither the driver nor the goods wait on the road for nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from routing.solver.core.network import Kind, Network, Node
from routing.solver.problem import Break
from routing.solver.terms import CONFLICTS, Goods, Reason

EPSILON = 1e-7


@dataclass(slots=True)
class Stop:
    """Consecutive nodes of one site, with the times of the stop."""

    nodes: list[int]
    place: int
    opens_s: float
    closes_s: float
    service_s: float
    arrival_s: float = 0.0
    start_s: float = 0.0
    depart_s: float = 0.0


@dataclass(slots=True)
class Timetable:
    """A feasible route: its stops with times, metres and cost (the choice of options included)."""

    depart_s: float
    return_s: float
    distance_m: float
    cost: float
    stops: list[Stop] = field(default_factory=list)


def timetable(net: Network, vehicle: int, sequence: Sequence[int]) -> Timetable | Reason:
    """Times and cost of a route, or the first reason why it cannot be driven. Cells are not looked at."""
    refusal = _crew_refusal(net, vehicle, sequence)
    if refusal is not None:
        return refusal
    stops = group(net, sequence)
    if not _load_fits(net, vehicle, stops):
        return Reason.CAPACITY
    van = net.problem.vehicles[vehicle]
    first_s = max([float(van.shift.opens_s), *_releases(net, sequence)])
    return_s = _drive(net, vehicle, stops, first_s)
    if isinstance(return_s, Reason):
        return return_s
    later = _slack(stops, return_s, float(van.shift.closes_s))
    table_s = first_s
    if later > EPSILON:
        again = _drive(net, vehicle, stops, first_s + later)
        if isinstance(again, Reason):
            again = _drive(net, vehicle, stops, first_s)
            assert not isinstance(again, Reason)  # it was possible a moment ago
        else:
            table_s = first_s + later
        return_s = again
    refusal = _return_refusal(net, sequence, return_s) or _cold_refusal(
        net, vehicle, stops, table_s, return_s
    )
    if refusal is not None:
        return refusal
    return _priced(net, vehicle, sequence, Timetable(table_s, return_s, 0.0, 0.0, stops))


def group(net: Network, sequence: Sequence[int]) -> list[Stop]:
    """Stops of a sequence: neighbours of one site are served in one stop."""
    stops: list[Stop] = []
    site = -1
    for index in sequence:
        node = net.nodes[index]
        if node.site == site:
            stops[-1].nodes.append(index)
            stops[-1].service_s += node.service_s
            continue
        site = node.site
        service_s = float(node.setup_s + node.service_s)
        stops.append(Stop([index], node.place, float(node.opens_s), float(node.closes_s), service_s))
    return stops


def clash(goods: set[Goods] | frozenset[Goods]) -> bool:
    """Whether two of these goods must not be together."""
    return any(pair <= goods for pair in CONFLICTS)


def _crew_refusal(net: Network, vehicle: int, sequence: Sequence[int]) -> Reason | None:
    goods: set[Goods] = set()
    for index in sequence:
        if not net.may_carry(vehicle, index):
            ride = net.rides[net.nodes[index].shipment][vehicle]
            return Reason.CAPACITY if ride is None else Reason.ACCESS
        goods.add(net.problem.shipments[net.nodes[index].shipment].goods)
    return Reason.SEGREGATION if clash(goods) else None


def _releases(net: Network, sequence: Sequence[int]) -> list[float]:
    releases: list[float] = []
    for index in sequence:
        node = net.nodes[index]
        release_s = net.problem.shipments[node.shipment].release_s
        if node.kind is Kind.DELIVER and release_s is not None:
            releases.append(float(release_s))
    return releases


def _load_fits(net: Network, vehicle: int, stops: list[Stop]) -> bool:
    """Volume and weight of each compartment at the start and after every stop; pairs in order."""
    rooms = net.problem.vehicles[vehicle].compartments
    volume_ml, weight_g = [0.0] * len(rooms), [0.0] * len(rooms)

    def move(node: Node, sign: int) -> None:
        shipment, ride = net.problem.shipments[node.shipment], net.rides[node.shipment][vehicle]
        assert ride is not None  # _crew_refusal asked
        volume_ml[ride.compartment] += sign * shipment.volume_ml
        weight_g[ride.compartment] += sign * shipment.weight_g

    def fits() -> bool:
        return all(
            volume_ml[k] <= room.volume_ml * (1 + EPSILON) and weight_g[k] <= room.weight_g * (1 + EPSILON)
            for k, room in enumerate(rooms)
        )

    for stop in stops:
        for index in stop.nodes:
            if net.nodes[index].kind is Kind.DELIVER:
                move(net.nodes[index], +1)
    if not fits():
        return False
    for stop in stops:
        for index in stop.nodes:
            node = net.nodes[index]
            move(node, -1 if node.kind in (Kind.DELIVER, Kind.DROP) else +1)
        if not fits():
            return False
    return True


def _drive(net: Network, vehicle: int, stops: list[Stop], depart_s: float) -> float | Reason:
    """Drive the stops from `depart_s` as early as windows allow; the time back, or what stands in the way."""
    van = net.problem.vehicles[vehicle]
    rests = [rest for rest in van.breaks if depart_s < rest.earliest_s]
    rests.sort(key=lambda rest: rest.earliest_s, reverse=True)
    place, time_s = net.starts[vehicle], depart_s
    for number, stop in enumerate(stops):
        stop.arrival_s = time_s + net.time_s[place][stop.place]
        stop.start_s = max(stop.arrival_s, stop.opens_s)
        if stop.start_s > stop.closes_s + EPSILON:
            return Reason.WINDOW
        if rests and _rests_while_waiting(rests[-1], stop.arrival_s, stop.start_s):
            rests.pop()
        place, time_s = stop.place, stop.start_s + stop.service_s
        if rests and not _may_rest_later(net, vehicle, rests[-1], stops, number, time_s):
            rest = rests.pop()
            begin_s = max(time_s, float(rest.earliest_s))
            if begin_s > rest.latest_s + EPSILON:
                return Reason.SHIFT
            time_s = begin_s + rest.duration_s
        stop.depart_s = time_s
    return_s = time_s + net.time_s[place][net.ends[vehicle]]
    return Reason.SHIFT if return_s > van.shift.closes_s + EPSILON else return_s


def _rests_while_waiting(rest: Break, arrival_s: float, start_s: float) -> bool:
    """Whether the rest fits into the wait before a stop and so costs nothing."""
    begin_s = max(arrival_s, float(rest.earliest_s))
    return begin_s <= rest.latest_s and begin_s + rest.duration_s <= start_s + EPSILON


def _may_rest_later(
    net: Network, vehicle: int, rest: Break, stops: list[Stop], number: int, time_s: float
) -> bool:
    """Whether the rest may wait for the next stop, or is not due before the vehicle is back."""
    here = stops[number].place
    if number + 1 == len(stops):
        return time_s + net.time_s[here][net.ends[vehicle]] <= rest.latest_s
    after = stops[number + 1]
    arrival_s = time_s + net.time_s[here][after.place]
    start_s = max(arrival_s, after.opens_s)
    return start_s + after.service_s <= rest.latest_s or _rests_while_waiting(rest, arrival_s, start_s)


def _slack(stops: list[Stop], return_s: float, closes_s: float) -> float:
    """By how much the departure may be delayed without coming back later."""
    waited, slack = 0.0, math.inf
    for stop in stops:
        waited += stop.start_s - stop.arrival_s
        slack = min(slack, waited + stop.closes_s - stop.start_s)
    return max(0.0, min(waited, slack, waited + closes_s - return_s))


def _return_refusal(net: Network, sequence: Sequence[int], return_s: float) -> Reason | None:
    for index in sequence:
        node = net.nodes[index]
        due_s = net.problem.shipments[node.shipment].due_s
        if node.kind is Kind.PICK_UP and due_s is not None and return_s > due_s + EPSILON:
            return Reason.WINDOW
    return None


def _cold_refusal(
    net: Network, vehicle: int, stops: list[Stop], depart_s: float, return_s: float
) -> Reason | None:
    """Door openings while aboard, or the whole ride for what travels outside its zone."""
    boarded: dict[int, int] = {}
    for number, stop in enumerate(stops):
        for index in stop.nodes:
            node = net.nodes[index]
            ride, shipment = net.rides[node.shipment][vehicle], net.problem.shipments[node.shipment]
            if shipment.cold_budget_s is None or ride is None:
                continue
            if node.kind is Kind.COLLECT:
                boarded[node.shipment] = number
                continue
            first = {Kind.DELIVER: 0, Kind.PICK_UP: number}.get(node.kind, boarded.get(node.shipment, number))
            final = len(stops) - 1 if node.kind is Kind.PICK_UP else number
            if final - first + 1 > ride.most_stops:
                return Reason.COLD_BUDGET
            begin_s = depart_s if node.kind is Kind.DELIVER else stops[first].start_s
            end_s = return_s if node.kind is Kind.PICK_UP else stop.start_s + stop.service_s
            if ride.exposed and end_s - begin_s > shipment.cold_budget_s + EPSILON:
                return Reason.COLD_BUDGET
    return None


def _priced(net: Network, vehicle: int, sequence: Sequence[int], table: Timetable) -> Timetable | Reason:
    van = net.problem.vehicles[vehicle]
    if not table.stops:
        return Timetable(table.depart_s, table.depart_s, 0.0, 0.0, [])
    places = [net.starts[vehicle], *(stop.place for stop in table.stops), net.ends[vehicle]]
    metres = sum(net.distance_m[a][b] for a, b in pairwise(places))
    if metres == math.inf:
        return Reason.ACCESS
    if van.max_distance_m is not None and metres > van.max_distance_m + EPSILON:
        return Reason.SHIFT
    table.distance_m = metres
    duration_s = table.return_s - table.depart_s
    table.cost = van.fixed_fen + metres / 1000 * van.fen_per_km + duration_s / 3600 * van.fen_per_hour
    table.cost += sum(net.nodes[index].choice_fen for index in sequence)
    return table
