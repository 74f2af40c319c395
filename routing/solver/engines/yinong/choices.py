"""One place for each request before there is any route: liked, and where a van goes anyway.

Places of those without a choice are open; another one costs the way from the nearest open place. Cells are
counted; a request that finds none is left to the search.
"""

from __future__ import annotations

import numpy as np

from routing.solver.engines.yinong import layout as at
from routing.solver.engines.yinong.arrays import Compiled


def choose(compiled: Compiled) -> list[int]:
    """A node for each absent request that is no pair and fits into a cell; few places choose first."""
    view = compiled.arena.view
    nodes, requests, choice = view(at.NODE), view(at.REQUEST), view(at.NODE_TIMES)[:, at.CHOICE]
    room, way = view(at.CELL_ROOM) - view(at.CELLS_USED)[: len(view(at.CELL_ROOM))], _ways(compiled)
    served, found = view(at.ROUTE_OF) >= 0, list[int]()
    open_now = np.zeros(len(way), dtype=bool)
    open_now[nodes[view(at.TYPE_START), at.PLACE]] = True
    options = [_options(compiled, request) for request in range(len(compiled.requests))]
    order = sorted(range(len(options)), key=lambda q: (len({int(nodes[x, at.PLACE]) for x in options[q]}), q))
    for request in order:
        need, best, least = requests[request, at.NEED : at.NEED + 3], -1, np.inf
        for node in options[request] if not served[request] else ():
            place, group = nodes[node, at.PLACE], nodes[node, at.CELLS]
            if group >= 0 and (room[group] < need)[need > 0].any():
                continue
            cost = choice[node] + (0.0 if open_now[place] else way[place, open_now].min())
            if cost < least:
                best, least = node, cost
        if best >= 0:
            found.append(best)
            open_now[nodes[best, at.PLACE]] = True
            if nodes[best, at.CELLS] >= 0:
                room[nodes[best, at.CELLS]] -= need
    return found


def _options(compiled: Compiled, request: int) -> list[int]:
    """Nodes of the alternatives of a request that is no pair."""
    view = compiled.arena.view
    rows = slice(*view(at.ALTERNATIVES_FROM)[request : request + 2])
    if (view(at.SECOND_OF_ALTERNATIVE)[rows] >= 0).any():
        return []
    return view(at.FIRST_OF_ALTERNATIVE)[rows].tolist()  # type: ignore[no-any-return]


def _ways(compiled: Compiled) -> at.Floats:
    """Cost of the way between places in the first type of vehicle."""
    view = compiled.arena.view
    kind = view(at.TYPE_VALUES)[0]
    return np.asarray(view(at.DISTANCE) * kind[at.PER_METRE] + view(at.TIME) * kind[at.PER_SECOND])
