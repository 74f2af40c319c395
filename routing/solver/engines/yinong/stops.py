"""Whole stops as requests: what a plan serves at one stop moves together.

Where a stop has dozens of parcels, a search that takes them out and puts them back one by one hardly ever
moves the stop. Here the parcels of each stop of a plan become one request, served where they are served now:
a coarse problem of the same vehicles, whose plans are plans of the fine one. `levels.py` searches both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import numpy as np

from routing.solver.core.likeness import preference_of
from routing.solver.core.network import Kind
from routing.solver.engines.yinong import layout as at
from routing.solver.engines.yinong.arrays import Compiled, compile_arrays
from routing.solver.engines.yinong.bundles import Request
from routing.solver.engines.yinong.layout import Floats

#: A request fills at most this share of any compartment: a larger stop is several requests.
FILL = 0.34

Routes = list[list[int]]


@dataclass(frozen=True, slots=True)
class Stops:
    """The coarse problem, the plan that it came from, and the fine nodes behind each coarse one."""

    compiled: Compiled
    routes: Routes
    parts: list[tuple[int, ...]]

    def unfold(self, routes: Routes) -> Routes:
        """A plan of the coarse problem as one of the fine problem."""
        return [[part for node in route for part in self.parts[node]] for route in routes]


def gather(fine: Compiled, routes: Routes, *, seed: int, absent: Iterable[int] = ()) -> Stops:
    """The coarse problem of a plan. Promised stops, pairs and what is absent stay as they are.

    `absent`: nodes that absent requests shall be served at, together where they share a site.
    """
    draft, locked = _Draft.of(fine), fine.arena.view(at.LOCKED)
    coarse = [
        [node for run in _runs(fine, route, int(locked[slot])) for node in draft.stop(run)]
        for slot, route in enumerate(routes)
    ]
    for run in _by_site(fine, absent):
        draft.stop(run)
    for request in range(len(fine.requests)):
        if request not in draft.known:
            draft.alone(request)
    compiled = compile_arrays(fine.net, seed=seed, asked=draft.asked)
    compiled.arena.view(at.LOCKED)[:] = locked
    return Stops(compiled, coarse, draft.parts)


def _runs(fine: Compiled, route: list[int], locked: int) -> Iterator[list[int]]:
    """The promised nodes one by one, then the nodes of each stop."""
    yield from ([node] for node in route[:locked])
    sites = fine.arena.view(at.NODE)[:, at.SITE]
    for _, run in groupby(route[locked:], key=lambda node: int(sites[node])):
        yield list(run)


def _by_site(fine: Compiled, nodes: Iterable[int]) -> Iterable[list[int]]:
    sites, runs = fine.arena.view(at.NODE)[:, at.SITE], defaultdict[int, list[int]](list)
    for node in nodes:
        runs[int(sites[node])].append(node)
    return runs.values()


@dataclass(slots=True)
class _Draft:
    """Requests of the coarse problem while they grow."""

    fine: Compiled
    first: list[int]  # first node of each fine request
    fill: Floats  # share of the smallest room that each fine request takes
    asked: list[Request] = field(default_factory=list)
    parts: list[tuple[int, ...]] = field(default_factory=list)
    known: dict[int, int] = field(default_factory=dict)  # first coarse node by fine request

    @classmethod
    def of(cls, fine: Compiled) -> _Draft:
        """Nothing asked yet."""
        first = [node for node, (_, *chain) in enumerate(fine.origin) if chain == [0, 0]]
        demand, capacity = fine.arena.view(at.DEMAND), fine.arena.view(at.CAPACITY)
        shares = demand / np.maximum(capacity, 1e-9)[:, None, :]
        return cls(fine, first, shares.max(axis=(0, 2), initial=0.0))

    def stop(self, run: list[int]) -> list[int]:
        """Coarse nodes of a stop, goods down first and goods up last, so that the load is never higher."""
        groups: dict[Kind, dict[Any, list[int]]] = {kind: defaultdict(list) for kind in Kind}
        kinds, single = self.fine.arena.view(at.NODE)[:, at.KIND], len(run) == 1
        others = []
        for node in run:
            kind = Kind(int(kinds[node]))
            if single or kind in (Kind.COLLECT, Kind.DROP):
                others.append(self._same(node))
            else:
                groups[kind][self._terms(node)].append(node)
        down, up = (
            [self._together(part) for group in groups[kind].values() for part in self._cut(group)]
            for kind in (Kind.DELIVER, Kind.PICK_UP)
        )
        return [*down, *others, *up]

    def alone(self, request: int) -> None:
        """Take a request over with all its alternatives."""
        self.known[request] = len(self.parts)
        self.asked.append(self.fine.requests[request])
        count = sum(len(chain) for chain in self.fine.requests[request].chains)
        self.parts += [(self.first[request] + k,) for k in range(count)]

    def _same(self, node: int) -> int:
        """The coarse node of a node whose request stays alone."""
        request = self.fine.origin[node][0]
        if request not in self.known:
            self.alone(request)
        return self.known[request] + node - self.first[request]

    def _together(self, nodes: list[int]) -> int:
        """One request of the requests of some nodes, served there."""
        if len(nodes) == 1:
            return self._same(nodes[0])
        requests = [self.fine.origin[node][0] for node in nodes]
        members = tuple(m for request in requests for m in self.fine.requests[request].members)
        handled = tuple(index for node in nodes for index in self.fine.nodes_of(node))
        self.known |= dict.fromkeys(requests, len(self.parts))
        self.asked.append(Request(members, ((handled,),)))
        self.parts.append(tuple(nodes))
        return len(self.parts) - 1

    def _terms(self, node: int) -> Any:
        """What requests must share to be one, beside their stop."""
        net, request = self.fine.net, self.fine.origin[node][0]
        number = self.fine.requests[request].members[0]
        item, rides = net.problem.shipments[number], net.rides[number]
        liked = preference_of(net, self.fine.nodes_of(node)[0]) if net.problem.objective.service_levels else 0
        exposed = tuple(None if ride is None else ride.exposed for ride in rides)
        return item.goods, item.vehicles, item.hub, item.release_s, item.due_s, exposed, liked

    def _cut(self, nodes: list[int]) -> Iterator[list[int]]:
        """Nodes in parts that fill no more than FILL."""
        part, full = list[int](), 0.0
        for node in nodes:
            share = float(self.fill[self.fine.origin[node][0]])
            if part and full + share > FILL:
                yield part
                part, full = [], 0.0
            part.append(node)
            full += share
        yield part
