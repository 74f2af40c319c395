"""Set partitioning over the routes that the search has seen: CP-SAT picks those that fit together best.

Each request is in one chosen route or absent; cells, cabinets and service levels bind over all routes, as in
the search. Costs are integers in PRECISION parts of the unit.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from ortools.sat.python import cp_model

from routing.solver.engines.yinong import layout as at
from routing.solver.engines.yinong.arrays import GOODS
from routing.solver.engines.yinong.layout import Arena
from routing.solver.terms import Goods

#: The newest routes of each worker that one recombination looks at. A few thousand take CP-SAT half a minute.
MOST_COLUMNS = 500
#: Routes of whole plans that are remembered beside them.
MOST_KEPT = 1_000
PRECISION = 1_000


@dataclass(frozen=True, slots=True)
class Column:
    """A route that was part of a good plan."""

    kind: int  # type of the slot
    nodes: tuple[int, ...]
    cost: float


class RoutePool:
    """Routes by what they do; of equals the cheapest order stays. Old ones go first when it is full."""

    def __init__(self) -> None:
        self._columns: dict[tuple[int, frozenset[int]], Column] = {}
        self._kept: dict[tuple[int, frozenset[int]], Column] = {}

    def __len__(self) -> int:
        return len(self._columns)

    def add(self, column: Column) -> None:
        """Remember a route, as the newest."""
        key = (column.kind, frozenset(column.nodes))
        known = self._columns.pop(key, None)
        self._columns[key] = column if known is None or column.cost < known.cost else known

    def drain(self, arena: Arena) -> None:
        """Take over what a search has put into its arena since the last time."""
        rows, starts = int(arena.n[at.POOL_ROWS]), arena.view(at.POOL_FROM)
        nodes, slots, costs = arena.view(at.POOL_NODES), arena.view(at.POOL_SLOT), arena.view(at.POOL_COST)
        kinds = arena.view(at.SLOT_TYPE)
        for row in range(rows):
            sequence = tuple(nodes[starts[row] : starts[row + 1]].tolist())
            self.add(Column(int(kinds[slots[row]]), sequence, float(costs[row])))
        arena.n[at.POOL_ROWS] = arena.n[at.POOL_USED] = 0
        while len(self._columns) > 3 * MOST_COLUMNS:
            self._columns.pop(next(iter(self._columns)))

    def add_plan(self, arena: Arena) -> None:
        """Remember the routes of the current plan, longer than those of single iterations."""
        kinds, values = arena.view(at.SLOT_TYPE), arena.view(at.ROUTE_VALUES)
        routes, lengths = arena.view(at.ROUTE), arena.view(at.LENGTH)
        for slot in np.flatnonzero(lengths).tolist():
            nodes = tuple(routes[slot, 1 : lengths[slot] + 1].tolist())
            column = Column(int(kinds[slot]), nodes, float(values[slot, at.COST]))
            known = self._kept.get((column.kind, frozenset(nodes)))
            if known is None or column.cost < known.cost:
                self._kept[column.kind, frozenset(nodes)] = column
        while len(self._kept) > MOST_KEPT:
            self._kept.pop(next(iter(self._kept)))

    @staticmethod
    def make_room(arena: Arena) -> None:
        """Forget what a search has noted when its room is nearly used: only the newest routes are wanted."""
        rows, nodes = int(arena.n[at.POOL_ROWS]), int(arena.n[at.POOL_USED])
        if rows > at.POOL_MOST_ROUTES // 2 or nodes > at.POOL_MOST_NODES // 2:
            arena.n[at.POOL_ROWS] = arena.n[at.POOL_USED] = 0

    def newest(self) -> list[Column]:
        """The most recent columns, oldest first, and those of whole plans."""
        recent = dict(list(self._columns.items())[-MOST_COLUMNS:])
        return list({**self._kept, **recent}.values())


def recombine(
    arena: Arena, columns: list[Column], *, seconds: float | None, work: float, seed: int
) -> list[list[int]] | None:
    """Nodes per slot of a plan better than the arena's best, or None. `work`: deterministic time limit."""
    model = cp_model.CpModel()
    chosen = [model.new_bool_var("") for _ in columns]
    terms: list[cp_model.LinearExprT] = []
    terms += [_whole(c.cost) * var for c, var in zip(columns, chosen, strict=True)]
    terms += _cover(arena, model, columns, chosen)
    _limit_slots(arena, model, columns, chosen)
    _share_places(arena, model, columns, chosen)
    _hint(arena, model, columns, chosen)
    best = float(arena.f[arena.n[at.TOTAL] + at.BEST])
    model.add(sum(terms) <= _whole(best) - 1)
    model.minimize(sum(terms))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = seed
    solver.parameters.max_deterministic_time = work
    if seconds is not None:
        solver.parameters.max_time_in_seconds = seconds
    if solver.solve(model) not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return None
    return _seat(arena, [c for c, var in zip(columns, chosen, strict=True) if solver.boolean_value(var)])


def _whole(value: float) -> int:
    return round(value * PRECISION)


def _requests(arena: Arena, column: Column) -> set[int]:
    return set(arena.view(at.NODE)[list(column.nodes), at.OF_REQUEST].tolist())


def _cover(
    arena: Arena, model: cp_model.CpModel, columns: list[Column], chosen: list[cp_model.IntVar]
) -> list[cp_model.LinearExprT]:
    """Each request once, or absent at the price of its value."""
    carriers = defaultdict[int, list[cp_model.IntVar]](list)
    for column, var in zip(columns, chosen, strict=True):
        for request in _requests(arena, column):
            carriers[request].append(var)
    terms: list[cp_model.LinearExprT] = []
    for request, row in enumerate(arena.view(at.REQUEST_VALUES)):
        absent = model.new_bool_var("")
        model.add_exactly_one([*carriers[request], absent])
        terms.append(_whole(float(row[at.VALUE])) * absent)
    return terms


def _limit_slots(
    arena: Arena, model: cp_model.CpModel, columns: list[Column], chosen: list[cp_model.IntVar]
) -> None:
    """No more routes of a type than there are vehicles, and no more than the search allows itself."""
    for kind, count in enumerate(np.bincount(arena.view(at.SLOT_TYPE)).tolist()):
        mine = [var for column, var in zip(columns, chosen, strict=True) if column.kind == kind]
        if mine:
            model.add(sum(mine) <= count)
    model.add(sum(chosen) <= int(arena.n[at.MOST_ROUTES]))


def _share_places(
    arena: Arena, model: cp_model.CpModel, columns: list[Column], chosen: list[cp_model.IntVar]
) -> None:
    """What routes share: cells by size, service levels, goods in a cabinet."""
    used = defaultdict[tuple[str, int, int], list[cp_model.LinearExprT]](list)
    for column, var in zip(columns, chosen, strict=True):
        for key, count in _uses(arena, column).items():
            used[key].append(count * var)
    room, levels = arena.view(at.CELL_ROOM), arena.view(at.LEVEL)
    for (what, number, level), terms in used.items():
        model.add(sum(terms) <= int(room[number, level] if what == "cells" else levels[number, 1]))
    _part_goods(arena, model, columns, chosen)


def _uses(arena: Arena, column: Column) -> Counter[tuple[str, int, int]]:
    """Parcels by group of cells and size, and by service level that they miss."""
    nodes, requests, levels = arena.view(at.NODE), arena.view(at.REQUEST), arena.view(at.LEVEL)
    counts: Counter[tuple[str, int, int]] = Counter()
    for x in column.nodes:
        request = requests[nodes[x, at.OF_REQUEST]]
        if nodes[x, at.CELLS] >= 0:
            for level in range(3):
                counts["cells", int(nodes[x, at.CELLS]), level] += int(request[at.NEED + level])
        for number, (preference, _) in enumerate(levels.tolist()):
            if nodes[x, at.PREFERENCE] > preference:
                counts["level", number, 0] += int(request[at.WEIGHT])
    return +counts


def _part_goods(
    arena: Arena, model: cp_model.CpModel, columns: list[Column], chosen: list[cp_model.IntVar]
) -> None:
    """Each cabinet takes one of the two classes of goods that must not mix."""
    nodes, requests = arena.view(at.NODE), arena.view(at.REQUEST)
    sides: dict[int, cp_model.IntVar] = {}
    for column, var in zip(columns, chosen, strict=True):
        for x in column.nodes:
            cabinet = int(nodes[x, at.CABINET])
            if cabinet >= 0:
                side = sides.setdefault(cabinet, model.new_bool_var(""))
                food = requests[nodes[x, at.OF_REQUEST], at.GOODS] == GOODS[Goods.FOOD]
                model.add_implication(var, side if food else ~side)


def _hint(
    arena: Arena, model: cp_model.CpModel, columns: list[Column], chosen: list[cp_model.IntVar]
) -> None:
    """Begin at the best plan."""
    routes, lengths = arena.view(at.BEST_ROUTE), arena.view(at.BEST_LENGTH)
    best = {frozenset(routes[r, 1 : lengths[r] + 1].tolist()) for r in range(len(lengths)) if lengths[r]}
    for column, var in zip(columns, chosen, strict=True):
        model.add_hint(var, frozenset(column.nodes) in best)


def _seat(arena: Arena, columns: Iterable[Column]) -> list[list[int]]:
    """Give each chosen route a slot of its type."""
    kinds = arena.view(at.SLOT_TYPE).tolist()
    routes: list[list[int]] = [[] for _ in kinds]
    for column in columns:
        slot = next(k for k, kind in enumerate(kinds) if kind == column.kind and not routes[k])
        routes[slot] = list(column.nodes)
    return routes
