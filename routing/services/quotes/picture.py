"""The plan in force as rows of numbers, for questions that must not wait for a planner (see pictures).

Before the wave of a day is planned, the hub's last plan of the same wave is the *pattern*: its tours tell
where vans pass and when, and what waits for the day tells how full they will be.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from django.db.models import Count, Q, Sum

from marketplace.kernel import clock
from marketplace.kernel.geo import LonLat
from marketplace.places.models import Hub, Vehicle
from routing import rules
from routing.models import Breakdown, Plan, Route, Stop, StopTask
from routing.services.quotes.fitting import Floats, Gaps, Road, Tour, chain
from routing.services.waves.building import cold_budget_s, collected_minutes, speed_kmh, van_of
from routing.services.waves.distances import road_between
from routing.solver import problem as solver
from routing.solver.terms import Direction, Goods, Zone
from routing.states import LegKind, LegStatus, Wave

_GOODS = {"food": Goods.FOOD, "pesticide": Goods.PESTICIDE}
FOREVER = 1e9
#: what a single parcel is read for
_SINGLE = (
    "stop_id",
    "kind",
    "cold_minutes",
    "leg__kind",
    "leg__volume_ml",
    "leg__weight_g",
    "leg__shipment__zone",
    "leg__shipment__min_c",
    "leg__shipment__max_c",
    "leg__shipment__category",
    "leg__shipment__direction",
    "leg__shipment__cold_budget_min",
    "leg__shipment__origin_hub_id",
    "leg__shipment__destination_hub_id",
)


@dataclass(frozen=True, slots=True)
class Picture:
    """A published plan. `day`: whose plan it is; asked about another day it is a pattern."""

    day: date
    road: Road
    tours: tuple[Tour, ...]
    gaps: Gaps


def draw(plan_pk: int) -> tuple[Picture, Picture]:
    """A plan on its own day, and as the pattern of a later day, which keeps no promises."""
    plan = Plan.objects.select_related("hub__place").get(pk=plan_pk)
    wave = Wave(plan.wave)
    vans = [van for van in _vans(plan.hub) if van_of(van, wave) is not None]
    routes = {route.vehicle_id: route for route in Route.objects.filter(plan=plan)}
    speed = speed_kmh(vans, wave) if vans else rules.WAVES[wave].speed_kmh
    stops, cargo = _stops(plan), _cargo(plan)
    visited = {stop.place: LonLat(stop.lon, stop.lat) for tour in stops.values() for stop in tour}
    road = road_between([plan.hub.place.lon_lat, *visited.values()], speed_kmh=speed)

    def picture(promised: bool) -> Picture:
        drawn = [
            _Tour(plan, van, routes.get(van.pk), stops.get(van.pk, []), cargo, road, promised) for van in vans
        ]
        return Picture(plan.date, road, tuple(tour.tour for tour in drawn), _stack(drawn))

    return picture(True), picture(False)


def _vans(hub: Hub) -> list[Vehicle]:
    rows = hub.vehicles.filter(active=True, is_trunk=False).select_related("hub__place")
    rows = rows.exclude(pk__in=Breakdown.objects.filter(hub=hub, ended_at=None).values("vehicle"))
    return list(rows.prefetch_related("compartments").order_by("pk"))


class _Stop(NamedTuple):
    pk: int
    vehicle: int
    place: int
    lon: float
    lat: float
    opens: time
    closes: time
    arrives_at: datetime
    departs_at: datetime


def _stops(plan: Plan) -> dict[int, list[_Stop]]:
    """By vehicle, in driving order; plain tuples, since a thousand rows of three models cost a tenth of a
    second.
    """
    rows = Stop.objects.filter(route__plan=plan).order_by("route", "seq")
    place = (f"place__{field}" for field in ("lon", "lat", "opens", "closes"))
    found: dict[int, list[_Stop]] = defaultdict(list)
    for row in rows.values_list("pk", "route__vehicle", "place", *place, "arrives_at", "departs_at"):
        stop = _Stop._make(row)
        found[stop.vehicle].append(stop)
    return found


@dataclass(frozen=True, slots=True)
class _Cargo:
    """Parcels of one kind at one stop, or a single one with a cold budget or a direct ride (`leg`)."""

    collected: bool
    parcel: solver.Shipment
    count: int
    leg: int | None = None
    spare_s: float | None = None


def _cargo(plan: Plan) -> dict[int, list[_Cargo]]:
    """By stop. What has neither cold budget nor direct ride is summed up by the database."""
    tasks = StopTask.objects.filter(stop__route__plan=plan).exclude(leg__status=LegStatus.CANCELLED)
    single = Q(leg__shipment__cold_budget_min__isnull=False) | Q(leg__kind=LegKind.DIRECT)
    found: dict[int, list[_Cargo]] = defaultdict(list)
    kinds = ("zone", "min_c", "max_c", "category")
    sums = tasks.exclude(single).values_list("stop", "kind", *(f"leg__shipment__{kind}" for kind in kinds))
    for stop, kind, *traits, volume, weight, count in sums.annotate(
        Sum("leg__volume_ml"), Sum("leg__weight_g"), Count("pk")
    ):
        parcel = _parcel(traits, volume, weight, None)
        found[stop].append(_Cargo(kind == "collect", parcel, count))
    rows = list(tasks.filter(single).select_related("leg__shipment").only(*_SINGLE))
    spent = collected_minutes([task.leg for task in rows if task.leg.kind == LegKind.DELIVER])
    for task in rows:
        shipment, budget_s = task.leg.shipment, cold_budget_s(task.leg, spent)
        traits = [getattr(shipment, kind) for kind in kinds]
        parcel = _parcel(traits, task.leg.volume_ml, task.leg.weight_g, budget_s)
        spare_s = None if budget_s is None else float(budget_s - 60 * task.cold_minutes)
        found[task.stop_id].append(_Cargo(task.kind == "collect", parcel, 1, task.leg_id, spare_s))
    return found


def _parcel(traits: Sequence[Any], volume_ml: int, weight_g: int, budget_s: int | None) -> solver.Shipment:
    zone, min_c, max_c, category = traits
    return solver.Shipment(
        id="cargo",
        direction=Direction.DOWN,
        options=(),
        volume_ml=volume_ml,
        weight_g=weight_g,
        zone=Zone(zone),
        min_c=min_c,
        max_c=max_c,
        goods=_GOODS.get(category, Goods.NEUTRAL),
        cold_budget_s=budget_s,
    )


class _Tour:
    """One van's nodes (hub, stops, hub) and what rides between them."""

    def __init__(
        self,
        plan: Plan,
        van: Vehicle,
        route: Route | None,
        stops: Sequence[_Stop],
        cargo: Mapping[int, list[_Cargo]],
        road: Road,
        promised: bool,
    ) -> None:
        vehicle = van_of(van, Wave(plan.wave))
        assert vehicle is not None  # draw keeps those that drive
        self.vehicle, self.stops = vehicle, stops
        hub = plan.hub.place
        self.keys = [hub.pk, *(stop.place for stop in stops), hub.pk]
        self.lon = np.array([hub.lon, *(stop.lon for stop in stops), hub.lon])
        self.lat = np.array([hub.lat, *(stop.lat for stop in stops), hub.lat])
        metres = road.metres(self.lon[:-1], self.lat[:-1], self.lon[1:], self.lat[1:])
        midnight = clock.at(plan.date, 0)
        opens_s, closes_s = float(vehicle.shift.opens_s), float(vehicle.shift.closes_s)
        leaves = opens_s if route is None else _seconds(route.departs_at - midnight)
        returns = opens_s if route is None else _seconds(route.returns_at - midnight)
        starts = [_seconds(stop.arrives_at - midnight) for stop in stops]
        ends = [_seconds(stop.departs_at - midnight) for stop in stops]
        self.starts, self.departs = [leaves, *starts, returns], [leaves, *ends, returns]
        windows = [_window(stop, at, promised) for stop, at in zip(stops, starts, strict=True)]
        self.slack, self.pull, self.wait = chain(
            starts=self.starts,
            departs=self.departs,
            travels=road.seconds(metres).tolist(),
            windows=[(opens_s, closes_s), *windows, (opens_s, closes_s)],
        )
        self._load(cargo)
        self.tour = Tour(vehicle, float(metres.sum()), self.parcels, frozenset(self.goods))

    def _load(self, cargo: Mapping[int, list[_Cargo]]) -> None:
        """Room left in each compartment and cold seconds left, gap by gap."""
        gaps, rooms = len(self.stops) + 1, self.vehicle.compartments
        self.volume_ml, self.weight_g = np.zeros((gaps, len(rooms))), np.zeros((gaps, len(rooms)))
        self.spare, self.ride = np.full(gaps, FOREVER), np.full(gaps, FOREVER)
        self.goods: set[Goods] = set()
        self.parcels = 0
        boarded: dict[int | None, int] = {}
        paired = {c.leg for stop in self.stops for c in cargo.get(stop.pk, ()) if c.leg and not c.collected}
        for number, stop in enumerate(self.stops, start=1):
            for one in cargo.get(stop.pk, ()):
                self.goods.add(one.parcel.goods)
                if one.collected and one.leg in paired:
                    boarded[one.leg] = number
                    continue
                self.parcels += one.count
                first = number if one.collected else boarded.get(one.leg, 0)
                self._ride(one, first, gaps if one.collected else number)
        full_ml = np.array([float(room.volume_ml) for room in rooms])
        full_g = np.array([float(room.weight_g) for room in rooms])
        self.volume_ml = full_ml - np.maximum.accumulate(self.volume_ml, axis=0)
        self.weight_g = full_g - np.maximum.accumulate(self.weight_g, axis=0)

    def _ride(self, one: _Cargo, first: int, last: int) -> None:
        """The goods ride through the gaps first..last-1."""
        taken = self.vehicle.compartment_for(one.parcel)
        if taken is None:
            return
        self.volume_ml[first:last, taken[0]] += one.parcel.volume_ml
        self.weight_g[first:last, taken[0]] += one.parcel.weight_g
        if one.spare_s is not None:
            left = self.ride if taken[1] else self.spare
            left[first:last] = np.minimum(left[first:last], one.spare_s)


def _window(stop: _Stop, at_s: float, promised: bool) -> tuple[float, float]:
    """When the stop may start: opening hours, and the promised half hour."""
    opens, closes = float(rules.seconds_of(stop.opens)), float(rules.seconds_of(stop.closes))
    if promised:
        slack = rules.PROMISE.total_seconds()
        opens, closes = max(opens, at_s - slack), min(closes, at_s + slack)
    return opens, closes


def _seconds(span: timedelta) -> float:
    return round(span.total_seconds())


def _stack(drawn: Iterable[_Tour]) -> Gaps:
    """All tours' gaps one after the other."""
    rows: list[dict[str, Any]] = []
    for number, one in enumerate(drawn):
        for k, (here, there) in enumerate(pairwise(range(len(one.keys)))):
            rows.append(
                {
                    "tour": number,
                    "after": one.keys[here],
                    "lon": one.lon[here],
                    "lat": one.lat[here],
                    "next_lon": one.lon[there],
                    "next_lat": one.lat[there],
                    "began_s": one.starts[here],
                    "depart_s": one.departs[here],
                    "start_s": one.starts[there],
                    "slack_s": one.slack[there],
                    "pull_s": one.pull[here],
                    "wait_s": one.wait[there],
                    "stops": k,
                    "spare_s": one.spare[k],
                    "ride_s": one.ride[k],
                    "volume_ml": one.volume_ml[k],
                    "weight_g": one.weight_g[k],
                }
            )
    whole = {"tour", "after"}
    columns: dict[str, Any] = {}
    for label in Gaps.__slots__:
        values = [row[label] for row in rows]
        if label in ("volume_ml", "weight_g"):
            columns[label] = _padded(values)
        else:
            columns[label] = np.array(values, np.int64 if label in whole else np.float64)
    return Gaps(**columns)


def _padded(rows: list[Floats]) -> Floats:
    """Vans with fewer compartments have no room in those they lack; one more column for "none"."""
    width = max((len(row) for row in rows), default=0) + 1
    table = np.full((len(rows), width), -1.0)
    for number, row in enumerate(rows):
        table[number, : len(row)] = row
    return table
