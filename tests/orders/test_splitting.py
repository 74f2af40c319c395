"""How a cart becomes parcels: tables of cases, and properties over random carts."""

from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.kernel.temperature import Band
from marketplace.kernel.units import CELL_MAX_G, Size, fits
from orders.errors import Unreachable
from orders.splitting import Collect, Destination, Item, Way, shared_band, split, way_for


def u(number: int) -> UUID:
    return UUID(int=number)


HUB, OTHER_HUB, STATION, OTHER_STATION, CABINET = u(1), u(2), u(11), u(12), u(21)
KIWI = Item(
    key=u(101), zone="chilled", category="food", band=Band(0, 7), size=Size.S, gross_g=2_600, volume_ml=6_000,
    hub_uuid=HUB, origin_uuid=STATION, product="猕猴桃",
)  # fmt: skip
PORK = replace(KIWI, key=u(102), band=Band(0, 4), product="猪肉")
PEPPER = replace(KIWI, key=u(103), band=Band(7, 10), product="辣椒")
RICE = replace(KIWI, key=u(104), zone="ambient", band=Band(0, 30), gross_g=5_100, product="大米")
TO_CABINET = Destination(place_uuid=CABINET, kind="cabinet_site", hub_uuid=OTHER_HUB)
TO_STATION = Destination(place_uuid=OTHER_STATION, kind="station", hub_uuid=HUB)


def parcels(*items, to=TO_CABINET, direction="up"):
    return split(direction=direction, items=items, destination=to)


def keys(found):
    return [{item.product for item in parcel.items} for parcel in found]


def test_one_parcel_per_zone():
    found = parcels(KIWI, RICE)
    assert keys(found) == [{"猕猴桃"}, {"大米"}]
    assert [parcel.zone for parcel in found] == ["chilled", "ambient"]


def test_goods_of_two_stations_of_one_hub_travel_together_with_a_collect_each():
    (found,) = parcels(KIWI, replace(PORK, origin_uuid=OTHER_STATION))
    assert found.way is Way.UP
    assert found.band == Band(0, 4)
    assert found.collects == (Collect(STATION, 2_600, 6_000), Collect(OTHER_STATION, 2_600, 6_000))


def test_goods_of_two_hubs_are_two_parcels():
    found = parcels(KIWI, replace(PORK, hub_uuid=OTHER_HUB))
    assert [parcel.hub_uuid for parcel in found] == [HUB, OTHER_HUB]


def test_bands_without_a_shared_degree_part_the_goods():
    assert keys(parcels(PORK, replace(PEPPER, zone="chilled", band=Band(7, 10)))) == [{"猪肉"}, {"辣椒"}]


def test_pesticide_never_shares_a_parcel_with_food():
    found = parcels(RICE, replace(RICE, key=u(105), category="pesticide", product="农药"))
    assert [parcel.category for parcel in found] == ["food", "pesticide"]


def test_what_passes_one_cell_becomes_two_parcels():
    heavy = replace(RICE, gross_g=15_000, volume_ml=20_000)
    found = parcels(heavy, replace(heavy, key=u(106)))
    assert [parcel.gross_g for parcel in found] == [15_000, 15_000]


def test_a_counter_takes_what_no_cell_takes():
    heavy = replace(RICE, gross_g=15_000, volume_ml=20_000)
    (found,) = parcels(heavy, replace(heavy, key=u(106)), to=TO_STATION)
    assert found.gross_g == 30_000
    assert found.size is Size.NONE


def test_to_a_station_each_origin_sends_its_own_parcel_on_the_loop():
    found = parcels(KIWI, replace(PORK, origin_uuid=u(13)), to=TO_STATION)
    assert [(parcel.way, [c.place_uuid for c in parcel.collects]) for parcel in found] == [
        (Way.DIRECT, [STATION]),
        (Way.DIRECT, [u(13)]),
    ]


def test_goods_down_leave_their_hub_without_a_collect():
    (found,) = parcels(replace(RICE, origin_uuid=HUB), to=TO_STATION, direction="down")
    assert (found.way, found.collects) == (Way.DOWN, ())


def test_a_large_piece_needs_a_large_cell_however_little_it_weighs():
    assert parcels(replace(KIWI, size=Size.L))[0].size is Size.L


@pytest.mark.parametrize(
    ("item", "to", "direction", "reason"),
    [
        (KIWI, replace(TO_CABINET, kind="door"), "up", "kind_not_served"),
        (replace(KIWI, locker_allowed=False), TO_CABINET, "up", "not_in_lockers"),
        (replace(KIWI, size=Size.NONE), TO_CABINET, "up", "too_big"),
        (replace(KIWI, gross_g=CELL_MAX_G + 1), TO_CABINET, "up", "too_big"),
        (KIWI, replace(TO_STATION, place_uuid=STATION), "up", "same_station"),
        (KIWI, replace(TO_STATION, hub_uuid=OTHER_HUB), "up", "other_county_station"),
        (RICE, TO_CABINET, "down", "kind_not_served"),
        (RICE, replace(TO_STATION, hub_uuid=OTHER_HUB), "down", "other_county"),
    ],
)
def test_what_cannot_get_there_is_refused_by_name(item, to, direction, reason):
    with pytest.raises(Unreachable) as refused:
        way_for(direction=direction, item=item, destination=to)
    assert (refused.value.reason, refused.value.field) == (reason, "place_id")


ITEMS = st.builds(
    Item,
    key=st.uuids(),
    zone=st.sampled_from(["ambient", "chilled"]),
    category=st.sampled_from(["food", "general"]),
    band=st.sampled_from([Band(0, 4), Band(0, 7), Band(5, 9), Band(0, 30)]),
    size=st.sampled_from([Size.S, Size.M, Size.L]), gross_g=st.integers(1, CELL_MAX_G),
    volume_ml=st.integers(1, 60_000), hub_uuid=st.sampled_from([HUB, OTHER_HUB]),
    origin_uuid=st.sampled_from([STATION, OTHER_STATION]),
)  # fmt: skip


@given(st.lists(ITEMS, min_size=1, max_size=12, unique_by=lambda item: item.key))
def test_every_item_is_in_one_parcel_that_fits_a_cell_of_one_zone_hub_and_band(items):
    found = split(direction="up", items=items, destination=TO_CABINET)
    packed = [item for parcel in found for item in parcel.items]
    assert sorted(packed, key=lambda item: item.key) == sorted(items, key=lambda item: item.key)
    for parcel in found:
        assert {(i.zone, i.hub_uuid, i.category) for i in parcel.items} == {
            (parcel.zone, parcel.hub_uuid, parcel.category)
        }
        assert parcel.band == shared_band(parcel.items)
        assert fits(parcel.size, Size.L)
        assert sum(collect.gross_g for collect in parcel.collects) == parcel.gross_g
        assert sum(collect.volume_ml for collect in parcel.collects) == parcel.volume_ml


@given(st.lists(ITEMS, min_size=1, max_size=8, unique_by=lambda item: item.key), st.randoms())
def test_the_split_does_not_depend_on_the_order_of_the_cart(items, random):
    shuffled = list(items)
    random.shuffle(shuffled)

    def as_sets(cart):
        return {frozenset(item.key for item in parcel.items) for parcel in parcels(*cart)}

    assert as_sets(items) == as_sets(shuffled)
