"""What a peer has to route: requests with one or more chains of stops, in whole numbers.

The bundling is ours, so that a peer does not route 3,600 parcels one by one.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from routing.solver.core.network import Kind, Network
from routing.solver.core.plan import Plan
from routing.solver.engines.base import Watch
from routing.solver.engines.ortools.assign import assign
from routing.solver.engines.ortools.bundles import bundle
from routing.solver.engines.yinong.bundles import bundles
from routing.solver.matrix import Floats
from routing.solver.problem import Vehicle

#: Latest moment of any clock, seconds.
HORIZON_S = 1_000_000


@dataclass(frozen=True, slots=True)
class Spot:
    """Shipments handled together at one stop: nodes of one site and kind."""

    nodes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """Shipments served together, by one of the chains: a spot, or a collection and its drop."""

    chains: tuple[tuple[Spot, ...], ...]
    value_fen: float


def undecided(net: Network) -> list[Request]:
    """Requests with all their options, bundled as our search bundles them."""
    found: list[Request] = []
    for members in bundles(net, range(len(net.problem.vehicles))):
        chains = zip(*(net.alternatives[number] for number in members), strict=True)
        spots = [
            tuple(Spot(tuple(chain[k] for chain in same)) for k in range(len(same[0]))) for same in chains
        ]
        found.append(Request(tuple(spots), sum(net.problem.shipments[n].value_fen for n in members)))
    return found


def decided(net: Network, *, watch: Watch, seed: int) -> list[Request]:
    """Requests whose options, cells and levels CP-SAT has chosen; what it leaves is not in them."""
    plan = Plan(net)
    chosen = assign(net, plan, watch=watch, seed=seed)
    found, drops = bundle(net, plan, chosen, random.Random(seed)), set[int]()
    requests: list[Request] = []
    for number, item in enumerate(found):
        if number in drops:
            continue
        chain = [Spot(tuple(item.nodes))]
        if item.partner is not None:
            chain.append(Spot(tuple(found[item.partner].nodes)))
            drops.add(item.partner)
        requests.append(Request((tuple(chain),), item.value_fen))
    return requests


class Whole:
    """Costs and times of a problem in whole numbers: `ticks` a second, `per_fen` units of cost a fen."""

    def __init__(self, net: Network) -> None:
        self.net, self.vans = net, net.problem.vehicles
        times = net.problem.matrix.time_s
        self.ticks = 1 if bool((times % 1 == 0).all()) else 1000
        self.per_fen = 100 if self.ticks == 1 else 1000
        self.way_ticks = np.ceil(np.asarray(times) * self.ticks - 1e-9).astype(np.int64)
        self.way_cost = self._cost(self.vans[0].fen_per_km / 1000, 0.0)

    def hours_too(self) -> Floats:
        """Cost of each way, the driver's hours on the way included."""
        return self._cost(self.vans[0].fen_per_km / 1000, self.vans[0].fen_per_hour / 3600)

    def _cost(self, per_m: float, per_s: float) -> Floats:
        matrix = self.net.problem.matrix
        fen = np.asarray(matrix.distance_m) * per_m + np.asarray(matrix.time_s) * per_s
        return np.asarray(np.rint(fen * self.per_fen).astype(np.int64))

    @cached_property
    def alike(self) -> list[list[int]]:
        """Vehicles by type: same ends, rooms, shift and rates."""
        groups: dict[object, list[int]] = {}
        for number, van in enumerate(self.vans):
            key = (van.start, van.end, van.compartments, van.shift, van.fixed_fen)
            groups.setdefault((*key, van.fen_per_km, van.fen_per_hour), []).append(number)
        return list(groups.values())

    def one_rate(self) -> bool:
        """Whether all vehicles cost the same per km and hour."""
        return len({(van.fen_per_km, van.fen_per_hour) for van in self.vans}) == 1

    @cached_property
    def dims(self) -> list[tuple[int, str]]:
        """(compartment, measure) that not every vehicle has enough of for everything."""
        demand: dict[tuple[int, str], float] = {}
        for number, shipment in enumerate(self.net.problem.shipments):
            room = self._room(number)
            for measure in ("volume_ml", "weight_g"):
                demand[room, measure] = demand.get((room, measure), 0.0) + getattr(shipment, measure)
        return sorted(
            (room, measure)
            for (room, measure), total in demand.items()
            if any(total > getattr(van.compartments[room], measure) for van in self.vans)
        )

    def _room(self, shipment: int) -> int:
        """The compartment that takes a shipment in the first vehicle that may carry it."""
        return next((ride.compartment for ride in self.net.rides[shipment] if ride is not None), 0)

    def capacity(self, van: Vehicle) -> list[int]:
        """Room per dimension."""
        return [math.floor(getattr(van.compartments[room], measure)) for room, measure in self.dims]

    def load(self, spot: Spot) -> list[int]:
        """What a spot takes per dimension."""
        amounts = [0] * len(self.dims)
        for node in spot.nodes:
            number = self.net.nodes[node].shipment
            mine = self._room(number)
            for k, (room, measure) in enumerate(self.dims):
                if room == mine:
                    amounts[k] += math.ceil(getattr(self.net.problem.shipments[number], measure))
        return amounts

    def late(self, seconds: float) -> int:
        """Ticks, rounded up, within the horizon."""
        return math.ceil(max(0.0, min(HORIZON_S, seconds)) * self.ticks - 1e-9)

    def early(self, seconds: float) -> int:
        """Ticks, rounded down, within the horizon."""
        return math.floor(max(0.0, min(HORIZON_S, seconds)) * self.ticks + 1e-9)

    def service(self, spot: Spot) -> int:
        return self.late(sum(self.net.nodes[node].service_s for node in spot.nodes))

    def fen(self, amount: float) -> int:
        """Units of cost."""
        return round(amount * self.per_fen)


def delivers(net: Network, spot: Spot) -> bool:
    """Whether goods ride to the spot from the hub (else from the spot to the hub)."""
    return net.nodes[spot.nodes[0]].kind is Kind.DELIVER


def nodes_of(spots: Sequence[Spot]) -> list[int]:
    return [node for spot in spots for node in spot.nodes]
