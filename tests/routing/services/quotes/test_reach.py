"""What the shop window is told about a place."""

from __future__ import annotations

from datetime import time, timedelta

import pytest

from marketplace.kernel import clock
from marketplace.kernel.errors import NotFound
from marketplace.kernel.ids import uuid7
from marketplace.places.models import Hub, Place
from routing.services.quotes.reach import Reachability, reach
from routing.services.waves import planning
from tests.factories.farmers import make_station
from tests.factories.places import make_county, make_hub, make_place, make_site, make_vehicle
from tests.factories.routing import DAY, make_shipment

pytestmark = pytest.mark.django_db


@pytest.fixture
def hub() -> Hub:
    hub = make_hub()
    make_vehicle(hub=hub)
    return hub


def one(origin: Hub, place: Place) -> Reachability:
    return reach(origin_hub_uuid=origin.uuid, place_uuids=[place.uuid], day=DAY)[0]


def test_a_locker_of_the_county_is_reached_in_the_afternoon(hub: Hub) -> None:
    place = make_site(hub=hub, lon=115.42, lat=28.72).place
    answer = one(hub, place)
    assert (answer.place_uuid, answer.feasible, answer.reason) == (place.uuid, True, "")
    assert answer.arrives_from is not None
    assert clock.at(DAY, 15) < answer.arrives_from < clock.at(DAY, 16)
    assert answer.arrives_until == clock.at(DAY, 19)
    assert answer.price_fen > 150
    assert answer.co2_g > 0


def test_a_station_is_reached_on_the_morning_loop_and_the_plan_narrows_it(hub: Hub) -> None:
    place = make_station(hub=hub).place
    before = one(hub, place)
    assert before.arrives_until == clock.at(DAY, 13)
    make_shipment(hub=hub, place=place)
    plan = planning.plan_wave(hub_uuid=hub.uuid, day=DAY, wave="village_loop", seconds=1)
    stop = plan.routes.get().stops.get()
    after = one(hub, place)
    assert after.arrives_from == stop.arrives_at - timedelta(minutes=30)
    assert after.arrives_until == stop.arrives_at + timedelta(minutes=30)


def test_other_counties_need_a_trunk(hub: Hub) -> None:
    other = make_hub(county=make_county(code="360902", name="袁州区"))
    make_vehicle(hub=other)
    place = make_site(hub=other).place
    assert one(hub, place).reason == "no_trunk"
    make_vehicle(hub=other, is_trunk=True)
    answer = one(hub, place)
    assert answer.feasible
    assert answer.arrives_from is not None
    assert answer.arrives_from > clock.at(DAY, 15, 30)
    assert one(hub, make_station(hub=other).place).reason == "other_county"


def test_why_a_place_is_out_of_reach(hub: Hub) -> None:
    assert one(hub, make_place(kind="door")).reason == "no_hub"
    poor = make_hub(county=make_county(code="360981", name="丰城市"))
    assert one(poor, make_site(hub=poor).place).reason == "no_vehicle"
    early = make_site(hub=hub).place
    Place.objects.filter(pk=early.pk).update(opens=time(8), closes=time(12))
    assert one(hub, early).reason == "window"
    assert one(hub, make_site(hub=hub, lon=117.9, lat=28.7).place).reason == "shift"
    assert not reach(origin_hub_uuid=hub.uuid, place_uuids=[uuid7()], day=DAY)[0].feasible
    with pytest.raises(NotFound):
        reach(origin_hub_uuid=uuid7(), place_uuids=[], day=DAY)
