"""Distances of a road server: asked once, kept, used by plans; and what happens without it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from marketplace.kernel import clock
from marketplace.kernel.geo import LonLat
from marketplace.places.models import Place
from routing.models import RoadPair
from routing.services.quotes.pictures import picture_of
from routing.services.waves import distances, planning
from routing.services.waves.distances import between, measure, road_between
from tests.factories.farmers import make_station
from tests.factories.places import make_hub, make_vehicle
from tests.factories.road_server import ISLAND, RoadServerDouble, metres, road_server
from tests.factories.routing import DAY, make_shipment

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("eve")]

POINTS = [LonLat(115.0, 28.0), LonLat(115.2, 28.1), LonLat(115.0, 28.3)]


@pytest.fixture(params=["OSRM_URL", "VALHALLA_URL"])
def double(request: pytest.FixtureRequest, settings) -> Iterator[RoadServerDouble]:
    with road_server() as double:
        setattr(settings, request.param, double.url)
        yield double


def test_without_a_server_all_is_estimated(settings) -> None:
    settings.OSRM_URL = settings.VALHALLA_URL = ""
    assert measure(POINTS) == 0
    known = between(POINTS, speed_kmh=35)
    assert known.told() == {"source": "estimate", "pairs": 6, "estimated": 6}
    assert RoadPair.objects.count() == 0


def test_pairs_are_asked_once(double: RoadServerDouble) -> None:
    assert measure(POINTS) == 6
    assert measure(POINTS) == 0
    assert double.asked == [9]
    known = between(POINTS, speed_kmh=35)
    assert known.estimated == 0
    assert known.matrix.distance_m.tolist() == [
        [0, 30_000, 30_000],
        [30_000, 0, 40_000],
        [30_000, 40_000, 0],
    ]
    assert known.matrix.time_s[0].tolist() == [0, 3_000, 3_000]


def test_reading_asks_nobody(double: RoadServerDouble) -> None:
    known = between(POINTS, speed_kmh=36)
    assert (known.estimated, double.asked) == (6, [])
    assert known.matrix.time_s[0, 1] == round(known.matrix.distance_m[0, 1] / 10)


def test_an_unreachable_pair_is_kept_as_such_and_estimated(double: RoadServerDouble) -> None:
    points = [*POINTS, LonLat(*ISLAND)]
    measure(points)
    assert RoadPair.objects.filter(distance_m=None).count() == 3
    known = between(points, speed_kmh=35)
    assert known.estimated == 3
    assert (
        known.matrix.distance_m[3, 0]
        == between([LonLat(*ISLAND), POINTS[0]], speed_kmh=35).matrix.distance_m[0, 1]
    )
    assert measure(points) == 0


def test_old_pairs_are_asked_again(double: RoadServerDouble) -> None:
    measure(POINTS)
    RoadPair.objects.update(measured_at=clock.now() - timedelta(days=91), distance_m=1)
    assert between(POINTS, speed_kmh=35).estimated == 6
    assert measure(POINTS) == 6
    assert between(POINTS, speed_kmh=35).matrix.distance_m[0, 1] == 30_000


def test_a_failing_server_leaves_estimates(double: RoadServerDouble, caplog) -> None:
    double.broken = 503
    assert measure(POINTS) == 0
    assert "status 503; 6 pairs stay estimates" in caplog.text
    assert between(POINTS, speed_kmh=35).estimated == 6


def test_a_plan_drives_on_the_servers_roads(double: RoadServerDouble) -> None:
    hub = make_hub()
    make_vehicle(hub=hub)
    place = make_station(hub=hub).place
    Place.objects.filter(pk=place.pk).update(lon=hub.place.lon + 0.1, lat=hub.place.lat - 0.05)
    place.refresh_from_db()
    make_shipment(hub=hub, place=place)
    plan = planning.plan_wave(hub_uuid=hub.uuid, day=DAY, wave="village_loop", seconds=1)
    ends = [(spot.lon, spot.lat) for spot in (hub.place, place)]
    there = round(metres(*ends))
    assert plan.distance_m == 2 * there
    assert plan.metrics["roads"]["estimated"] == 0
    assert plan.metrics["roads"]["source"] == distances.server_name()
    # a quote for a place in between reckons with the same road
    road = picture_of(plan.pk, True).road
    assert road == road_between([hub.place.lon_lat, place.lon_lat], speed_kmh=35)
    assert round(road.speed_kmh) == 36
