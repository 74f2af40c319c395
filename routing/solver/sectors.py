"""A large problem as sectors that are solved apart, on any machine; `joining` makes one plan of theirs.

`cut` takes a first plan of the whole, and puts its tours into groups that lie together. Each group is a
problem of its own: its vans, what they carry, the cells that they use and a share of the free ones; so
whatever each sector does, the plans fit together again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from routing.solver.core.remainder import for_vehicles, part_of
from routing.solver.matrix import Floats
from routing.solver.problem import Cells, Place, Problem, Shipment, Vehicle, fits_a_vehicle
from routing.solver.solution import Solution, Visit
from routing.solver.terms import Goods, Size

#: A sector has at least so many tours: fewer leave nothing to search.
FEWEST_TOURS = 3
#: Metres that stand for no way at all.
NO_WAY_M = 1e7

Group = list[int]


@dataclass(frozen=True, slots=True)
class Sector:
    """A problem of its own with its part of the first plan, which is a plan for it."""

    problem: Problem
    first: Solution


def cut(problem: Problem, first: Solution, *, sectors: int) -> list[Sector]:
    """Sectors of a problem by a plan for it: each van and each shipment is in exactly one.

    No more than `sectors`, and none where the plan is too small to be cut or vans reload (their trips are
    no tours of their own).
    """
    count = min(sectors, len(first.routes) // FEWEST_TOURS)
    if count < 2 or any(van.max_trips > 1 for van in problem.vehicles):
        return []
    rows = [[problem.index.places[visit.place] for visit in route.visits] for route in first.routes]
    weights = [len(route.handlings()) for route in first.routes]
    groups = _halve(list(range(len(rows))), count, apart(problem, rows), weights)
    return [_sector(problem, first, *members) for members in _members(problem, first, groups)]


def apart(problem: Problem, tours: Sequence[Sequence[int]]) -> Floats:
    """Mean metres between the stops (rows of places) of each two tours, one row and column per tour."""
    weight = np.zeros((len(tours), len(problem.places)))
    for number, rows in enumerate(tours):
        np.add.at(weight[number], list(rows), 1.0 / max(1, len(rows)))
    metres = problem.matrix.distance_m
    metres = np.nan_to_num((metres + metres.T) / 2, nan=NO_WAY_M, posinf=NO_WAY_M)
    return np.asarray(weight @ metres @ weight.T)


def _halve(members: Group, parts: int, metres: Floats, weights: Sequence[int]) -> list[Group]:
    """So many groups: near the outermost tour and far from it, by weight, until one part is left."""
    if parts == 1:
        return [members]
    pole = max(members, key=lambda tour: (float(metres[tour, members].mean()), tour))
    order = sorted(members, key=lambda tour: (float(metres[pole, tour]), tour))
    half = parts // 2
    shares = np.cumsum([weights[tour] for tour in order]) / max(1, sum(weights[tour] for tour in order))
    at = 1 + int(np.searchsorted(shares, half / parts - 1e-9))
    at = min(len(order) - (parts - half), max(half, at))
    return _halve(order[:at], half, metres, weights) + _halve(order[at:], parts - half, metres, weights)


def _members(
    problem: Problem, first: Solution, groups: Sequence[Group]
) -> list[tuple[list[Vehicle], list[Shipment], list[Place]]]:
    """Vans, shipments and places with cells of each sector. Idle vans go around in turn."""
    vans: list[list[Vehicle]] = [[] for _ in groups]
    owner = dict[str, int]()
    of_van = {first.routes[tour].vehicle: number for number, group in enumerate(groups) for tour in group}
    idle = 0
    for van in problem.vehicles:
        if van.id not in of_van:
            of_van[van.id], idle = idle % len(groups), idle + 1
        vans[of_van[van.id]].append(van)
    for route in first.routes:
        owner |= {handling.shipment: of_van[route.vehicle] for handling in route.handlings()}
    stops = [_stops(problem, first, group) for group in groups]
    shipments: list[list[Shipment]] = [[] for _ in groups]
    for shipment in problem.shipments:
        home = owner.get(shipment.id)
        if home is None:
            home = _home(problem, shipment, vans, stops)
        shipments[home].append(for_vehicles(shipment, {van.id for van in vans[home]}))
    places = _shared(problem, first, of_van, len(groups))
    return list(zip(vans, shipments, places, strict=True))


def _stops(problem: Problem, first: Solution, group: Group) -> Group:
    """Rows of the places where a group's tours stop."""
    return sorted({problem.index.places[v.place] for tour in group for v in first.routes[tour].visits})


def _home(problem: Problem, shipment: Shipment, vans: Sequence[Sequence[Vehicle]], stops: list[Group]) -> int:
    """The sector of a shipment that the first plan leaves: the nearest with a van that may take it."""
    able = [
        k
        for k, own in enumerate(vans)
        if fits_a_vehicle(
            shipment, [v for v in own if shipment.vehicles is None or v.id in shipment.vehicles]
        )
    ] or [k for k, own in enumerate(vans) if fits_a_vehicle(shipment, own)]
    rows = [problem.index.places[option.place] for option in shipment.options]
    if shipment.collection is not None:
        rows.append(problem.index.places[shipment.collection.place])
    if not able or not rows:
        return able[0] if able else 0
    metres = np.nan_to_num(problem.matrix.distance_m, nan=NO_WAY_M, posinf=NO_WAY_M)
    return min(able, key=lambda k: (float(metres[np.ix_(rows, stops[k])].min(initial=NO_WAY_M)), k))


def _shared(problem: Problem, first: Solution, of_van: dict[str, int], sectors: int) -> list[list[Place]]:
    """Places with cells as each sector sees them: cells it uses, its share of the free ones, all goods."""
    used = defaultdict[tuple[str, str], list[list[int]]](lambda: [[0, 0, 0] for _ in range(sectors)])
    goods = defaultdict[str, set[Goods]](set)
    for route in first.routes:
        for visit in route.visits:
            _count(problem, visit, of_van[route.vehicle], used, goods)
    seen: list[list[Place]] = [[] for _ in range(sectors)]
    for row, place in enumerate(problem.places):
        if place.cells is None:
            continue
        shared = [_shares(group, used[place.id, group.zone], row) for group in place.cells]
        for sector in range(sectors):
            cells = tuple(shares[sector] for shares in shared)
            seen[sector].append(replace(place, cells=cells, holds=place.holds | goods[place.id]))
    return seen


def _shares(group: Cells, used: Sequence[Sequence[int]], row: int) -> list[Cells]:
    """The cells of each sector: those it uses (`used[sector][class]`), and its share of the free ones.

    Odd ones go to the sectors in turn, by the place's row.
    """
    counts = (group.small, group.medium, group.large)
    free = [counts[cell] - sum(mine[cell] for mine in used) for cell in Size]
    turns = [(sector + row) % len(used) for sector in range(len(used))]
    shares = [[(left + len(used) - 1 - turn) // len(used) for left in free] for turn in turns]
    return [
        replace(
            group,
            small=mine[Size.S] + share[Size.S],
            medium=mine[Size.M] + share[Size.M],
            large=mine[Size.L] + share[Size.L],
        )
        for mine, share in zip(used, shares, strict=True)
    ]


def _count(
    problem: Problem,
    visit: Visit,
    sector: int,
    used: dict[tuple[str, str], list[list[int]]],
    goods: dict[str, set[Goods]],
) -> None:
    """Add a visit's drops into cells: by sector, how many of each class."""
    place = problem.places[problem.index.places[visit.place]]
    for handling in visit.handlings:
        if handling.cell is None:
            continue
        shipment = problem.shipments[problem.index.shipments[handling.shipment]]
        goods[place.id].add(shipment.goods)
        used[place.id, shipment.zone][sector][handling.cell] += 1


def _sector(
    problem: Problem, first: Solution, vans: list[Vehicle], shipments: list[Shipment], places: list[Place]
) -> Sector:
    own, names = {van.id for van in vans}, {shipment.id for shipment in shipments}
    part = part_of(problem, vans, shipments, places={place.id: place for place in places})
    routes = tuple(route for route in first.routes if route.vehicle in own)
    left = tuple(entry for entry in first.unserved if entry.shipment in names)
    cost = sum(route.cost for route in routes)
    return Sector(part, replace(first, routes=routes, unserved=left, cost=cost))
