"""VROOM (Coupey et al.): parallel heuristics and local search, at its highest exploration level.

It has no exclusive options, so CP-SAT has to choose them first. It prices ways and vehicles, not waiting; it
stops by itself, and gives what it has when the time is over.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import vroom

from routing.solver.core.network import Network
from routing.solver.engines.base import Watch
from routing.solver.peers.base import Peer, Routes
from routing.solver.peers.features import Feature
from routing.solver.peers.requests import Request, Spot, Whole, decided, delivers, nodes_of, undecided

EXPLORATION = 5
MOST_PRIORITY = 100


class Vroom(Peer):
    """`chosen`: CP-SAT chooses options and cells first."""

    cannot = frozenset({Feature.OPTIONS, Feature.PROMISES, Feature.ACCESS, Feature.TERMS})
    ignores = frozenset(
        {Feature.COLD, Feature.SEGREGATION, Feature.BREAKS, Feature.CLOSED, Feature.RANGE, Feature.SLOTS}
    )

    def __init__(self, *, chosen: bool) -> None:
        self.chosen, self.name = chosen, "cpsat-vroom" if chosen else "vroom"
        if chosen:
            self.cannot = self.cannot - {Feature.OPTIONS}
            self.ignores = self.ignores - {Feature.SLOTS}

    def route(self, net: Network, *, watch: Watch, seed: int) -> Routes:
        requests = decided(net, watch=watch, seed=seed) if self.chosen else undecided(net)
        return _Model(net, requests).solve(watch)


class _Model:
    def __init__(self, net: Network, requests: list[Request]) -> None:
        self.net, self.whole = net, Whole(net)
        self.input = vroom.Input()
        self.input.set_durations_matrix("car", self.whole.way_ticks)
        self.input.set_costs_matrix("car", self.whole.hours_too())
        self.spots: list[Spot] = []
        for number, van in enumerate(net.problem.vehicles):
            self.input.add_vehicle(
                vroom.Vehicle(
                    number,
                    start=net.starts[number],
                    end=net.ends[number],
                    capacity=self.whole.capacity(van),
                    costs=vroom.VehicleCosts(fixed=self.whole.fen(van.fixed_fen)),
                    time_window=(self.whole.late(van.shift.opens_s), self.whole.early(van.shift.closes_s)),
                )
            )
        dearest = max((request.value_fen for request in requests), default=1.0)
        for request in requests:
            self._add(request.chains[0], round(MOST_PRIORITY * request.value_fen / max(dearest, 1e-9)))

    def solve(self, watch: Watch) -> Routes:
        if not self.spots:
            return {}
        left = timedelta(seconds=max(0.1, watch.left()))
        answer = self.input.solve(EXPLORATION, nb_threads=watch.limits.workers, timeout=left)
        orders: dict[int, list[Spot]] = {}
        frame = answer.routes
        for vehicle, kind, number in zip(frame["vehicle_id"], frame["type"], frame["id"], strict=True):
            if kind not in ("start", "end", "break"):
                orders.setdefault(int(vehicle), []).append(self.spots[int(number)])
        return {vehicle: nodes_of(spots) for vehicle, spots in orders.items()}

    def _add(self, chain: tuple[Spot, ...], priority: int) -> None:
        if len(chain) == 2:
            pick, drop = (vroom.ShipmentStep(**self._stop(spot)) for spot in chain)
            self.input.add_shipment(
                pick, drop, amount=vroom.Amount(self.whole.load(chain[0])), priority=priority
            )
            return
        load = self.whole.load(chain[0])
        role = "delivery" if delivers(self.net, chain[0]) else "pickup"
        self.input.add_job(vroom.Job(**self._stop(chain[0]), **{role: load}, priority=priority))

    def _stop(self, spot: Spot) -> dict[str, Any]:
        node = self.net.nodes[spot.nodes[0]]
        self.spots.append(spot)
        return {
            "id": len(self.spots) - 1,
            "location": node.place,
            "default_setup": self.whole.late(node.setup_s),
            "default_service": self.whole.service(spot),
            "time_windows": [(self.whole.late(node.opens_s), self.whole.early(node.closes_s))],
        }
