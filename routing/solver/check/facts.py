"""What the judge knows: the problem and the plan by id, the faults found, the account so far."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from routing.solver.problem import Cells, Compartment, Option, Problem, Shipment, Vehicle, Window
from routing.solver.solution import Action, Handling, Solution, Visit
from routing.solver.terms import CONFLICTS, Direction, Goods

#: Seconds, metres and fen by which a sum of floating-point numbers may miss.
TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule: its name, where, and the facts."""

    name: str
    where: str
    detail: str

    def __str__(self) -> str:
        return f"{self.name} at {self.where}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the judge counted. A plan is feasible when no rule is broken."""

    violations: tuple[Violation, ...]
    cost: float
    distance_m: float
    duration_s: float
    unserved_value: float
    cold_s: dict[str, float] = field(default_factory=dict)

    @property
    def feasible(self) -> bool:
        """Whether the plan keeps every rule; leaving shipments is allowed, doing so silently is not."""
        return not self.violations


class Facts:
    """Lookups over problem and plan, and what the judge writes down."""

    def __init__(self, problem: Problem, solution: Solution) -> None:
        self.problem, self.solution = problem, solution
        self.places = {p.id: p for p in problem.places}
        self.rows = {p.id: i for i, p in enumerate(problem.places)}
        self.vehicles = {v.id: v for v in problem.vehicles}
        self.shipments = {s.id: s for s in problem.shipments}
        self.violations: list[Violation] = []
        self.cost = self.distance_m = self.duration_s = 0.0
        self.cold_s: dict[str, float] = {}

    def fault(self, name: str, where: str, detail: str) -> None:
        self.violations.append(Violation(name, where, detail))

    def option(self, handling: Handling) -> Option | None:
        shipment = self.shipments.get(handling.shipment)
        if shipment is None:
            return None
        return next((o for o in shipment.options if o.id == handling.option), None)

    def verdict(self) -> Verdict:
        """All faults and the account."""
        left = {entry.shipment for entry in self.solution.unserved}
        return Verdict(
            violations=tuple(self.violations),
            cost=self.cost,
            distance_m=self.distance_m,
            duration_s=self.duration_s,
            unserved_value=float(sum(s.value_fen for s in self.problem.shipments if s.id in left)),
            cold_s=dict(self.cold_s),
        )


def handlings(solution: Solution) -> Iterator[Handling]:
    """All handlings of the plan."""
    for route in solution.routes:
        yield from route.handlings()


def is_pair_collection(shipment: Shipment, handling: Handling) -> bool:
    """Whether the handling takes a pair's goods aboard."""
    return shipment.direction is Direction.PAIR and handling.action is Action.COLLECT


def holds(window: Window, time_s: float) -> bool:
    """Whether the moment lies in the window."""
    return window.opens_s - TOLERANCE <= time_s <= window.closes_s + TOLERANCE


def keeps(room: Compartment | Cells, shipment: Shipment) -> bool:
    """Whether the room's °C lie inside the shipment's band; an unknown band is taken as fitting."""
    low, high = room.min_c, room.max_c
    if low is None or high is None or shipment.min_c is None or shipment.max_c is None:
        return True
    return bool(shipment.min_c <= low and high <= shipment.max_c)


def clash(kinds: set[Goods] | frozenset[Goods]) -> bool:
    """Whether two of these goods must never be together."""
    return any(pair <= kinds for pair in CONFLICTS)


def service_s(facts: Facts, visit: Visit, vehicle: Vehicle) -> float:
    """Least seconds that the stop takes."""
    if visit.reload:
        return float(vehicle.reload_s)
    return float(facts.places[visit.place].setup_s) + sum(_handling_s(facts, h) for h in visit.handlings)


def _handling_s(facts: Facts, handling: Handling) -> float:
    shipment, option = facts.shipments[handling.shipment], facts.option(handling)
    if is_pair_collection(shipment, handling) and shipment.collection is not None:
        return float(shipment.collection.service_s)
    return float(option.service_s) if option is not None else 0.0
