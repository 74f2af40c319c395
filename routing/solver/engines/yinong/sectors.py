"""Several workers on one plan: each owns some routes and leaves the others alone.

The routes are cut by their distance from a random place, so that every cut runs elsewhere. What all share
(free cells, service levels, free vehicles, empty cabinets) is shared out for the time of the cut, so that the
parts fit together again whatever each worker does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from routing.solver.engines.yinong import layout as at
from routing.solver.engines.yinong.layout import Arena, Ints

#: Fewest routes and requests that are worth a worker of their own.
FEWEST_ROUTES, FEWEST_REQUESTS = 8, 60


@dataclass(frozen=True, slots=True)
class Shared:
    """What all routes share, as the problem gives it."""

    cells: Ints
    levels: Ints
    holds: Ints

    @classmethod
    def of(cls, arena: Arena) -> Shared:
        """Copies, before any cut."""
        tables = (at.CELL_ROOM, at.LEVEL, at.CABINET_HOLDS)
        return cls(*(arena.view(table).copy() for table in tables))

    def restore(self, arena: Arena) -> None:
        """End of a cut: everything is everybody's again."""
        arena.view(at.CELL_ROOM)[:] = self.cells
        arena.view(at.LEVEL)[:] = self.levels
        arena.view(at.CABINET_HOLDS)[:] = self.holds
        arena.view(at.FROZEN)[:] = 0
        arena.view(at.FOREIGN)[:] = 0


def worth_it(arena: Arena, parts: int) -> bool:
    """Whether a plan is large enough for so many parts."""
    used = int(np.count_nonzero(arena.view(at.LENGTH)))
    return (
        parts > 1 and used >= parts * FEWEST_ROUTES and int(arena.n[at.REQUESTS]) >= parts * FEWEST_REQUESTS
    )


def owners(arena: Arena, parts: int, rng: np.random.Generator) -> Ints:
    """The part of each slot: routes by distance from a random place, with as many nodes each."""
    routes, lengths = arena.view(at.ROUTE), arena.view(at.LENGTH)
    places, distance = arena.view(at.NODE)[:, at.PLACE], arena.view(at.DISTANCE)
    owner = np.zeros(len(lengths), dtype=np.int64)
    used = np.flatnonzero(lengths)
    _cut(
        owner,
        used,
        list(range(parts)),
        lengths,
        lambda pole, r: _far(routes, lengths, places, distance, pole, r),
        rng,
    )
    for number, slot in enumerate(np.flatnonzero(lengths == 0)):
        owner[slot] = number % parts
    return owner


def _far(routes: Ints, lengths: Ints, places: Ints, distance: Any, pole: int, route: int) -> float:
    """Mean distance of a route's stops from a place of the pole route."""
    here = places[routes[pole, 1]]
    return float(distance[here, places[routes[route, 1 : lengths[route] + 1]]].mean())


def _cut(
    owner: Ints, used: Ints, parts: list[int], lengths: Ints, far: Any, rng: np.random.Generator
) -> None:
    """Halve the routes, and the parts, until one part is left."""
    owner[used] = parts[0]
    if len(parts) == 1 or len(used) < 2:
        return
    pole = int(rng.choice(used))
    order = np.array(sorted(used.tolist(), key=lambda route: (far(pole, route), route)))
    half = len(parts) // 2
    share = np.cumsum(lengths[order]) / lengths[order].sum()
    cut = min(len(order) - 1, max(1, int(np.searchsorted(share, half / len(parts)))))
    _cut(owner, order[:cut], parts[:half], lengths, far, rng)
    _cut(owner, order[cut:], parts[half:], lengths, far, rng)


def freeze(arena: Arena, shared: Shared, owner: Ints, part: int, parts: int) -> None:
    """Let the arena change only the routes of its part, with its share of what is free."""
    arena.view(at.FROZEN)[:] = owner != part
    absent = np.cumsum(arena.view(at.ROUTE_OF) < 0)
    arena.view(at.FOREIGN)[:] = absent % parts != part
    groups = len(shared.cells)
    used = arena.view(at.CELLS_USED)[:groups]
    arena.view(at.CELL_ROOM)[:] = used + share(shared.cells - used, part, parts)
    levels = len(shared.levels)
    spent = arena.view(at.LEVEL_USED)[:levels]
    arena.view(at.LEVEL)[:, 1] = spent + share(shared.levels[:, 1] - spent, part, parts)
    goods = arena.view(at.CABINET_GOODS)[:, 1:] > 0
    holds = shared.holds | (goods[:, 0] * 2) | (goods[:, 1] * 4)
    others = np.arange(len(holds)) % parts != part
    arena.view(at.CABINET_HOLDS)[:] = np.where((holds == 0) & others, 6, holds)


def share(free: Ints, part: int, parts: int) -> Ints:
    """This part's share of what is free; odd ones go to the parts in turn, by row."""
    rows = np.arange(len(free)).reshape(-1, *([1] * (free.ndim - 1)))
    return free // parts + ((part + rows) % parts < free % parts)
