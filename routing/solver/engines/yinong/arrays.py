"""The problem laid out in the arenas of a search.

A *request* is one shipment, or several that are served together (`bundles.py`, `stops.py`). A *slot* is one
vehicle; slots of equal vehicles share a *type*. A node stands for one node of `core.network` per shipment of
its request; a start and an end node per type follow. Demand has one column per compartment and measure that
can bind.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from routing.solver.core.likeness import preference_of
from routing.solver.core.network import Kind, Network
from routing.solver.engines.yinong import layout as at
from routing.solver.engines.yinong.bundles import Request, requests
from routing.solver.engines.yinong.layout import NEVER, Arena, Floats, Ints, rows
from routing.solver.problem import Vehicle
from routing.solver.terms import Goods, Size

GOODS = {Goods.NEUTRAL: 0, Goods.FOOD: 1, Goods.PESTICIDE: 2}
#: No route has more nodes than this plus four times the average, unless promised.
LONGEST = 256
#: Neighbouring places that a ruin may look at.
NEAR = 400


@dataclass(frozen=True, slots=True)
class Compiled:
    """An arena with the way back: `origin[node]` = (request, alternative, place in the chain)."""

    net: Network
    arena: Arena
    requests: list[Request]
    origin: list[tuple[int, int, int]]
    slots: list[int]

    def nodes_of(self, node: int) -> tuple[int, ...]:
        """The network's nodes that a chosen node stands for, one per shipment of its request."""
        request, alternative, position = self.origin[node]
        return self.requests[request].chains[alternative][position]


def compile_arrays(net: Network, *, seed: int, asked: list[Request] | None = None) -> Compiled:
    """Lay out a problem and an empty plan. Shipments without any alternative have no request.

    `asked`: requests of these vehicles' problem; else those of `bundles.py`.
    """
    slots, types = _types(net)
    asked = requests(net, types) if asked is None else asked
    nodes, origin = _nodes(net, asked)
    arena = Arena()
    _lay_problem(arena, net, asked, nodes, slots, types)
    _lay_search(
        arena,
        nodes=len(origin) + 2 * len(types),
        requests=len(asked),
        slots=len(slots),
        promised=max((len(vehicle.locked) for vehicle in net.problem.vehicles), default=0),
        seed=seed,
    )
    return Compiled(net, arena.close(), asked, origin, [vehicle for vehicle, _ in slots])


def _types(net: Network) -> tuple[list[tuple[int, int]], list[int]]:
    """((vehicle, type) per slot, a vehicle per type). A vehicle that is named somewhere is its own type."""
    named: set[str] = set()
    for shipment in net.problem.shipments:
        named |= shipment.vehicles or frozenset()
    known: dict[Vehicle, int] = {}
    types: list[int] = []
    slots: list[tuple[int, int]] = []
    for number, vehicle in enumerate(net.problem.vehicles):
        alike = vehicle if vehicle.locked or vehicle.id in named else replace(vehicle, id="alike")
        if alike not in known:
            known[alike] = len(types)
            types.append(number)
        slots.append((number, known[alike]))
    return slots, types


class _Nodes:
    """Columns of the node tables while they grow."""

    def __init__(self) -> None:
        self.ints: list[tuple[int, ...]] = []
        self.times: list[tuple[float, ...]] = []
        self.first: list[int] = []
        self.second: list[int] = []
        self.alternatives_from: list[int] = [0]


def _nodes(net: Network, asked: list[Request]) -> tuple[_Nodes, list[tuple[int, int, int]]]:
    nodes, origin = _Nodes(), list[tuple[int, int, int]]()
    groups = _cell_groups(net)
    for request, item in enumerate(asked):
        for alternative, chain in enumerate(item.chains):
            for position, handled in enumerate(chain):
                mine = [net.nodes[index] for index in handled]
                first = mine[0]
                group, cabinet = _drop_cells(net, item.members[0], handled[0], groups)
                row = (request, int(first.kind), first.place, first.site, group, cabinet)
                nodes.ints.append((*row, preference_of(net, handled[0])))
                nodes.times.append(
                    (
                        max(float(first.opens_s), -NEVER),
                        min(float(first.closes_s), NEVER),
                        float(first.setup_s),
                        float(sum(node.service_s for node in mine)),
                        float(sum(node.choice_fen for node in mine)),
                    )
                )
                origin.append((request, alternative, position))
            nodes.first.append(len(origin) - len(chain))
            nodes.second.append(len(origin) - 1 if len(chain) == 2 else -1)
        nodes.alternatives_from.append(len(nodes.first))
    return nodes, origin


def _cell_groups(net: Network) -> dict[tuple[int, str], int]:
    keys = [(k, g.zone.value) for k, place in enumerate(net.problem.places) for g in place.cells or ()]
    return {key: number for number, key in enumerate(keys)}


def _drop_cells(
    net: Network, shipment: int, node: int, groups: dict[tuple[int, str], int]
) -> tuple[int, int]:
    """(group of cells, cabinet) of a drop; (-1, -1) where no cell is used."""
    item = net.nodes[node]
    if item.kind not in (Kind.DELIVER, Kind.DROP) or net.problem.places[item.place].cells is None:
        return -1, -1
    goods = net.problem.shipments[shipment].goods
    return (
        groups[item.place, net.problem.shipments[shipment].zone.value],
        item.place if goods is not Goods.NEUTRAL else -1,
    )


def _lay_problem(
    arena: Arena,
    net: Network,
    asked: list[Request],
    nodes: _Nodes,
    slots: list[tuple[int, int]],
    types: list[int],
) -> None:
    """Everything that the search only reads."""
    problem = net.problem
    distance = np.array(net.distance_m)
    distance[~np.isfinite(distance)] = 1e9
    time = np.array(net.time_s)
    time[distance >= 1e9] = 1e9
    demand, capacity = _loads(net, asked, types)
    for slot, value in (
        (at.SLOTS, len(slots)),
        (at.TYPES, len(types)),
        (at.REQUESTS, len(asked)),
        (at.PLACES, len(problem.places)),
        (at.COLUMNS, demand.shape[2]),
        (at.LEVELS, len(problem.objective.service_levels)),
    ):
        arena.set(slot, value)
    arena.floats(at.DISTANCE, distance)
    arena.floats(at.TIME, time)
    arena.floats(at.DISTANCE_TO, distance.T)
    arena.floats(at.TIME_TO, time.T)
    near = np.argsort(distance, axis=1, kind="stable")[:, :NEAR]
    arena.set(at.NEAR_WIDTH, near.shape[1])
    arena.ints(at.NEAR, near)
    _lay_nodes(arena, net, nodes, types)
    arena.floats(at.DEMAND, demand)
    arena.floats(at.CAPACITY, capacity)
    down = all(row[at.KIND] == Kind.DELIVER for row in nodes.ints)
    arena.set(at.ALL_DOWN, int(down))
    arena.floats(at.LEAST, demand[:, :, 0].min(axis=0) if down and demand.size else np.zeros(len(asked)))
    _lay_requests(arena, net, asked, types)
    arena.floats(at.SORT_KEYS, _sort_keys(net, nodes, demand, capacity, distance))
    arena.ints(at.CELL_ROOM, _cell_room(net))
    arena.ints(at.CABINET_HOLDS, [sum(1 << GOODS[g] for g in p.holds) for p in problem.places])
    arena.ints(at.LEVEL, _levels(net, asked))
    arena.ints(at.SLOT_TYPE, [kind for _, kind in slots])
    _lay_types(arena, net, types)


def _lay_nodes(arena: Arena, net: Network, nodes: _Nodes, types: list[int]) -> None:
    """Nodes of the requests, then a start and an end per type, each a site of its own."""
    ints, times = list(nodes.ints), list(nodes.times)
    for number, vehicle in enumerate(types):
        shift = net.problem.vehicles[vehicle].shift
        for place, site in ((net.starts[vehicle], -1 - 2 * number), (net.ends[vehicle], -2 - 2 * number)):
            ints.append((-1, 4, place, site, -1, -1, 0))
            times.append((float(shift.opens_s), float(shift.closes_s), 0.0, 0.0, 0.0))
    arena.ints(at.NODE, rows(ints, at.NODE_WIDTH))
    arena.floats(at.NODE_TIMES, rows(times, at.NODE_TIMES_WIDTH))
    arena.ints(at.FIRST_OF_ALTERNATIVE, nodes.first)
    arena.ints(at.SECOND_OF_ALTERNATIVE, nodes.second)
    arena.ints(at.ALTERNATIVES_FROM, nodes.alternatives_from)
    places = np.array([row[at.PLACE] for row in nodes.ints], dtype=np.int64)
    order = np.argsort(places, kind="stable")
    arena.ints(at.PLACE_NODES, order)
    arena.ints(at.PLACE_FROM, np.searchsorted(places[order], np.arange(len(net.problem.places) + 1)))
    arena.ints(at.TYPE_START, len(nodes.ints) + np.arange(2 * len(types)))


def _loads(net: Network, asked: list[Request], types: list[int]) -> tuple[Floats, Floats]:
    """Demand and capacity by compartment and measure; columns that can never bind are left out."""
    most = max((len(net.problem.vehicles[v].compartments) for v in types), default=1)
    demand = np.zeros((len(types), len(asked), 2 * most))
    capacity = np.full((len(types), 2 * most), 0.0)
    for t, vehicle in enumerate(types):
        for c, room in enumerate(net.problem.vehicles[vehicle].compartments):
            capacity[t, 2 * c : 2 * c + 2] = float(room.volume_ml), float(room.weight_g)
        for q, request in enumerate(asked):
            for shipment in request.members:
                ride, item = net.rides[shipment][vehicle], net.problem.shipments[shipment]
                if ride is not None:
                    demand[t, q, 2 * ride.compartment] += item.volume_ml
                    demand[t, q, 2 * ride.compartment + 1] += item.weight_g
    binding = (demand.sum(axis=1) > capacity).any(axis=0)
    return np.ascontiguousarray(demand[:, :, binding]), np.ascontiguousarray(capacity[:, binding])


def _lay_requests(arena: Arena, net: Network, asked: list[Request], types: list[int]) -> None:
    """What a request needs and is worth; for several shipments the strictest of their terms."""
    ints, values = [], []
    for request in asked:
        items = [net.problem.shipments[m] for m in request.members]
        item = items[0]
        needs = [sum(i.size is not None and i.size >= size for i in items) for size in Size]
        ints.append((GOODS[item.goods], *needs, len(items)))
        release = item.release_s if item.direction == "down" else None
        due = item.due_s if item.direction == "up" else None
        worth = float(sum(i.value_fen for i in items))
        budget = min(NEVER if i.cold_budget_s is None else float(i.cold_budget_s) for i in items)
        early, late = -NEVER if release is None else float(release), NEVER if due is None else float(due)
        values.append((worth, budget, early, late))
    arena.ints(at.REQUEST, rows(ints, at.REQUEST_WIDTH))
    arena.floats(at.REQUEST_VALUES, rows(values, at.REQUEST_VALUES_WIDTH))
    exposed, most = _outings(net, asked, types)
    whole = [[handled[0] for handled in chain] for request in asked for chain in request.chains]
    chains = [chain for chain in whole for _ in chain]
    allowed = [[all(net.may_carry(v, n) for n in chain) for v in types] for chain in chains]
    arena.ints(at.ALLOWED, np.array(allowed, dtype=np.int64))
    table = rows(values, at.REQUEST_VALUES_WIDTH)
    bound = (table[:, at.RELEASE] > -NEVER).any() or (table[:, at.DUE_BACK] < NEVER).any()
    cold = exposed.any() or (most < NEVER).any()
    arena.set(at.PLAIN, int(not bound and not cold and not any(row[at.GOODS] for row in ints)))
    arena.ints(at.EXPOSED, exposed)
    arena.floats(at.MOST_STOPS, most)


def _outings(net: Network, asked: list[Request], types: list[int]) -> tuple[Any, Floats]:
    """(whether it rides outside its zone, fewest stops that a member allows) by type and request."""
    shape = (len(types), len(asked))
    exposed, most = np.zeros(shape, bool), np.full(shape, NEVER)
    for t, vehicle in enumerate(types):
        for q, request in enumerate(asked):
            rides = [ride for m in request.members if (ride := net.rides[m][vehicle]) is not None]
            exposed[t, q] = any(ride.exposed for ride in rides)
            most[t, q] = min([NEVER, *(ride.most_stops for ride in rides)])
    return exposed, most


def _sort_keys(net: Network, nodes: _Nodes, demand: Floats, capacity: Floats, distance: Floats) -> Floats:
    """Ascending keys by which requests are put back: demand, far, close, window length, opening, closing."""
    count = len(nodes.alternatives_from) - 1
    keys = np.zeros((6, count))
    depot = net.starts[0] if net.starts else 0
    for q in range(count):
        chains = range(nodes.alternatives_from[q], nodes.alternatives_from[q + 1])
        mine = [nodes.first[k] for k in chains] + [nodes.second[k] for k in chains if nodes.second[k] >= 0]
        far = min(distance[depot, nodes.ints[x][at.PLACE]] for x in mine)
        opens, closes = min(nodes.times[x][0] for x in mine), max(nodes.times[x][1] for x in mine)
        length = sum(nodes.times[x][1] - nodes.times[x][0] for x in mine)
        share = float((demand[:, q, :] / np.maximum(capacity, 1e-9)).max()) if demand[:, q, :].size else 0.0
        keys[:, q] = -share, -far, far, length, opens, -closes
    return keys


def _cell_room(net: Network) -> Ints:
    rows = [[g.at_least(size) for size in Size] for p in net.problem.places for g in p.cells or ()]
    return np.array(rows, dtype=np.int64).reshape(-1, 3)


def _levels(net: Network, asked: list[Request]) -> Ints:
    """(preference, most shipments with a worse one) by service level."""
    count = sum(len(request.members) for request in asked)
    levels = net.problem.objective.service_levels
    table = [(level.preference, math.floor((1 - level.share) * count + 1e-6)) for level in levels]
    return np.array(table, dtype=np.int64).reshape(-1, 2)


def _lay_types(arena: Arena, net: Network, types: list[int]) -> None:
    vans = [net.problem.vehicles[v] for v in types]
    values = [
        (
            float(van.shift.opens_s),
            float(van.shift.closes_s),
            float(van.fixed_fen),
            van.fen_per_km / 1000,
            van.fen_per_hour / 3600,
            NEVER if van.max_distance_m is None else float(van.max_distance_m),
        )
        for van in vans
    ]
    arena.floats(at.TYPE_VALUES, rows(values, at.TYPE_VALUES_WIDTH))
    most = max((len(van.breaks) for van in vans), default=0)
    breaks = np.full((len(vans), most, 3), -1.0)
    for t, van in enumerate(vans):
        for b, rest in enumerate(sorted(van.breaks, key=lambda rest: rest.earliest_s)):
            breaks[t, b] = rest.earliest_s, rest.latest_s, rest.duration_s
    arena.set(at.BREAKS, most)
    arena.floats(at.BREAK, breaks)


def _lay_search(arena: Arena, *, nodes: int, requests: int, slots: int, promised: int, seed: int) -> None:
    """Everything that the search writes: an empty plan, every request absent."""
    longest = min(nodes + 2, LONGEST + 4 * requests // max(1, slots) + 2 * promised) | 1
    columns, places = int(arena.n[at.COLUMNS]), int(arena.n[at.PLACES])
    arena.set(at.LONGEST, longest)
    arena.set(at.MOST_ROUTES, slots)
    arena.set(at.RANDOM, at.random_start(seed))
    ints: tuple[tuple[int, int | tuple[int, ...]], ...] = (
        (at.ROUTE, (slots, longest)),
        (at.LENGTH, slots),
        (at.LOCKED, slots),
        (at.STOPS, slots),
        (at.FRAGILE, slots),
        (at.ROUTE_GOODS, (slots, 3)),
        (at.POSITION, nodes),
        (at.MARKED, requests),
        (at.REMOVED, requests + 1),
        (at.CELLS_USED, (4 * places, 3)),
        (at.CABINET_GOODS, (places, 3)),
        (at.LEVEL_USED, int(arena.n[at.LEVELS]) + 1),
        (at.FROZEN, slots),
        (at.USED, slots + 1),
        (at.FOREIGN, requests),
        (at.TOUCHED, slots + 1),
        (at.TOUCH_STAMP, slots),
        (at.SAVED_ROUTE, (slots, longest)),
        (at.SAVED_LENGTH, slots),
        (at.BEST_ROUTE, (slots, longest)),
        (at.BEST_LENGTH, slots),
        (at.SCRATCH, longest + 2),
        (at.STOP_FIRST, longest + 2),
        (at.BOARDED, requests),
        (at.POOL_NODES, at.POOL_MOST_NODES),
        (at.POOL_FROM, at.POOL_MOST_ROUTES + 1),
        (at.POOL_SLOT, at.POOL_MOST_ROUTES),
        (at.VERSION, slots),
        (at.KNOWN, (nodes, slots)),
        (at.KNOWN_AT, (nodes, slots)),
        (at.HERE, (slots, longest, at.HERE_WIDTH)),
    )
    for table, shape in ints:
        arena.ints(table, np.zeros(shape, dtype=np.int64))
    for table in (at.ROUTE_OF, at.NODE_OF, at.SECOND_OF, at.OLD_ROUTE, at.OLD_NODE, at.OLD_SECOND):
        arena.ints(table, np.full(requests, -1))
    floats: tuple[tuple[int, int | tuple[int, ...]], ...] = (
        (at.CLOCK, (slots, longest, at.CLOCK_WIDTH)),
        (at.LOAD, (slots, longest, columns, at.LOAD_WIDTH)),
        (at.ROUTE_VALUES, (slots, at.ROUTE_VALUES_WIDTH)),
        (at.SAVED_COST, slots),
        (at.SPARE, slots),
        (at.LEVEL_PRICE, int(arena.n[at.LEVELS]) + 1),
        (at.LEVEL_NOW, int(arena.n[at.LEVELS]) + 1),
        (at.SORT_KEY, requests + 1),
        (at.MISSED, requests),
        (at.STOP_TIMES, (longest + 2, at.STOP_TIMES_WIDTH)),
        (at.POOL_COST, at.POOL_MOST_ROUTES),
        (at.KNOWN_COST, (nodes, slots)),
        (at.TOTAL, 2),
    )
    for table, shape in floats:
        arena.floats(table, np.zeros(shape))
