"""The problem as nodes: one per option and opening window, so that choosing a node chooses both.

A *site* is a place with one effective window. Consecutive nodes of one site are one stop, whose set-up
time is paid once. A shipment's *alternatives* are the chains of nodes that would serve it: one node for
goods down or up, two (collection, drop) for a pair.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from routing.solver.guards import Number
from routing.solver.problem import Place, Problem, Shipment, Vehicle, Window
from routing.solver.terms import Direction, Reason, Size

Alternative = tuple[int, ...]
Span = tuple[Number, Number]


class Kind(IntEnum):
    """What a node does to the load."""

    DELIVER = 0
    PICK_UP = 1
    COLLECT = 2
    DROP = 3


@dataclass(frozen=True, slots=True)
class Node:
    """One handling that a plan may contain. Indices point into the problem's tuples."""

    shipment: int
    option: int
    kind: Kind
    place: int
    site: int
    opens_s: Number
    closes_s: Number
    setup_s: Number
    service_s: Number
    choice_fen: Number


@dataclass(frozen=True, slots=True)
class Ride:
    """How a vehicle carries a shipment: compartment, whether outside its zone, most stops aboard."""

    compartment: int
    exposed: bool
    most_stops: float


@dataclass
class Network:
    """Nodes and alternatives of a problem, with what is known before any search."""

    problem: Problem
    nodes: list[Node] = field(default_factory=list)
    alternatives: list[list[Alternative]] = field(default_factory=list)
    ruled_out: list[Reason | None] = field(default_factory=list)
    rides: list[list[Ride | None]] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    time_s: list[list[float]] = field(default_factory=list)
    distance_m: list[list[float]] = field(default_factory=list)
    _sites: dict[tuple[int, Number, Number], int] = field(default_factory=dict)

    @classmethod
    def of(cls, problem: Problem) -> Network:
        """Compile a problem. An option that can never work gives no node; the reason is kept."""
        net = cls(problem)
        net.starts = [problem.index.places[v.start] for v in problem.vehicles]
        net.ends = [problem.index.places[v.end] for v in problem.vehicles]
        for number, shipment in enumerate(problem.shipments):
            net.rides.append([_ride(v, shipment) for v in problem.vehicles])
            net._add(number, shipment)
        net.time_s = problem.matrix.time_s.tolist()
        net.distance_m = problem.matrix.distance_m.tolist()
        for a, b in problem.closed:
            net.distance_m[problem.index.places[a]][problem.index.places[b]] = math.inf
        return net

    def size(self, shipment: int) -> Size | None:
        """Size class of a shipment."""
        return self.problem.shipments[shipment].size

    def _add(self, number: int, shipment: Shipment) -> None:
        alternatives: list[Alternative] = []
        reasons = [Reason.NO_OPTION]
        collections = self._collections(number, shipment)
        for index, option in enumerate(shipment.options):
            place = self.problem.places[self.problem.index.places[option.place]]
            refusal = self._refusal(shipment, place)
            if refusal is not None:
                reasons.append(refusal)
                continue
            kind, release_s, due_s = _terms(shipment)
            cost = option.compensation_fen + self.problem.objective.preference_cost(option.preference)
            drops = [
                self._node(number, index, kind, place, part, option.service_s, cost)
                for part in _parts(place, _span(option.window, release_s, due_s))
            ]
            chains: list[Alternative] = [(drop,) for drop in drops]
            if shipment.direction is Direction.PAIR:
                chains = [(pick, drop) for pick in collections for drop in drops]
            reasons.append(Reason.WINDOW)
            alternatives += chains
        self.alternatives.append(alternatives)
        self.ruled_out.append(None if alternatives else max(reasons, key=list(Reason).index))

    def _collections(self, number: int, shipment: Shipment) -> list[int]:
        if shipment.collection is None:
            return []
        place = self.problem.places[self.problem.index.places[shipment.collection.place]]
        span = _span(shipment.collection.window, shipment.release_s, None)
        service_s = shipment.collection.service_s
        return [
            self._node(number, -1, Kind.COLLECT, place, part, service_s, 0) for part in _parts(place, span)
        ]

    def _refusal(self, shipment: Shipment, place: Place) -> Reason | None:
        """Why the place can never take the shipment, whatever the plan."""
        if shipment.direction is not Direction.UP and place.cells is not None:
            cells = place.cells_for(shipment)
            if cells is None or shipment.size is None or cells.at_least(shipment.size) == 0:
                return Reason.NO_CELL
        allowed = [v for v in self.problem.vehicles if shipment.vehicles is None or v.id in shipment.vehicles]
        if not any(place.needs <= v.has for v in allowed):
            return Reason.ACCESS
        return None

    def _node(
        self, shipment: int, option: int, kind: Kind, place: Place, span: Span, service_s: Number, fen: Number
    ) -> int:
        row = self.problem.index.places[place.id]
        site = self._sites.setdefault((row, *span), len(self._sites))
        self.nodes.append(
            Node(
                shipment=shipment,
                option=option,
                kind=kind,
                place=row,
                site=site,
                opens_s=span[0],
                closes_s=span[1],
                setup_s=place.setup_s,
                service_s=service_s,
                choice_fen=fen,
            )
        )
        return len(self.nodes) - 1

    def may_carry(self, vehicle: int, node: int) -> bool:
        """Whether zone, promise, hub and access let this vehicle handle the node."""
        item = self.nodes[node]
        shipment, van = self.problem.shipments[item.shipment], self.problem.vehicles[vehicle]
        if self.rides[item.shipment][vehicle] is None:
            return False
        if shipment.vehicles is not None and van.id not in shipment.vehicles:
            return False
        hub = {Kind.DELIVER: van.start, Kind.PICK_UP: van.end}.get(item.kind, shipment.hub)
        if shipment.hub is not None and shipment.hub != hub:
            return False
        return self.problem.places[item.place].needs <= van.has

    def token(self, node: int) -> str:
        """How `Vehicle.locked` names the node."""
        item = self.nodes[node]
        shipment = self.problem.shipments[item.shipment]
        return shipment.id if item.kind is Kind.COLLECT else shipment.options[item.option].id


def _ride(vehicle: Vehicle, shipment: Shipment) -> Ride | None:
    taken = vehicle.compartment_for(shipment)
    if taken is None:
        return None
    compartment, exposed = taken
    room = vehicle.compartments[compartment]
    if shipment.volume_ml > room.volume_ml or shipment.weight_g > room.weight_g:
        return None
    if shipment.cold_budget_s is None or exposed or vehicle.door_s == 0:
        return Ride(compartment, exposed, math.inf)
    return Ride(compartment, exposed, float(shipment.cold_budget_s // vehicle.door_s))


def _terms(shipment: Shipment) -> tuple[Kind, Number | None, Number | None]:
    """(kind, release, due) as they bind the start of the option's stop."""
    if shipment.direction is Direction.DOWN:
        return Kind.DELIVER, None, shipment.due_s
    if shipment.direction is Direction.UP:
        return Kind.PICK_UP, shipment.release_s, None
    return Kind.DROP, None, shipment.due_s


def _span(window: Window | None, release_s: Number | None, due_s: Number | None) -> Span:
    """The window cut to [release, due], open-ended where nothing binds; empty when opens > closes."""
    opens_s = -math.inf if window is None else window.opens_s
    closes_s = math.inf if window is None else window.closes_s
    if release_s is not None:
        opens_s = max(opens_s, release_s)
    if due_s is not None:
        closes_s = min(closes_s, due_s)
    return opens_s, closes_s


def _parts(place: Place, span: Span) -> Iterator[Span]:
    """The span cut by each opening window of the place; nothing where they do not meet."""
    for opening in place.windows or (None,):
        opens_s = span[0] if opening is None else max(opening.opens_s, span[0])
        closes_s = span[1] if opening is None else min(opening.closes_s, span[1])
        if opens_s <= closes_s:
            yield opens_s, closes_s
