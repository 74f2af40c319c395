"""RoutingModel over bundles: capacities per compartment, windows, pairs, cold stops, segregation, shifts."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from ortools.constraint_solver import pywrapcp, routing_enums_pb2

from routing.solver.core.network import Kind, Network
from routing.solver.core.plan import Plan
from routing.solver.engines.base import Watch
from routing.solver.engines.ortools.bundles import Bundle
from routing.solver.terms import Goods

#: The model's costs are integers in this part of a fen.
PRECISION = 10
#: Share of the run's seconds kept for replaying and inserting what is left.
RESERVE = 0.1
#: An iteration of the run's limit is this many rejected moves.
FAILURES_PER_ITERATION = 40
#: A way that is closed; larger than any day.
CLOSED_S = 10_000_000
HORIZON_S = 4_000_000
_VISIT_TYPES = {Goods.FOOD: 1, Goods.PESTICIDE: 2}


def route_bundles(
    net: Network, plan: Plan, bundles: list[Bundle], *, watch: Watch
) -> dict[int, list[list[int]]]:
    """Order of bundles (lists of nodes) per vehicle, promised ones left out; empty if nothing is found."""
    if not any(not item.locked for item in bundles):
        return {}
    return Model(net, plan, bundles).solve(watch)


class Model:
    """Model nodes: the bundles, then a start and an end per vehicle.

    Its clock ticks in seconds; in hundredths where the matrix has fractions and nobody is paid by the hour.
    """

    def __init__(self, net: Network, plan: Plan, bundles: list[Bundle]) -> None:
        self.net, self.plan, self.bundles = net, plan, bundles
        self.vans = net.problem.vehicles
        count, vans = len(bundles), len(self.vans)
        starts = list(range(count, count + vans))
        ends = list(range(count + vans, count + 2 * vans))
        self.manager = pywrapcp.RoutingIndexManager(count + 2 * vans, vans, starts, ends)
        self.routing = pywrapcp.RoutingModel(self.manager)
        self.solver = self.routing.solver()
        self.places = [net.nodes[b.nodes[0]].place for b in bundles] + net.starts + net.ends
        self.sites = [net.nodes[b.nodes[0]].site for b in bundles] + [-1 - v for v in range(2 * vans)]
        self.ticks = _ticks_per_second(net)
        self.services = [self._late(sum(net.nodes[n].service_s for n in b.nodes)) for b in bundles]
        self.services += [0] * (2 * vans)
        self.horizon = HORIZON_S * self.ticks

    def solve(self, watch: Watch) -> dict[int, list[list[int]]]:
        self._costs()
        self._time()
        self._vehicles_and_values()
        self._loads()
        self._pairs()
        self._cold()
        self._segregation()
        parameters = self._parameters(watch)
        self.routing.CloseModelWithParameters(parameters)
        locks = [[k for k, b in enumerate(self.bundles) if b.locked and v in b.vehicles] for v in self._all()]
        if any(locks):
            self.routing.ApplyLocksToAllVehicles(locks, False)
        answer = self._search(parameters)
        return {} if answer is None else {v: self._order(answer, v) for v in self._all()}

    def _search(self, parameters: Any) -> Any:
        return self.routing.SolveWithParameters(parameters)

    def _late(self, seconds: float) -> int:
        """Ticks, rounded up."""
        return math.ceil(seconds * self.ticks - 1e-9)

    def _early(self, seconds: float) -> int:
        """Ticks, rounded down, open ends cut to the horizon."""
        return math.floor(max(-HORIZON_S, min(HORIZON_S, seconds)) * self.ticks + 1e-9)

    def _all(self) -> range:
        return range(len(self.vans))

    def _order(self, answer: Any, vehicle: int) -> list[list[int]]:
        order: list[list[int]] = []
        index = answer.Value(self.routing.NextVar(self.routing.Start(vehicle)))
        while not self.routing.IsEnd(index):
            item = self.bundles[self.manager.IndexToNode(index)]
            if not item.locked:
                order.append(item.nodes)
            index = answer.Value(self.routing.NextVar(index))
        return order

    def _index(self, node: int) -> int:
        return int(self.manager.NodeToIndex(node))

    def _origin(self, drop: int) -> int:
        """Index of the collection that belongs to a drop."""
        return self._index(next(k for k, item in enumerate(self.bundles) if item.partner == drop))

    def _table(self, cell: Callable[[int, int], int]) -> int:
        """Register a transit matrix; `cell` gets the numbers of two model nodes."""
        size = range(len(self.places))
        return int(self.routing.RegisterTransitMatrix([[cell(a, b) for b in size] for a in size]))

    def _costs(self) -> None:
        """Kilometres here; hours as the span of the time dimension."""
        tables: dict[float, int] = {}
        for vehicle, van in enumerate(self.vans):
            rate = van.fen_per_km * PRECISION / 1000
            if rate not in tables:
                tables[rate] = self._table(partial(self._way, rate))
            self.routing.SetArcCostEvaluatorOfVehicle(tables[rate], vehicle)
            self.routing.SetFixedCostOfVehicle(round(van.fixed_fen * PRECISION), vehicle)

    def _way(self, rate: float, a: int, b: int) -> int:
        """What it costs to go on from one model node to another."""
        return round(self._metres(a, b) * rate)

    def _metres(self, a: int, b: int) -> float:
        metres = self.net.distance_m[self.places[a]][self.places[b]]
        return 1e9 if metres == math.inf else metres

    def _seconds(self, a: int, b: int) -> int:
        """Service at `a`, the way, and the set-up at `b` when the stop changes."""
        if self.sites[a] == self.sites[b]:
            return self.services[a]
        here, there = self.places[a], self.places[b]
        if self.net.distance_m[here][there] == math.inf:
            return CLOSED_S * self.ticks
        setup_s = self.net.problem.places[there].setup_s if b < len(self.bundles) else 0
        return self.services[a] + self._late(self.net.time_s[here][there]) + self._late(setup_s)

    def _time(self) -> None:
        """Time when a bundle's own service begins, set-up done."""
        table = self._table(self._seconds)
        self.routing.AddDimension(table, self.horizon, 2 * self.horizon, False, "time")
        self.time = self.routing.GetDimensionOrDie("time")
        for number, item in enumerate(self.bundles):
            nodes = [self.net.nodes[n] for n in item.nodes]
            setup = self._late(nodes[0].setup_s)
            low = max(0, self._early(nodes[0].opens_s) + setup)
            high = self._early(nodes[0].closes_s) + setup
            self.time.CumulVar(self._index(number)).SetRange(low, max(low, high))
            self._release(item)
        for vehicle, van in enumerate(self.vans):
            low, high = max(0, self._late(van.shift.opens_s)), self._early(van.shift.closes_s)
            for index in (self.routing.Start(vehicle), self.routing.End(vehicle)):
                self.time.CumulVar(index).SetRange(low, max(low, high))
            self.time.SetSpanCostCoefficientForVehicle(round(van.fen_per_hour * PRECISION / 3600), vehicle)
            self.routing.AddVariableMinimizedByFinalizer(self.time.CumulVar(self.routing.End(vehicle)))
            self.routing.AddVariableMaximizedByFinalizer(self.time.CumulVar(self.routing.Start(vehicle)))
        self._rests()

    def _release(self, item: Bundle) -> None:
        """Goods down leave no earlier than they are ready; goods up are back when they are due."""
        shipments = [self.net.problem.shipments[self.net.nodes[n].shipment] for n in item.nodes]
        number = self.bundles.index(item)
        chosen = self.routing.VehicleVar(self._index(number))
        ready = max((s.release_s for s in shipments if s.release_s is not None), default=None)
        due = min((s.due_s for s in shipments if s.due_s is not None), default=None)
        for vehicle in item.vehicles:
            mine = self.solver.IsEqualCstVar(chosen, vehicle)
            if item.kind is Kind.DELIVER and ready is not None:
                self.solver.Add(self.time.CumulVar(self.routing.Start(vehicle)) >= mine * self._late(ready))
            if item.kind is Kind.PICK_UP and due is not None:
                end = self.time.CumulVar(self.routing.End(vehicle))
                self.solver.Add(end <= self.horizon - mine * (self.horizon - self._early(due)))

    def _rests(self) -> None:
        for vehicle, van in enumerate(self.vans):
            if not van.breaks:
                continue
            rests = [
                self.solver.FixedDurationIntervalVar(
                    self._late(b.earliest_s), self._early(b.latest_s), self._late(b.duration_s), True, "rest"
                )
                for b in van.breaks
            ]
            visits = self.services + [0] * (self.routing.Size() + len(self.vans) - len(self.services))
            self.time.SetBreakIntervalsOfVehicle(rests, vehicle, visits)

    def _vehicles_and_values(self) -> None:
        for number, item in enumerate(self.bundles):
            index = self._index(number)
            if len(item.vehicles) < len(self.vans):
                self.routing.VehicleVar(index).SetValues([-1, *sorted(item.vehicles)])
            if not item.locked:
                self.routing.AddDisjunction([index], round(item.value_fen * PRECISION))

    def _loads(self) -> None:
        """Per zone and measure: goods down ride from the start, goods up to the end.

        A bundle counts the same in every van: the most that it takes of the zone in any. RoutingModel 9.15
        finds no first plan at all where a dimension's transits differ by vehicle and there are pairs.
        """
        for zone in sorted({c.zone for van in self.vans for c in van.compartments}):
            for measure in ("volume_ml", "weight_g"):
                rooms = [
                    sum(math.floor(getattr(c, measure)) for c in van.compartments if c.zone == zone)
                    for van in self.vans
                ]
                carried = [
                    max((self._amount(item, v, zone, measure) for v in item.vehicles), default=0)
                    for item in self.bundles
                ]
                if sum(carried) > min(rooms):
                    self._load(f"{measure} {zone}", rooms, carried)

    def _load(self, name: str, rooms: list[int], carried: list[int]) -> None:
        ends = [0] * (2 * len(self.vans))
        pairs = list(zip(carried, self.bundles, strict=True))
        down = [-a if b.kind is Kind.DELIVER else 0 for a, b in pairs] + ends
        both = [-a if b.kind in (Kind.DELIVER, Kind.DROP) else a for a, b in pairs] + ends
        for label, row in ((f"down {name}", down), (f"all {name}", both)):
            transit = self.routing.RegisterUnaryTransitVector(row)
            self.routing.AddDimensionWithVehicleCapacity(transit, 0, rooms, False, label)
        goods_down = self.routing.GetDimensionOrDie(f"down {name}")
        load = self.routing.GetDimensionOrDie(f"all {name}")
        for vehicle in self._all():
            goods_down.CumulVar(self.routing.End(vehicle)).SetValue(0)
            start = self.routing.Start(vehicle)
            self.solver.Add(goods_down.CumulVar(start) == load.CumulVar(start))

    def _amount(self, item: Bundle, vehicle: int, zone: str, measure: str) -> int:
        """What a bundle takes of this van's compartments of the zone."""
        total = 0
        for node in item.nodes:
            number = self.net.nodes[node].shipment
            ride = self.net.rides[number][vehicle]
            if ride is not None and self.vans[vehicle].compartments[ride.compartment].zone == zone:
                total += math.ceil(getattr(self.net.problem.shipments[number], measure))
        return total

    def _pairs(self) -> None:
        for number, item in enumerate(self.bundles):
            if item.partner is None:
                continue
            pick, drop = self._index(number), self._index(item.partner)
            self.routing.AddPickupAndDelivery(pick, drop)
            self.solver.Add(self.routing.VehicleVar(pick) == self.routing.VehicleVar(drop))
            self.solver.Add(self.time.CumulVar(pick) <= self.time.CumulVar(drop))

    def _cold(self) -> None:
        """Stops aboard within what the doors may cost; the whole ride where the zone is missing."""
        table = self._table(lambda a, b: int(self.sites[a] != self.sites[b] and b < len(self.bundles)))
        self.routing.AddDimension(table, 0, len(self.bundles) + 1, True, "stops")
        self.stops = self.routing.GetDimensionOrDie("stops")
        for number, item in enumerate(self.bundles):
            if item.kind is Kind.COLLECT:
                continue
            for vehicle in item.vehicles:
                self._cold_stops(number, item, vehicle)
                self._cold_ride(number, item, vehicle)

    def _cold_stops(self, number: int, item: Bundle, vehicle: int) -> None:
        rides = [self.net.rides[self.net.nodes[n].shipment][vehicle] for n in item.nodes]
        most = min(ride.most_stops for ride in rides if ride is not None)
        if most >= len(set(self.sites)):
            return
        index, big = self._index(number), len(self.bundles) + 2
        mine = self.solver.IsEqualCstVar(self.routing.VehicleVar(index), vehicle)
        here, end = self.stops.CumulVar(index), self.stops.CumulVar(self.routing.End(vehicle))
        aboard = here
        if item.kind is Kind.PICK_UP:
            aboard = end - here + 1
        elif item.kind is Kind.DROP:
            aboard = here - self.stops.CumulVar(self._origin(number)) + 1
        self.solver.Add(aboard <= big - mine * (big - int(most)))

    def _cold_ride(self, number: int, item: Bundle, vehicle: int) -> None:
        budgets = [
            shipment.cold_budget_s
            for node in item.nodes
            if (shipment := self.net.problem.shipments[self.net.nodes[node].shipment]).cold_budget_s
            is not None
            and (ride := self.net.rides[self.net.nodes[node].shipment][vehicle]) is not None
            and ride.exposed
        ]
        if not budgets:
            return
        index, first = self._index(number), self.routing.Start(vehicle)
        mine = self.solver.IsEqualCstVar(self.routing.VehicleVar(index), vehicle)
        begin, end = self.time.CumulVar(first), self.time.CumulVar(index) + self.services[number]
        if item.kind is Kind.PICK_UP:
            begin, end = self.time.CumulVar(index), self.time.CumulVar(self.routing.End(vehicle))
        elif item.kind is Kind.DROP:
            begin = self.time.CumulVar(self._origin(number))
        budget = self._early(min(budgets))
        self.solver.Add(end - begin <= 2 * self.horizon - mine * (2 * self.horizon - budget))

    def _segregation(self) -> None:
        kinds = {item.goods for item in self.bundles}
        if not {Goods.FOOD, Goods.PESTICIDE} <= kinds:
            return
        for number, item in enumerate(self.bundles):
            if item.goods in _VISIT_TYPES:
                policy = pywrapcp.RoutingModel.TYPE_ADDED_TO_VEHICLE
                self.routing.SetVisitType(self._index(number), _VISIT_TYPES[item.goods], policy)
        self.routing.AddHardTypeIncompatibility(1, 2)

    def _parameters(self, watch: Watch) -> Any:
        parameters = pywrapcp.DefaultRoutingSearchParameters()
        parameters.first_solution_strategy = (
            routing_enums_pb2.FirstSolutionStrategy.PARALLEL_CHEAPEST_INSERTION
        )
        parameters.local_search_metaheuristic = routing_enums_pb2.LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
        if watch.limits.iterations is not None:
            # solution_limit would never be reached where only one plan exists
            limit = self.solver.FailuresLimit(FAILURES_PER_ITERATION * watch.limits.iterations)
            self.routing.AddSearchMonitor(limit)
        if watch.limits.seconds is not None:
            milliseconds = round(1000 * watch.left() * (1 - RESERVE))
            parameters.time_limit.FromMilliseconds(max(100, milliseconds))
        return parameters


def _ticks_per_second(net: Network) -> int:
    whole = bool((net.problem.matrix.time_s % 1 == 0).all())
    return 1 if whole or any(van.fen_per_hour for van in net.problem.vehicles) else 100
