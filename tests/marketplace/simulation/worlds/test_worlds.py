"""The worlds against the table and the mix of day.md."""

from collections import Counter
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.kernel.errors import InvalidInput
from marketplace.kernel.geo import great_circle_m
from marketplace.kernel.temperature import Zone
from marketplace.kernel.units import fits
from marketplace.simulation.worlds import World, build, sources
from marketplace.simulation.worlds.measures import cabinet_fill, down_ml_per_hub, mix
from marketplace.simulation.worlds.network import terrains

NAMES = ["test", "small", "county", "city"]
CITY_STATIONS = {
    "丰城市": 64, "高安市": 41, "袁州区": 39, "樟树市": 33, "宜丰县": 30,
    "上高县": 26, "万载县": 25, "奉新县": 20, "铜鼓县": 12, "靖安县": 10,
}  # fmt: skip


@cache
def world(name: str, seed: int = 1) -> World:
    return build(name, seed)


@pytest.mark.parametrize(
    ("name", "hubs", "stations", "lockers", "cells", "cold", "vehicles", "farmers", "down", "up"),
    [
        ("test", 2, 6, 4, 20, 2, 2, 12, 44, 36),
        ("small", 2, 20, 4, 46, 3, 5, 60, 200, 100),
        ("county", 1, 110, 8, 72, 6, 14, 400, 3300, 300),
        ("city", 10, 300, 60, 72, 60, 60, 2500, 9000, 3000),
    ],
)
def test_numbers_are_those_of_the_table(
    name: str, hubs: int, stations: int, lockers: int, cells: int, cold: int, vehicles: int, farmers: int,
    down: int, up: int,
) -> None:  # fmt: skip
    made = world(name)
    assert (len(made.hubs), len(made.stations)) == (hubs, stations)
    parcel = [cabinet for cabinet in made.cabinets if cabinet.kind == "parcel"]
    assert Counter(len(cabinet.cells) for cabinet in parcel) == {cells: lockers}
    cold_cabinets = [cabinet for cabinet in made.cabinets if cabinet.kind == "cold"]
    assert Counter(len(cabinet.cells) for cabinet in cold_cabinets) == {18: cold}
    assert sum(not vehicle.trunk for vehicle in made.vehicles) == vehicles
    assert sum(farmer.station is not None for farmer in made.farmers) == farmers
    assert Counter(s.direction for s in made.shipments) == {"down": down, "up": up}


def test_the_city_spreads_its_stations_as_given() -> None:
    made = world("city")
    name = {county.code: county.name for county in made.counties}
    assert Counter(name[made.place[s.place].county] for s in made.stations) == CITY_STATIONS


@pytest.mark.parametrize("name", ["test", "small"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_mix_of_the_scripted_worlds(name: str, seed: int) -> None:
    seen = mix(world(name, seed).shipments)
    assert seen.share(seen.up) >= 0.30
    assert seen.share(seen.chilled) >= 0.15
    assert seen.share(seen.frozen) >= 0.03
    assert seen.share(seen.direct) >= 0.05
    assert seen.share(seen.with_options) >= 0.40


@pytest.mark.parametrize("name", ["county", "city"])
def test_mix_of_the_bench_worlds(name: str) -> None:
    seen = mix(world(name).shipments)
    assert (seen.chilled * 100 // seen.total, seen.frozen * 100 // seen.total) == (10, 2)
    assert seen.share(seen.with_options) >= 0.40


@pytest.mark.parametrize("name", NAMES)
def test_the_busiest_cabinets_and_vans_are_at_least_seventy_percent_full(name: str) -> None:
    made = world(name)
    fill = cabinet_fill(made)
    for kind in ("P", "C") if name != "test" else ("P",):
        assert max(share for key, share in fill.items() if key.startswith(f"cabinet:{kind}:")) >= 0.70
    assert max(fill.values()) <= 1.0
    vans = [vehicle for vehicle in made.vehicles if not vehicle.trunk]
    place = {hub.key: hub.place for hub in made.hubs}
    down = down_ml_per_hub(made)
    for hub in {van.hub for van in vans if place[van.hub] in down}:
        largest = max(c.volume_ml for van in vans if van.hub == hub for c in van.compartments)
        assert down[place[hub]] >= 0.70 * largest  # all of it starts on board: some van leaves that full


@pytest.mark.parametrize("name", NAMES)
def test_first_choices_fit_the_cells_with_sizes_nested(name: str) -> None:
    made = world(name)
    cells: dict[tuple[str, Zone], list[str]] = {}
    place = {site.key: site.place for site in made.sites}
    for cabinet in made.cabinets:
        for cell in cabinet.cells:
            cells.setdefault((place[cabinet.site], cell.zone), []).append(cell.size)
    asked: dict[tuple[str, Zone], list[str]] = {}
    for shipment in made.shipments:
        if shipment.options[0].startswith("place:site:"):
            asked.setdefault((shipment.options[0], shipment.zone), []).append(shipment.size)
    for key, sizes in asked.items():
        for size in ("S", "M", "L"):
            larger = sum(not fits(other, size) for other in sizes)
            assert larger <= sum(cell != size and fits(size, cell) for cell in cells[key])


@pytest.mark.parametrize("name", NAMES)
def test_every_point_lies_in_its_county_and_villages_near_their_township(name: str) -> None:
    made = world(name)
    ground = terrains([county.name for county in made.counties], made.townships)
    townships = {township.code: township for township in made.townships}
    for place in made.places:
        assert ground[place.county].holds(place.at)
        if place.kind == "station" and place.synthetic:
            township = townships[place.township or ""]
            assert township.at is not None
            assert township.county == place.county
            assert great_circle_m(township.at, place.at) <= 6_100
            assert ground[place.county].nearest_township(place.at) == place.township


@pytest.mark.parametrize("name", NAMES)
def test_only_real_points_are_not_marked_synthetic(name: str) -> None:
    made = world(name)
    known = {township.at for township in made.townships}
    assert all(place.at in known for place in made.places if not place.synthetic)
    assert sum(not place.synthetic for place in made.places) >= 6


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32))
def test_same_seed_same_world_other_seed_other_world(seed: int) -> None:
    assert build("test", seed) == build("test", seed)
    assert build("test", seed) != build("test", seed + 1)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32))
def test_every_seed_keeps_the_mix(seed: int) -> None:
    made = build("small", seed)
    seen = mix(made.shipments)
    assert (seen.total, seen.up, seen.chilled, seen.frozen, seen.direct) == (300, 100, 46, 10, 18)
    assert seen.share(seen.with_options) >= 0.40


@pytest.mark.parametrize("name", NAMES)
def test_keys_and_ids_are_unique(name: str) -> None:
    made = world(name)
    things = (
        made.places, made.hubs, made.stations, made.sites, made.cabinets, made.carriers, made.vehicles,
        made.farmers, made.villagers, made.buyers, made.users, made.lots, made.buyer_orders,
        made.villager_orders, made.shipments,
    )  # fmt: skip
    keys = [thing.key for group in things for thing in group]
    assert len(keys) == len(set(keys)) == len({made.uuid(key) for key in keys})
    assert {made.uuid(key).version for key in keys} == {7}
    phones = [user.phone for user in made.users] + [v.phone for v in made.villagers if v.phone]
    assert len(phones) == len(set(phones))


def test_plain_drops_cold_budgets_and_nothing_else() -> None:
    full, plain = world("county"), world("county-plain")
    assert plain.plain
    assert not full.plain
    assert {shipment.cold_budget_min for shipment in plain.shipments} == {None}
    assert [s.key for s in plain.shipments] == [s.key for s in full.shipments]
    assert [s.options for s in plain.shipments] == [s.options for s in full.shipments]
    assert plain.uuid("x") == full.uuid("x")


@pytest.mark.parametrize("name", ["paris", "test-plain", ""])
def test_an_unknown_world_is_refused_by_name(name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        build(name)
    assert refused.value.field == "name"
    assert "county-plain" in str(refused.value)


def test_one_cabinet_and_one_van_of_the_demo_are_cool() -> None:
    made = world("small")
    assert sum(any(cell.zone is Zone.COOL for cell in cabinet.cells) for cabinet in made.cabinets) == 1
    vans = [vehicle for vehicle in made.vehicles if not vehicle.trunk]
    assert sum(any(space.zone is Zone.COOL for space in van.compartments) for van in vans) == 1


def test_orders_follow_consent_stock_and_shelves() -> None:
    for name in ("test", "small"):
        made = world(name)
        buyers = {buyer.key: buyer for buyer in made.buyers}
        sold: Counter[str] = Counter()
        lines = [line for order in made.buyer_orders for line in order.lines]
        lines += [line for order in made.villager_orders for line in order.lines]
        for line in lines:
            sold[line.lot] += line.quantity
        assert all(made.lot[key].quantity >= quantity > 0 for key, quantity in sold.items())
        for order in made.buyer_orders:
            assert set(order.places) <= set(buyers[order.buyer].consents)
        farmers = [{made.lot[line.lot].seller for line in order.lines} for order in made.buyer_orders]
        assert sum(len(sellers) >= 3 for sellers in farmers) >= 3


def test_direct_shipments_leave_one_station_for_another_of_the_same_hub() -> None:
    for name in NAMES:
        made = world(name)
        hub = {station.place: station.hub for station in made.stations}
        direct = [s for s in made.shipments if s.direct]
        assert all(
            s.origins != s.options
            and (len(s.origins), len(s.options)) == (1, 1)
            and hub[s.origins[0]] == hub[s.options[0]]
            for s in direct
        )


def test_at_most_one_pesticide_asks_for_a_van_without_food() -> None:
    assert sum(s.cargo == "pesticide" for s in world("small").shipments) <= 1
    assert sum(s.cargo == "pesticide" for s in world("test").shipments) == 0


def test_the_catalogues_are_whole() -> None:
    made = world("small")
    assert Counter(product.direction for product in made.products) == {"up": 45, "down": 42}
    assert sum(lot.station is None for lot in made.lots) == 42
    offered = {made.product[lot.product] for lot in made.lots}
    assert all(product.in_season for product in offered)
    assert {product.zone for product in offered} == {Zone.AMBIENT, Zone.COOL, Zone.CHILLED, Zone.FROZEN}


def test_stations_never_stand_at_placeholders_or_parks() -> None:
    names = {village.name for village in sources.villages()}
    assert not any("虚拟" in name or "监狱" in name for name in names)
    assert len(sources.villages()) > 1_900
