"""A generated day of a small county that uses everything a problem can say, for proving the router.

Options with compensation, nested cells, zones, weight, goods that must not mix, cold budgets, produce up and
straight rides come with the county (`worlds`). Added are: vans that reload, breaks and staggered shifts,
narrow streets, closed roads, releases and returns due, a station whose shipments are worth little, and a
fixed tour: stations that one van serves every day, promised stops first, as far as they have something today.
"""

from __future__ import annotations

import random
from dataclasses import replace

from routing.solver.problem import Break, Collection, Objective, Place, Problem, Shipment, Vehicle, Window
from routing.solver.terms import Direction, Goods, Zone
from routing.solver.worlds import HOUR, Builder, Extent

#: Stations of the fixed tour, and its promised first stops.
TOUR, PROMISED = 3, 2
#: Worth of what may be left, in fen.
SMALL_VALUE = 20


def full_day(*, seed: int = 1, shipments: int = 140, vans: int = 4) -> Problem:
    """One county, seeded: the same arguments give the same problem."""
    rng = random.Random(f"full day {seed}")
    builder = Builder(rng, plain=False)
    up = shipments // 5
    extent = Extent(max(6, shipments // 11), 2, 2, vans, shipments - up, up)
    builder.county("hub", 115.39, 28.70, extent)
    base = builder.problem(f"full-day-{seed}")
    stations = [place for place in base.places if "/st" in place.id]
    tour = {place.id for place in stations[1 : 1 + TOUR]}
    promised = _promised(base, stations[1 : 1 + TOUR])
    return replace(
        base,
        places=tuple(_narrow(place, number) for number, place in enumerate(base.places)),
        vehicles=tuple(_van(van, number, promised) for number, van in enumerate(base.vehicles)),
        shipments=tuple(_shipment(s, rng, stations, tour, base.vehicles[0].id) for s in base.shipments),
        objective=Objective(preference_fen=(0, 50, 150)),
        closed=_closed(stations, rng, tour),
    )


def _promised(problem: Problem, tour: list[Place]) -> tuple[str, ...]:
    """The first stops of the fixed tour: one plain parcel each of its first stations that have one today."""
    found = []
    for place in tour:
        plain = (
            s.options[0].id
            for s in problem.shipments
            if s.direction is Direction.DOWN and [o.place for o in s.options] == [place.id] and _is_plain(s)
        )
        found += [label for label in (next(plain, None),) if label is not None]
    return tuple(found[:PROMISED])


def _is_plain(shipment: Shipment) -> bool:
    return shipment.zone is Zone.AMBIENT and shipment.goods is not Goods.PESTICIDE


def _narrow(place: Place, number: int) -> Place:
    """Every seventh station lies in a street that only some vans may enter."""
    if "/st" not in place.id or number % 7 != 6:
        return place
    return replace(place, needs=frozenset({"narrow"}))


def _van(van: Vehicle, number: int, promised: tuple[str, ...]) -> Vehicle:
    """The first drives the fixed tour; every other one is small and reloads; shifts are staggered."""
    if number == 0:
        return replace(van, locked=promised, has=frozenset({"narrow"}))
    if number % 2:
        rooms = tuple(
            replace(c, volume_ml=c.volume_ml / 6, weight_g=c.weight_g / 6) for c in van.compartments
        )
        return replace(
            van, compartments=rooms, max_trips=2, reload_s=900, has=frozenset({"narrow"}), fixed_fen=5_000
        )
    shift = Window(7 * HOUR, 15 * HOUR)
    rests = (Break(9 * HOUR, 10 * HOUR, 600), Break(11.5 * HOUR, 12.5 * HOUR, 1_200))
    return replace(van, shift=shift, breaks=rests, max_distance_m=300_000)


def _shipment(
    shipment: Shipment, rng: random.Random, stations: list[Place], tour: set[str], tour_van: str
) -> Shipment:
    """Promised to the tour's van, worth little, late, early, or straight to another station."""
    places = {option.place for option in shipment.options}
    if places <= tour and shipment.collection is None and _is_plain(shipment):
        return replace(shipment, vehicles=frozenset({tour_van}))
    if places == {stations[-1].id} and shipment.direction is not Direction.PAIR:
        return replace(shipment, value_fen=SMALL_VALUE)
    draw = rng.random()
    if draw < 0.05 and shipment.direction is Direction.DOWN:
        return replace(shipment, release_s=7.5 * HOUR)
    if draw < 0.15 and shipment.direction is Direction.UP:
        return replace(shipment, due_s=12 * HOUR)
    if draw < 0.4 and shipment.direction is Direction.UP:
        return _straight(shipment, rng.choice([p for p in stations if p.id not in places]))
    return shipment


def _straight(shipment: Shipment, to: Place) -> Shipment:
    """Produce that another station of the loop ordered."""
    [option] = shipment.options
    pick = Collection(option.place, service_s=option.service_s)
    drop = replace(option, place=to.id, service_s=20)
    return replace(shipment, direction=Direction.PAIR, collection=pick, options=(drop,))


def _closed(stations: list[Place], rng: random.Random, tour: set[str]) -> frozenset[tuple[str, str]]:
    """One in twelve roads between stations is closed, in one direction; none on the promised tour."""
    pairs = [(a.id, b.id) for a in stations for b in stations if a is not b]
    return frozenset(pair for pair in rng.sample(pairs, len(pairs) // 12) if not tour.issuperset(pair))
