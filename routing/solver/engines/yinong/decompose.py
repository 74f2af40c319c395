"""Cutting a problem into parts that share nothing: no vehicle, no place with cells, no promise.

A city's day falls into the days of its hubs; each part is a problem of its own with its own matrix.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from routing.solver.core.remainder import part_of
from routing.solver.problem import Problem, Shipment, Vehicle
from routing.solver.solution import Solution


class _Union:
    """Disjoint sets of labels."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def root(self, label: str) -> str:
        parent = self._parent.setdefault(label, label)
        while parent != self._parent[parent]:
            self._parent[parent] = self._parent[self._parent[parent]]
            parent = self._parent[parent]
        self._parent[label] = parent
        return parent

    def join(self, labels: Iterable[str]) -> None:
        first: str | None = None
        for label in labels:
            first = self.root(label) if first is None else first
            self._parent[self.root(label)] = first


def parts(problem: Problem) -> list[Problem]:
    """The independent parts of a problem, largest first; the problem itself when there is only one."""
    sets, cells = _Union(), {place.id for place in problem.places if place.cells is not None}
    served = defaultdict[str, list[Vehicle]](list)
    for vehicle in problem.vehicles:
        for hub in {vehicle.start, vehicle.end}:
            served[hub].append(vehicle)
    for shipment in problem.shipments:
        vans = _vans(problem, served, shipment)
        places = [f"place {o.place}" for o in shipment.options if o.place in cells]
        sets.join([f"shipment {shipment.id}", *(f"vehicle {van.id}" for van in vans), *places])
    groups = defaultdict[str, tuple[list[Vehicle], list[Shipment]]](lambda: ([], []))
    for vehicle in problem.vehicles:
        groups[sets.root(f"vehicle {vehicle.id}")][0].append(vehicle)
    for shipment in problem.shipments:
        groups[sets.root(f"shipment {shipment.id}")][1].append(shipment)
    cut = [group for group in groups.values() if group[1]]
    if len(cut) <= 1:
        return [problem]
    return [part_of(problem, *group) for group in sorted(cut, key=lambda group: -len(group[1]))]


def _vans(problem: Problem, served: dict[str, list[Vehicle]], shipment: Shipment) -> Sequence[Vehicle]:
    """Vehicles that may take a shipment, or more."""
    vans = problem.vehicles if shipment.hub is None else served.get(shipment.hub, [])
    promised = {shipment.id, *(option.id for option in shipment.options)}
    return [
        van
        for van in vans
        if shipment.vehicles is None or van.id in shipment.vehicles or not promised.isdisjoint(van.locked)
    ]


def joined(problem: Problem, plans: Sequence[Solution], *, engine: str, seed: int) -> Solution:
    """One plan of the plans of all parts, in the problem's order of vehicles and shipments."""
    order = problem.index.vehicles
    routes = sorted((r for plan in plans for r in plan.routes), key=lambda route: order[route.vehicle])
    left = sorted(
        (u for plan in plans for u in plan.unserved), key=lambda u: problem.index.shipments[u.shipment]
    )
    return Solution(
        problem.name, tuple(routes), tuple(left), sum(plan.cost for plan in plans), engine=engine, seed=seed
    )
