"""OR-Tools' RoutingModel alone: options as disjunctions, cells and levels as side constraints.

`iterated`: its iterated local search, which has a call of its own; with `use_iterated_local_search` and the
ordinary call it would stop after half a second.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from ortools.constraint_solver import routing_enums_pb2

from routing.solver.core.network import Kind, Network
from routing.solver.core.plan import Plan
from routing.solver.engines.base import Watch
from routing.solver.engines.ortools.bundles import Bundle
from routing.solver.engines.ortools.routes import PRECISION, Model
from routing.solver.peers.base import Peer, Routes
from routing.solver.peers.requests import Request, undecided
from routing.solver.terms import Size


class RoutingModelAlone(Peer):
    """RoutingModel with guided local search, or with iterated local search."""

    def __init__(self, *, iterated: bool) -> None:
        self.iterated, self.name = iterated, "ortools-ils" if iterated else "ortools-default"

    def route(self, net: Network, *, watch: Watch, seed: int) -> Routes:
        found = _Model(net, undecided(net), iterated=self.iterated).solve(watch)
        return {v: [node for nodes in order for node in nodes] for v, order in found.items() if order}


class _Model(Model):
    """One model node per alternative."""

    def __init__(self, net: Network, requests: list[Request], *, iterated: bool) -> None:
        everyone, found = range(len(net.problem.vehicles)), list[Bundle]()
        self.choices: list[tuple[Request, list[int]]] = []
        for request in requests:
            numbers = []
            for chain in request.chains:
                nodes = [node for spot in chain for node in spot.nodes]
                able = frozenset(v for v in everyone if all(net.may_carry(v, node) for node in nodes))
                goods = net.problem.shipments[net.nodes[nodes[0]].shipment].goods
                numbers.append(len(found))
                for k, spot in enumerate(chain):
                    partner = len(found) + 1 if k + 1 < len(chain) else None
                    kind = net.nodes[spot.nodes[0]].kind
                    found.append(Bundle(list(spot.nodes), able, goods, kind, 0.0, partner=partner))
            self.choices.append((request, numbers))
        self.iterated = iterated
        super().__init__(net, Plan(net), found)

    def _search(self, parameters: Any) -> Any:
        if self.iterated:
            return self.routing.SolveWithIteratedLocalSearch(parameters)
        return super()._search(parameters)

    def _parameters(self, watch: Watch) -> Any:
        parameters = super()._parameters(watch)
        if self.iterated:
            greedy = routing_enums_pb2.LocalSearchMetaheuristic.GREEDY_DESCENT
            parameters.local_search_metaheuristic = greedy
            parameters.use_iterated_local_search = True
            ruins = parameters.iterated_local_search_parameters.ruin_recreate_parameters.ruin_strategies
            string = ruins.add().sisr
            string.max_removed_sequence_size = 10
            string.avg_num_removed_visits = 10
            string.bypass_factor = 0.01
        return parameters

    def _way(self, rate: float, a: int, b: int) -> int:
        """The way to an alternative and what choosing it costs."""
        nodes = self.bundles[b].nodes if b < len(self.bundles) else []
        return super()._way(rate, a, b) + round(PRECISION * sum(self.net.nodes[n].choice_fen for n in nodes))

    def _vehicles_and_values(self) -> None:
        """One alternative of each request; then what they share."""
        for request, numbers in self.choices:
            indices = [self._index(number) for number in numbers]
            self.routing.AddDisjunction(indices, round(request.value_fen * PRECISION))
            for index, number in zip(indices, numbers, strict=True):
                partner = self.bundles[number].partner
                if partner is not None:
                    drop = self._index(partner)
                    self.routing.AddDisjunction([drop], 0)
                    self.solver.Add(self.routing.ActiveVar(drop) == self.routing.ActiveVar(index))
        for number, item in enumerate(self.bundles):
            if len(item.vehicles) < len(self.vans):
                self.routing.VehicleVar(self._index(number)).SetValues([-1, *sorted(item.vehicles)])
        self._cells()
        self._levels()

    def _active(self, number: int) -> Any:
        return self.routing.ActiveVar(self._index(number))

    def _cells(self) -> None:
        """Nested counts per place and zone, as in CP-SAT's assignment."""
        needing = defaultdict[tuple[int, str, int], list[Any]](list)
        for number, item in enumerate(self.bundles):
            node = self.net.nodes[item.nodes[0]]
            place, shipment = self.net.problem.places[node.place], self.net.problem.shipments[node.shipment]
            if place.cells is not None and item.kind in (Kind.DELIVER, Kind.DROP):
                for level in range((shipment.size or Size.S) + 1):
                    needing[node.place, shipment.zone, level].append(self._active(number) * len(item.nodes))
        for (row, zone, level), taken in needing.items():
            group = next(g for g in self.net.problem.places[row].cells or () if g.zone == zone)
            self.solver.Add(self.solver.Sum(taken) <= group.at_least(Size(level)))

    def _levels(self) -> None:
        """Of all that could be served, so many get an option that is liked as much."""
        everybody = sum(len(self.bundles[numbers[0]].nodes) for _, numbers in self.choices)
        for level in self.net.problem.objective.service_levels:
            good = [
                self._active(number) * len(self.bundles[number].nodes)
                for _, numbers in self.choices
                for number in numbers
                if self._preference(number) <= level.preference
            ]
            self.solver.Add(self.solver.Sum(good) >= round(level.share * everybody))

    def _preference(self, number: int) -> int:
        node = self.net.nodes[self.bundles[number].nodes[-1]]
        return self.net.problem.shipments[node.shipment].options[max(0, node.option)].preference
