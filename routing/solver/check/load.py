"""What is aboard, trip by trip: room, °C, neighbours, pairs, cold minutes."""

from __future__ import annotations

from routing.solver.check.facts import TOLERANCE, Facts, clash, keeps, service_s
from routing.solver.problem import Shipment, Vehicle
from routing.solver.solution import Action, Route, Visit
from routing.solver.terms import FALLBACK_ZONES, Direction, Zone


def judge_trips(facts: Facts, route: Route, vehicle: Vehicle) -> None:
    """Loads, °C, segregation, pairs and cold budget, trip by trip."""
    trips = _split(route)
    if len(trips) > vehicle.max_trips:
        facts.fault("reload", route.vehicle, f"{len(trips)} trips of {vehicle.max_trips}")
    for number, (depart_s, visits, end_s) in enumerate(trips):
        where = f"{route.vehicle}/trip {number + 1}"
        _judge_load(facts, visits, vehicle, where)
        for shipment in _carried(facts, visits):
            _release_and_return(facts, shipment, vehicle, depart_s, end_s, where)
            _cold(facts, shipment, vehicle, (depart_s, visits, end_s), where)
        goods = {s.goods for s in _carried(facts, visits)}
        if clash(goods):
            facts.fault("segregation", where, ", ".join(sorted(goods)))


def _carried(facts: Facts, visits: list[Visit]) -> list[Shipment]:
    labels = dict.fromkeys(h.shipment for v in visits for h in v.handlings)
    return [facts.shipments[label] for label in labels]


def _release_and_return(
    facts: Facts, shipment: Shipment, vehicle: Vehicle, depart_s: float, end_s: float, where: str
) -> None:
    label = f"{where}/{shipment.id}"
    if shipment.direction is Direction.DOWN:
        if shipment.release_s is not None and depart_s < shipment.release_s - TOLERANCE:
            facts.fault("release", label, f"leaves {depart_s:g}, ready {shipment.release_s:g}")
        if shipment.hub not in (None, vehicle.start):
            facts.fault("wrong_hub", label, f"lies at {shipment.hub}")
    if shipment.direction is Direction.UP:
        if shipment.due_s is not None and end_s > shipment.due_s + TOLERANCE:
            facts.fault("due", label, f"back at {end_s:g}, due {shipment.due_s:g}")
        if shipment.hub not in (None, vehicle.end):
            facts.fault("wrong_hub", label, f"goes to {shipment.hub}")


def _judge_load(facts: Facts, visits: list[Visit], vehicle: Vehicle, where: str) -> None:
    """Follow the load of each compartment, and who is aboard, from stop to stop."""
    load = _Load(facts, vehicle, where)
    for shipment in _carried(facts, visits):
        if shipment.direction is Direction.DOWN:
            load.move(shipment, +1)
    load.judge_room("start")
    for visit in visits:
        for handling in visit.handlings:
            shipment = facts.shipments[handling.shipment]
            if handling.action is Action.COLLECT:
                load.collect(shipment)
            else:
                load.drop(shipment)
        load.judge_room(visit.place)
    for label in sorted(load.pairs_aboard):
        facts.fault("pair_order", where, f"{label} is collected and not dropped")


class _Load:
    """Volume and weight in each compartment, and the pairs aboard, at one moment of a trip."""

    def __init__(self, facts: Facts, vehicle: Vehicle, where: str) -> None:
        self.facts, self.vehicle, self.where = facts, vehicle, where
        self.volume_ml = [0.0] * len(vehicle.compartments)
        self.weight_g = [0.0] * len(vehicle.compartments)
        self.pairs_aboard: set[str] = set()

    def move(self, shipment: Shipment, sign: int) -> None:
        index = _ride(self.facts, shipment, self.vehicle, self.where)
        if index is not None:
            self.volume_ml[index] += sign * shipment.volume_ml
            self.weight_g[index] += sign * shipment.weight_g

    def collect(self, shipment: Shipment) -> None:
        if shipment.direction is Direction.PAIR:
            self.pairs_aboard.add(shipment.id)
        self.move(shipment, +1)

    def drop(self, shipment: Shipment) -> None:
        if shipment.direction is Direction.PAIR and shipment.id not in self.pairs_aboard:
            self.facts.fault("pair_order", self.where, f"{shipment.id} is dropped before it is collected")
        self.pairs_aboard.discard(shipment.id)
        self.move(shipment, -1)

    def judge_room(self, label: str) -> None:
        where = f"{self.where}/{label}"
        for index, room in enumerate(self.vehicle.compartments):
            volume_ml, weight_g = self.volume_ml[index], self.weight_g[index]
            if volume_ml > room.volume_ml + TOLERANCE * max(1.0, room.volume_ml):
                self.facts.fault("volume", where, f"{room.zone}: {volume_ml:g} of {room.volume_ml:g} ml")
            if weight_g > room.weight_g + TOLERANCE * max(1.0, room.weight_g):
                self.facts.fault("weight", where, f"{room.zone}: {weight_g:g} of {room.weight_g:g} g")


def _ride(facts: Facts, shipment: Shipment, vehicle: Vehicle, where: str) -> int | None:
    """Index of the compartment that carries it; a fault when there is none."""
    for index, room in enumerate(vehicle.compartments):
        if room.zone == shipment.zone and keeps(room, shipment):
            return index
    zones: dict[Zone, int] = {room.zone: i for i, room in enumerate(vehicle.compartments)}
    if shipment.cold_budget_s is not None and shipment.zone not in zones:
        for zone in FALLBACK_ZONES[shipment.zone]:
            if zone in zones:
                return zones[zone]
    facts.fault("temperature", f"{where}/{shipment.id}", f"no compartment keeps {shipment.zone}")
    return None


def _cold(
    facts: Facts, shipment: Shipment, vehicle: Vehicle, trip: tuple[float, list[Visit], float], where: str
) -> None:
    """Seconds outside the zone: door openings while aboard, or the whole ride without its zone."""
    if shipment.cold_budget_s is None:
        return
    depart_s, visits, end_s = trip
    at = [k for k, v in enumerate(visits) if any(h.shipment == shipment.id for h in v.handlings)]
    first = 0 if shipment.direction is Direction.DOWN else at[0]
    final = len(visits) - 1 if shipment.direction is Direction.UP else at[-1]
    spent = float(vehicle.door_s) * (final - first + 1)
    if not any(room.zone == shipment.zone for room in vehicle.compartments):
        begin = depart_s if shipment.direction is Direction.DOWN else float(visits[first].start_s)
        done = visits[final]
        stop_s = float(done.start_s) + service_s(facts, done, vehicle)
        spent = (end_s if shipment.direction is Direction.UP else stop_s) - begin
    facts.cold_s[shipment.id] = spent
    if spent > shipment.cold_budget_s + TOLERANCE:
        facts.fault("cold_budget", f"{where}/{shipment.id}", f"{spent:g} s of {shipment.cold_budget_s:g}")


def _split(route: Route) -> list[tuple[float, list[Visit], float]]:
    """(departure, visits, arrival back) of each trip between reloads."""
    trips: list[tuple[float, list[Visit], float]] = []
    depart_s, visits = float(route.depart_s), list[Visit]()
    for visit in route.visits:
        if visit.reload:
            trips.append((depart_s, visits, float(visit.arrival_s)))
            depart_s, visits = float(visit.depart_s), []
        else:
            visits.append(visit)
    trips.append((depart_s, visits, float(route.return_s)))
    return trips
