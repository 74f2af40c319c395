"""Generated days of a county or of the city, from 300 to 30,000 shipments, for measuring.

A world is seeded: the same name, number of shipments and seed give the same problem. Villages have no
coordinates in any source: all positions but the hubs' are synthetic, scattered in their county. Sizes follow
the real county: stations, cells and vans grow with the shipments, so that the busiest stay as full.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from routing.solver.errors import Unsupported
from routing.solver.matrix import estimate
from routing.solver.problem import (
    Break,
    Cells,
    Collection,
    Compartment,
    Option,
    Place,
    Problem,
    Shipment,
    Vehicle,
    Window,
)
from routing.solver.terms import Direction, Goods, Size, Zone

HOUR = 3600
#: Hubs of the city with their place and their share of the city's stations.
HUBS: tuple[tuple[str, float, float, int], ...] = (
    ("fengcheng", 115.79, 28.19, 64),
    ("gaoan", 115.37, 28.42, 41),
    ("yuanzhou", 114.39, 27.80, 39),
    ("zhangshu", 115.55, 28.06, 33),
    ("yifeng", 114.79, 28.39, 30),
    ("shanggao", 114.92, 28.23, 26),
    ("wanzai", 114.45, 28.11, 25),
    ("fengxin", 115.39, 28.70, 20),
    ("tonggu", 114.37, 28.52, 12),
    ("jingan", 115.36, 28.86, 10),
)
#: °C of the products of a zone, and of what keeps them.
BANDS = {Zone.AMBIENT: (None, None), Zone.CHILLED: (0, 7), Zone.FROZEN: (-30, -15)}
ROOMS = {Zone.AMBIENT: (None, None), Zone.CHILLED: (2, 5), Zone.FROZEN: (-25, -18)}
VOLUME_ML = {Size.S: 6_000, Size.M: 15_000, Size.L: 40_000}
#: Degrees within which a county's stations, and a town's lockers, lie.
COUNTY_SPREAD, TOWN_SPREAD = 0.2, 0.03


@dataclass(frozen=True, slots=True)
class Extent:
    """How large one county of a world is."""

    stations: int
    lockers: int
    cabinets: int
    vans: int
    down: int
    up: int


def world(name: str, *, shipments: int | None = None, seed: int = 1) -> Problem:
    """`county`, `county-plain` or `city`, scaled to a number of shipments. Raises Unsupported."""
    if name not in ("county", "county-plain", "city"):
        raise Unsupported(f"unknown world {name!r}; known: county, county-plain, city")
    whole = 12_000 if name == "city" else 3_600
    scale = (shipments or whole) / whole
    rng = random.Random(f"{name} {seed}")
    hubs = HUBS if name == "city" else HUBS[3:4]
    builder = Builder(rng, plain=name == "county-plain")
    for label, lon, lat, stations in hubs:
        builder.county(label, lon, lat, _size(name, scale, stations / 300))
    return builder.problem(f"{name}-{shipments or whole}-{seed}")


def _size(name: str, scale: float, share: float) -> Extent:
    """County 樟树 as it is, or the share of the city that falls to a county."""
    if name == "city":
        whole = (300 * share, 60 * share, 60 * share, 60 * share, 9_000 * share, 3_000 * share)
    else:
        whole = (110, 8, 6, 14, 3_300, 300)
    stations, lockers, cabinets, vans, down, up = (max(1, math.ceil(part * scale - 1e-9)) for part in whole)
    return Extent(stations, lockers, cabinets, max(2, vans), down, up)


class Builder:
    """Places, vans and shipments while a world grows."""

    def __init__(self, rng: random.Random, *, plain: bool) -> None:
        self.rng, self.plain = rng, plain
        self.places: list[Place] = []
        self.vans: list[Vehicle] = []
        self.shipments: list[Shipment] = []

    def problem(self, name: str) -> Problem:
        lon = [place.lon or 0.0 for place in self.places]
        lat = [place.lat or 0.0 for place in self.places]
        matrix = estimate(lon=lon, lat=lat)
        return Problem(name, tuple(self.places), tuple(self.vans), tuple(self.shipments), matrix)

    def county(self, label: str, lon: float, lat: float, size: Extent) -> None:
        """A hub with its stations, lockers, cabinets, vans and shipments."""
        self.places.append(Place(label, lon, lat))
        stations = [self._station(f"{label}/st{k}", lon, lat) for k in range(size.stations)]
        lockers = [self._locker(f"{label}/lk{k}", lon, lat) for k in range(size.lockers)]
        cabinets = [self._cabinet(f"{label}/cc{k}", lon, lat) for k in range(size.cabinets)]
        self.places += [*stations, *lockers, *cabinets]
        self.vans += [self._van(f"{label}/van{k}", label, k) for k in range(size.vans)]
        town = min(int(0.17 * size.down), int(0.72 * 72 * size.lockers))
        cold = min(int(0.03 * size.down), int(0.72 * 18 * size.cabinets))
        for k in range(size.down):
            name = f"{label}/d{k}"
            if k < town:
                self.shipments.append(self._to_cell(name, label, Zone.AMBIENT, lockers, stations))
            elif k < town + cold:
                zone = Zone.FROZEN if self.rng.random() < 0.3 else Zone.CHILLED
                self.shipments.append(self._to_cell(name, label, zone, cabinets, stations))
            else:
                self.shipments.append(self._to_station(name, label, stations))
        self.shipments += [self._up(f"{label}/u{k}", label, stations) for k in range(size.up)]

    def _near(self, lon: float, lat: float, spread: float) -> tuple[float, float]:
        """A point, denser towards the middle."""
        radius, angle = spread * self.rng.random() ** 0.7, self.rng.uniform(0, 2 * math.pi)
        return lon + radius * math.cos(angle), lat + radius * math.sin(angle) * 0.88

    def _station(self, name: str, lon: float, lat: float) -> Place:
        opens_s = self.rng.choice((6, 6, 7, 8)) * HOUR
        opening = (Window(opens_s, self.rng.choice((11, 12, 13)) * HOUR),)
        return Place(name, *self._near(lon, lat, COUNTY_SPREAD), windows=opening, setup_s=300)

    def _locker(self, name: str, lon: float, lat: float) -> Place:
        cells = None if self.plain else (Cells(Zone.AMBIENT, 44, 20, 8),)
        return Place(name, *self._near(lon, lat, TOWN_SPREAD), setup_s=120, cells=cells)

    def _cabinet(self, name: str, lon: float, lat: float) -> Place:
        cells = (
            Cells(Zone.CHILLED, 0, 12, 0, *ROOMS[Zone.CHILLED]),
            Cells(Zone.FROZEN, 0, 6, 0, *ROOMS[Zone.FROZEN]),
        )
        return Place(
            name, *self._near(lon, lat, TOWN_SPREAD), setup_s=120, cells=None if self.plain else cells
        )

    def _van(self, name: str, hub: str, number: int) -> Vehicle:
        volumes = {Zone.AMBIENT: 3_600_000, Zone.CHILLED: 800_000, Zone.FROZEN: 300_000}
        rooms = tuple(Compartment(zone, ml, ml / 4, *ROOMS[zone]) for zone, ml in volumes.items())
        return Vehicle(
            name,
            hub,
            hub,
            rooms,
            Window(6.5 * HOUR, 13 * HOUR),
            fixed_fen=8_000,
            fen_per_km=120,
            fen_per_hour=3_000,
            door_s=0 if self.plain else 60,
            breaks=() if self.plain or number % 2 else (Break(9 * HOUR, 11 * HOUR, 900),),
            co2_g_per_km=210,
        )

    def _goods(self, zone: Zone) -> dict[str, Any]:
        low, high = BANDS[zone]
        size = self.rng.choices((Size.S, Size.M, Size.L), (60, 30, 10))[0]
        if zone is not Zone.AMBIENT and size is Size.L:
            size = Size.M
        budget = None if zone is Zone.AMBIENT or self.plain else self.rng.choice((900, 1200, 1800))
        food = zone is not Zone.AMBIENT or self.rng.random() < 0.5
        return {
            "zone": zone,
            "min_c": low,
            "max_c": high,
            "size": size,
            "cold_budget_s": budget,
            "volume_ml": VOLUME_ML[size],
            "weight_g": self.rng.randint(300, VOLUME_ML[size] // 6),
            "goods": Goods.FOOD if food and not self.plain else Goods.NEUTRAL,
        }

    def _zone(self) -> Zone:
        return self.rng.choices((Zone.AMBIENT, Zone.CHILLED, Zone.FROZEN), (90, 9, 1))[0]

    def _options(self, name: str, chosen: Sequence[Place], service_s: int) -> tuple[Option, ...]:
        return tuple(
            Option(f"{name}.{k}", place.id, preference=k, compensation_fen=100 * k, service_s=service_s)
            for k, place in enumerate(chosen)
        )

    def _to_cell(
        self, name: str, hub: str, zone: Zone, able: Sequence[Place], stations: Sequence[Place]
    ) -> Shipment:
        """Into a locker or cabinet: mostly one of several, now and then a station instead."""
        chosen = self.rng.sample(list(able), min(len(able), self.rng.choice((1, 2, 2, 3))))
        if self.rng.random() < 0.3:
            chosen.append(self.rng.choice(stations))
        return Shipment(name, Direction.DOWN, self._options(name, chosen, 20), hub=hub, **self._goods(zone))

    def _to_station(self, name: str, hub: str, stations: Sequence[Place]) -> Shipment:
        """To the own station; two in five agreed to a neighbouring one, too. Some stations sell pesticide."""
        number = self.rng.randrange(len(stations))
        chosen, item = [stations[number]], self._goods(self._zone())
        if self.rng.random() < 0.4 and len(stations) > 1:
            chosen.append(_neighbour(stations[number], stations, self.rng))
        if number % 12 == 0 and self.rng.random() < 0.1 and not self.plain:
            item |= {"goods": Goods.PESTICIDE, "zone": Zone.AMBIENT, "min_c": None, "max_c": None}
            item["cold_budget_s"] = None
        return Shipment(name, Direction.DOWN, self._options(name, chosen, 5), hub=hub, **item)

    def _up(self, name: str, hub: str, stations: Sequence[Place]) -> Shipment:
        """Produce to the hub; one in twenty straight to another station on the same loop."""
        item = {**self._goods(self._zone()), "goods": Goods.NEUTRAL if self.plain else Goods.FOOD}
        first = self.rng.choice(stations)
        if self.rng.random() < 0.05 and len(stations) > 1:
            other = _neighbour(first, stations, self.rng)
            options = self._options(name, [other], 20)
            pick = Collection(first.id, service_s=30)
            return Shipment(name, Direction.PAIR, options, collection=pick, hub=hub, **item)
        return Shipment(name, Direction.UP, self._options(name, [first], 30), hub=hub, **item)


def _neighbour(place: Place, among: Sequence[Place], rng: random.Random) -> Place:
    """One of the three nearest others."""

    def far(other: Place) -> float:
        return ((place.lon or 0) - (other.lon or 0)) ** 2 + ((place.lat or 0) - (other.lat or 0)) ** 2

    return rng.choice(sorted((p for p in among if p is not place), key=far)[:3])
