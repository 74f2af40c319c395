"""Seeded problems in the shape of a small county's day, for the tests of the router."""

from __future__ import annotations

import random
from typing import Any

from routing.solver.matrix import estimate
from routing.solver.problem import (
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
HUB = "hub"
BANDS = {Zone.AMBIENT: (None, None), Zone.CHILLED: (0, 7), Zone.FROZEN: (-30, -15)}
VAN_BANDS = {Zone.AMBIENT: (None, None), Zone.CHILLED: (2, 4), Zone.FROZEN: (-25, -18)}


def van(name: str, **changes: Any) -> Vehicle:
    """A van with three compartments and a shift from 06:30 to 13:00."""
    values: dict[str, Any] = {
        "id": name,
        "start": HUB,
        "end": HUB,
        "compartments": (
            _room(Zone.AMBIENT, 3_600_000, 700_000),
            _room(Zone.CHILLED, 800_000, 300_000),
            _room(Zone.FROZEN, 300_000, 90_000),
        ),
        "shift": Window(6.5 * HOUR, 13 * HOUR),
        "fixed_fen": 8_000,
        "fen_per_km": 120,
        "fen_per_hour": 3_000,
        "door_s": 60,
        "co2_g_per_km": 90,
    }
    return Vehicle(**{**values, **changes})


def _room(zone: Zone, volume_ml: int, weight_g: int) -> Compartment:
    low, high = VAN_BANDS[zone]
    return Compartment(zone, volume_ml, weight_g, min_c=low, max_c=high)


def points(count: int, rng: random.Random, *, spread: float) -> list[tuple[float, float]]:
    """Points around Fengxin's county seat, `spread` degrees to each side."""
    return [
        (115.39 + rng.uniform(-spread, spread), 28.69 + rng.uniform(-spread, spread)) for _ in range(count)
    ]


def problem_of(name: str, places: list[Place], vehicles: list[Vehicle], shipments: list[Shipment]) -> Problem:
    """A problem on estimated roads."""
    lon = [p.lon for p in places if p.lon is not None]
    lat = [p.lat for p in places if p.lat is not None]
    return Problem(name, tuple(places), tuple(vehicles), tuple(shipments), estimate(lon=lon, lat=lat))


def goods(rng: random.Random) -> dict[str, Any]:
    """Zone, band, budget, size, weight and class of one random parcel."""
    zone = rng.choices((Zone.AMBIENT, Zone.CHILLED, Zone.FROZEN), (82, 15, 3))[0]
    low, high = BANDS[zone]
    size = rng.choices((Size.S, Size.M, Size.L), (60, 30, 10))[0]
    return {
        "zone": zone,
        "min_c": low,
        "max_c": high,
        "size": size,
        "cold_budget_s": None if zone is Zone.AMBIENT else 1800,
        "volume_ml": {Size.S: 6_000, Size.M: 15_000, Size.L: 40_000}[size],
        "weight_g": rng.randint(300, 6_000),
        "goods": Goods.FOOD if zone is not Zone.AMBIENT else rng.choice((Goods.FOOD, Goods.NEUTRAL)),
    }


def village_loop(
    *, seed: int = 1, stations: int = 20, vans: int = 5, down: int = 200, up: int = 90
) -> Problem:
    """Wave 1: goods down to stations, produce up, one in twenty straight to another station."""
    rng = random.Random(seed)
    opening = (Window(6 * HOUR, 18 * HOUR),)
    spots = points(stations + 1, rng, spread=0.18)
    places = [Place(HUB, *spots[0])]
    places += [Place(f"st{k}", *spots[k], windows=opening, setup_s=360) for k in range(1, stations + 1)]
    names = [p.id for p in places[1:]]
    shipments = []
    for k in range(down):
        item = goods(rng)
        if rng.random() < 0.03:
            item.update(goods=Goods.PESTICIDE, zone=Zone.AMBIENT, min_c=None, max_c=None, cold_budget_s=None)
        option = Option(f"d{k}.0", rng.choice(names), service_s=5)
        shipments.append(Shipment(f"d{k}", Direction.DOWN, (option,), **item))
    for k in range(up):
        item = {**goods(rng), "goods": Goods.FOOD}
        one, other = rng.sample(names, 2)
        option = Option(f"u{k}.0", other, service_s=30)
        if k % 20 == 0:
            pair = Collection(one, service_s=60)
            shipments.append(Shipment(f"u{k}", Direction.PAIR, (option,), collection=pair, **item))
        else:
            shipments.append(Shipment(f"u{k}", Direction.UP, (option,), **item))
    return problem_of(f"loop-{seed}", places, [van(f"van{k}") for k in range(vans)], shipments)


def town_delivery(*, seed: int = 1, vans: int = 2, parcels: int = 100) -> Problem:
    """Wave 2: four parcel lockers, three cold cabinets, two counters; two in five have several options."""
    rng = random.Random(seed)
    spots = points(10, rng, spread=0.03)
    places = [Place(HUB, *spots[0])]
    for k in range(1, 5):
        cells = (Cells(Zone.AMBIENT, 26, 11, 4),)
        places.append(Place(f"locker{k}", *spots[k], setup_s=120, cells=cells))
    for k in range(5, 8):
        cold = (Cells(Zone.CHILLED, 0, 12, 0, 2, 6), Cells(Zone.FROZEN, 0, 6, 0, -24, -18))
        places.append(Place(f"cold{k}", *spots[k], setup_s=120, cells=cold))
    places += [
        Place(f"shop{k}", *spots[k], windows=(Window(9 * HOUR, 18 * HOUR),), setup_s=240) for k in (8, 9)
    ]
    shipments = [_parcel(k, rng, places) for k in range(parcels)]
    shift = Window(15 * HOUR, 19 * HOUR)
    return problem_of(f"town-{seed}", places, [van(f"van{k}", shift=shift) for k in range(vans)], shipments)


def _parcel(number: int, rng: random.Random, places: list[Place]) -> Shipment:
    item = {**goods(rng), "goods": Goods.FOOD}
    if item["zone"] is not Zone.AMBIENT:
        item["size"] = rng.choice((Size.S, Size.M))
    label = "cold" if item["zone"] is not Zone.AMBIENT else "locker"
    able = [p.id for p in places if p.id.startswith(label)]
    count = rng.choice((1, 1, 1, 2, 3))
    options = tuple(
        Option(f"p{number}.{k}", place, preference=k, compensation_fen=100 * k, service_s=20)
        for k, place in enumerate(rng.sample(able, min(count, len(able))))
    )
    return Shipment(f"p{number}", Direction.DOWN, options, **item)
