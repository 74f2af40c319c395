"""PyVRP (Wouda, Lan and Kool 2024): iterated local search, options as groups of clients.

A place's set-up is part of the way to it, so windows are moved by it. It knows no cells, levels or cold.
Where vehicles come first, its own fleet minimisation runs before, if it can (one type, no options).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyvrp
from pyvrp.stop import MaxRuntime

from routing.solver.core.network import Network
from routing.solver.engines.base import Watch
from routing.solver.peers.base import Peer, Routes
from routing.solver.peers.features import Feature
from routing.solver.peers.requests import Request, Spot, Whole, decided, delivers, nodes_of, undecided

#: A vehicle counts as dear from so many mean ways on; more would drown the distance in its penalties.
DEAR = 100.0
#: Share of the time that may go into fewer vehicles, where they are dear.
FLEET_SHARE = 0.3


class PyVrp(Peer):
    """`chosen`: CP-SAT chooses options and cells first."""

    cannot = frozenset({Feature.PROMISES, Feature.ACCESS, Feature.TERMS})
    ignores = frozenset(
        {
            Feature.SLOTS,
            Feature.LEVELS,
            Feature.COLD,
            Feature.SEGREGATION,
            Feature.BREAKS,
            Feature.CLOSED,
            Feature.RANGE,
        }
    )

    def __init__(self, *, chosen: bool) -> None:
        self.chosen, self.name = chosen, "cpsat-pyvrp" if chosen else "pyvrp"
        if chosen:
            self.ignores = self.ignores - {Feature.SLOTS, Feature.LEVELS}

    def route(self, net: Network, *, watch: Watch, seed: int) -> Routes:
        requests = decided(net, watch=watch, seed=seed) if self.chosen else undecided(net)
        if not requests:
            return {}  # CP-SAT had no time to choose
        model = _Model(net, requests)
        best = model.solve(watch, seed)
        return model.routes(best)


class _Model:
    def __init__(self, net: Network, requests: list[Request]) -> None:
        self.net, self.whole = net, Whole(net)
        self.clients: list[Any] = []
        self.spots: list[Spot] = []
        self.groups: list[Any] = []
        self.shipments: list[Any] = []
        self.pairs: list[tuple[Spot, ...]] = []
        for request in requests:
            if len(request.chains[0]) == 2:
                self._pair(request.chains[0])
            else:
                self._clients([chain[0] for chain in request.chains])
        self.hubs = sorted({*net.starts, *net.ends})
        self.vehicles = [self._type(mine) for mine in self.whole.alike]
        ways: Any = self.whole.way_cost
        self.data = pyvrp.ProblemData(
            locations=[pyvrp.Location(0, 0) for _ in net.problem.places],
            clients=self.clients,
            depots=[pyvrp.Depot(hub) for hub in self.hubs],
            vehicle_types=self.vehicles,
            distance_matrices=[ways],
            duration_matrices=[self._ways()],
            groups=self.groups,
            shipments=self.shipments,
        )

    def solve(self, watch: Watch, seed: int) -> Any:
        data = self.data
        lean = self._dear() and len(self.vehicles) == 1 and not self.groups
        if lean:
            fleet = pyvrp.minimise_fleet(data, MaxRuntime(FLEET_SHARE * watch.left()), seed=seed)
            data = data.replace(vehicle_types=[fleet])
        result = pyvrp.solve(data, MaxRuntime(max(0.1, watch.left())), seed=seed, collect_stats=False)
        return result.best

    def routes(self, best: Any) -> Routes:
        """Nodes by vehicle, vehicles of a type in turn."""
        waiting = [list(mine) for mine in self.whole.alike]
        found: Routes = {}
        for route in best.routes():
            order = [spot for step in route.schedule() if (spot := self._spot(step)) is not None]
            if order:
                found[waiting[route.vehicle_type()].pop(0)] = nodes_of(order)
        return found

    def _spot(self, step: Any) -> Spot | None:
        number = int(step.idx)
        if step.is_client():
            return self.spots[number]
        if step.is_pickup() or step.is_delivery():
            return self.pairs[number][int(step.is_delivery())]
        return None

    def _clients(self, spots: list[Spot]) -> None:
        group = len(self.groups) if len(spots) > 1 else None
        first, dearest = len(self.clients), max(self._choice(spot) for spot in spots)
        for spot in spots:
            load, low, high = self.whole.load(spot), *self._span(spot)
            goes_down = delivers(self.net, spot)
            client = pyvrp.Client(
                self.net.nodes[spot.nodes[0]].place,
                delivery=load if goes_down else [0] * len(load),
                pickup=[0] * len(load) if goes_down else load,
                service_duration=self.whole.service(spot),
                tw_early=low,
                tw_late=high,
                prize=self.whole.fen(dearest - self._choice(spot)),
                required=group is None,
                group=group,
            )
            self.clients.append(client)
            self.spots.append(spot)
        if group is not None:
            self.groups.append(pyvrp.ClientGroup(list(range(first, len(self.clients)))))

    def _choice(self, spot: Spot) -> float:
        return float(sum(self.net.nodes[node].choice_fen for node in spot.nodes))

    def _pair(self, chain: tuple[Spot, ...]) -> None:
        pick, drop = chain
        places = [self.net.nodes[spot.nodes[0]].place for spot in chain]
        (low, high), (from_, until) = self._span(pick), self._span(drop)
        shipment = pyvrp.Shipment(
            places[0],
            places[1],
            pickup_tw_early=low,
            pickup_tw_late=high,
            pickup_service_duration=self.whole.service(pick),
            delivery_tw_early=from_,
            delivery_tw_late=until,
            delivery_service_duration=self.whole.service(drop),
            amount=self.whole.load(pick),
        )
        self.shipments.append(shipment)
        self.pairs.append(chain)

    def _span(self, spot: Spot) -> tuple[int, int]:
        """When the service may begin, set-up done."""
        node = self.net.nodes[spot.nodes[0]]
        setup = self.whole.late(node.setup_s)
        return self.whole.late(node.opens_s) + setup, self.whole.early(node.closes_s) + setup

    def _ways(self) -> Any:
        """Ticks from place to place, the set-up of a new stop included."""
        places = self.net.problem.places
        setups = np.array([self.whole.late(place.setup_s) for place in places], dtype=np.int64)
        ends = self.hubs
        setups[ends] = 0
        ways = self.whole.way_ticks + setups[None, :]
        np.fill_diagonal(ways, 0)
        return ways

    def _dear(self) -> bool:
        return bool(self.net.problem.vehicles[0].fixed_fen > DEAR * self._way_fen())

    def _way_fen(self) -> float:
        return max(1.0, float(self.whole.way_cost.mean())) / self.whole.per_fen

    def _type(self, mine: list[int]) -> Any:
        van = self.net.problem.vehicles[mine[0]]
        return pyvrp.VehicleType(
            num_available=len(mine),
            capacity=self.whole.capacity(van),
            start_depot=self.hubs.index(self.net.starts[mine[0]]),
            end_depot=self.hubs.index(self.net.ends[mine[0]]),
            fixed_cost=self.whole.fen(min(van.fixed_fen, DEAR * self._way_fen())),
            tw_early=self.whole.late(van.shift.opens_s),
            tw_late=self.whole.early(van.shift.closes_s),
            unit_distance_cost=1,
            unit_duration_cost=round(van.fen_per_hour / 3600 * self.whole.per_fen / self.whole.ticks),
        )
