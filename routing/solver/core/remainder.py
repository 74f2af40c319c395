"""A part of a problem as a problem of its own, and what its plan means for the whole.

While a part is solved the rest stands still: the part gets the cells that the rest leaves, and sees the goods
that lie in them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from routing.solver.core.network import Network
from routing.solver.core.plan import Plan
from routing.solver.matrix import Matrix
from routing.solver.problem import Cells, Place, Problem, Shipment, Vehicle, fits_a_vehicle
from routing.solver.solution import Action, Solution
from routing.solver.terms import Size


def part_of(
    problem: Problem,
    vehicles: Sequence[Vehicle],
    shipments: Sequence[Shipment],
    *,
    places: Mapping[str, Place] | None = None,
) -> Problem:
    """The problem of these vehicles and shipments, with the places that they may touch.

    `places`: what stands in for a place of the problem, by id.
    """
    names = {label for vehicle in vehicles for label in (vehicle.start, vehicle.end)}
    for shipment in shipments:
        names |= {option.place for option in shipment.options} | ({shipment.hub} if shipment.hub else set())
        names |= {shipment.collection.place} if shipment.collection else set()
    rows = [k for k, place in enumerate(problem.places) if place.id in names]
    grid = np.ix_(rows, rows)
    instead = places or {}
    return replace(
        problem,
        places=tuple(instead.get(problem.places[k].id, problem.places[k]) for k in rows),
        vehicles=tuple(vehicles),
        shipments=tuple(shipments),
        matrix=Matrix(problem.matrix.distance_m[grid], problem.matrix.time_s[grid]),
        closed=frozenset(pair for pair in problem.closed if pair[0] in names and pair[1] in names),
    )


def for_vehicles(shipment: Shipment, names: Collection[str]) -> Shipment:
    """The shipment where only these vehicles (ids) drive: a promise to others is none."""
    return (
        shipment if shipment.vehicles is None else replace(shipment, vehicles=shipment.vehicles & set(names))
    )


def remainder(plan: Plan, vehicles: Iterable[int]) -> Problem | None:
    """The problem of all that the plan does not serve, for these vehicles, with the cells that are left.

    The vehicles' own routes must be empty. None where no vehicle, or nothing that they could carry, is left.
    """
    problem, served = plan.net.problem, plan.served()
    vans = [problem.vehicles[k] for k in sorted(vehicles)]
    names = {van.id for van in vans}
    shipments = [
        for_vehicles(shipment, names)
        for number, shipment in enumerate(problem.shipments)
        if number not in served and fits_a_vehicle(shipment, vans)
    ]
    if not vans or not shipments:
        return None
    places = {
        place.id: _left_over(plan, row, place)
        for row, place in enumerate(problem.places)
        if place.cells is not None
    }
    return part_of(problem, vans, shipments, places=places)


def take_over(plan: Plan, solution: Solution) -> None:
    """Drive the routes of a part's plan; where one does not hold (any more), what fits of it in its order.

    What the plan has already is kept, and what its problem does not know is passed over.
    """
    net, served = plan.net, plan.served()
    for route in solution.routes:
        vehicle = net.problem.index.vehicles.get(route.vehicle)
        if vehicle is None:
            continue
        own = {net.nodes[node].shipment for node in plan.sequences[vehicle]}
        sequence = []
        for visit in route.visits:
            for handling in visit.handlings:
                number = net.problem.index.shipments.get(handling.shipment)
                if number is None or (number in served and number not in own):
                    continue
                collecting = handling.action is Action.COLLECT
                node = _node(net, number, handling.option, collecting, float(visit.start_s))
                if node is not None:
                    sequence.append(node)
        _drive(plan, vehicle, sequence)
        served |= {net.nodes[node].shipment for node in plan.sequences[vehicle]}


def _left_over(plan: Plan, row: int, place: Place) -> Place:
    """The place with the cells that are still free, and the goods that lie in the others."""
    goods = {kind for kind, count in plan.cells.goods.get(row, {}).items() if count}
    cells = []
    for group in place.cells or ():
        used = plan.cells.used.get((row, group.zone), [0, 0, 0])
        cells.append(_cells_of(group, [group.at_least(Size(size)) - used[size] for size in range(3)]))
    return replace(place, cells=tuple(cells), holds=place.holds | goods)


def _cells_of(group: Cells, counts: Sequence[int]) -> Cells:
    """Cells of which `counts[s]` take a parcel of size s; cut so that sizes stay nested."""
    small, medium, large = (int(count) for count in counts)
    medium = min(medium, small)
    large = min(large, medium)
    return replace(group, small=small - medium, medium=medium - large, large=large)


def _drive(plan: Plan, vehicle: int, sequence: list[int]) -> None:
    """The whole sequence; else shipment by shipment, after what the route has already."""
    if plan.set_route(vehicle, sequence) is None:
        return
    net, before = plan.net, list(plan.sequences[vehicle])
    own = {net.nodes[node].shipment for node in before}
    kept = set[int]()
    for number in dict.fromkeys(net.nodes[node].shipment for node in sequence):
        wanted = kept | {number}
        trial = before + [n for n in sequence if net.nodes[n].shipment in wanted - own]
        if number not in own and plan.set_route(vehicle, trial) is None:
            kept = wanted


def _node(net: Network, number: int, option: str, collecting: bool, start_s: float) -> int | None:
    """The node of an option whose window holds the time, else any; None where the option gives no node."""
    options = net.problem.shipments[number].options
    found = [
        chain[0] if collecting else chain[-1]
        for chain in net.alternatives[number]
        if options[net.nodes[chain[-1]].option].id == option
    ]
    holding = (node for node in found if net.nodes[node].opens_s <= start_s <= net.nodes[node].closes_s)
    return next(holding, found[0] if found else None)
