"""Quotes by insertion into the plan in force: they agree with the exact insertion, and say why not."""

from __future__ import annotations

import random
from datetime import time, timedelta

import pytest
from django.db import transaction

from marketplace.kernel import clock
from marketplace.places.models import Hub, Place, Vehicle, VehicleCompartment
from routing.models import Plan, PlanPicture
from routing.services.in_force.standing import stand
from routing.services.quotes.pictures import picture_of
from routing.services.quotes.reach import Ask, Reachability, quote
from routing.services.shipments.requests import ParcelSpec, served_places
from routing.services.waves import planning
from routing.solver.core.schedule import timetable
from routing.states import Wave
from tests.factories.farmers import make_station
from tests.factories.places import make_hub, make_vehicle
from tests.factories.routing import DAY, make_shipment

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("eve")]

LOOP = Wave.VILLAGE_LOOP
ROOM = {"min_c": 0, "max_c": 30}
COLD = {"min_c": 0, "max_c": 7}


@pytest.fixture
def hub() -> Hub:
    return make_hub()


def station(hub: Hub, lon: float, lat: float, **hours: time) -> Place:
    place = make_station(hub=hub).place
    Place.objects.filter(pk=place.pk).update(lon=lon, lat=lat, **hours)
    place.refresh_from_db()
    return place


def parcel(zone: str = "ambient", weight_g: int = 2_000, budget_min: int | None = None) -> ParcelSpec:
    band = ROOM if zone == "ambient" else COLD
    return ParcelSpec(
        zone=zone, size="S", weight_g=weight_g, volume_ml=5_000, cold_budget_min=budget_min, **band
    )


def ask(hub: Hub, place: Place, spec: ParcelSpec | None = None, day=DAY, direction="down") -> Reachability:
    known = served_places([place.uuid])[place.uuid]
    return quote(asks=[Ask(hub.uuid, known, spec or parcel(), direction)], day=day)[0]


def plan(hub: Hub, day=DAY) -> Plan:
    return planning.plan_wave(hub_uuid=hub.uuid, day=day, wave=LOOP.value, seconds=1)


def draw_anew() -> None:
    PlanPicture.objects.all().delete()
    picture_of.cache_clear()


def exactly(hub: Hub, place: Place) -> tuple[bool, float | None, str]:
    """(feasible, start of the stop, reason) of the slow insertion into the same plan."""
    sid = transaction.savepoint()
    shipment = make_shipment(hub=hub, place=place)
    standing = stand(hub=hub, day=DAY, wave=LOOP)
    loaded, solved = standing.loaded, standing.plan
    number = loaded.problem.index.shipments[str(shipment.legs.get().uuid)]
    found, reason = solved.cheapest(number)
    start = None
    if found is not None:
        table = timetable(solved.net, found.vehicle, found.sequence)
        start = next(
            stop.start_s
            for stop in table.stops
            for node in stop.nodes
            if solved.net.nodes[node].shipment == number
        )
    transaction.savepoint_rollback(sid)
    return found is not None, start, reason.value


def test_a_quote_agrees_with_the_exact_insertion(hub: Hub) -> None:
    draw = random.Random(5)
    make_vehicle(hub=hub)
    make_vehicle(hub=hub)

    def anywhere(spread: float) -> Place:
        lon, lat = 115.39 + draw.uniform(-spread, spread), 28.70 + draw.uniform(-spread, spread)
        opens, closes = draw.choice([(6, 22), (6, 9), (10, 12), (8, 20)])
        return station(hub, lon, lat, opens=time(opens), closes=time(closes))

    for _ in range(12):
        make_shipment(hub=hub, place=anywhere(0.3))
    plan(hub)
    places = [anywhere(0.75) for _ in range(14)]
    answers = [ask(hub, place) for place in places]
    exact = [exactly(hub, place) for place in places]
    assert [answer.feasible for answer in answers] == [feasible for feasible, _, _ in exact]
    feasible = [number for number, answer in enumerate(answers) if answer.feasible]
    assert 3 <= len(feasible) <= 12  # both outcomes are tried
    for number in feasible:
        told = answers[number].arrives_from + timedelta(minutes=30)
        start = clock.at(DAY, 0) + timedelta(seconds=exact[number][1])
        opens = clock.at(DAY, places[number].opens.hour)
        assert abs(max(told, opens) - max(start, opens)) <= timedelta(minutes=30)


def test_at_a_stop_that_stands_the_parcel_comes_with_the_others(hub: Hub) -> None:
    make_vehicle(hub=hub)
    place = station(hub, 115.45, 28.72)
    make_shipment(hub=hub, place=place)
    stop = plan(hub).routes.get().stops.get()
    answer = ask(hub, place)
    assert answer.arrives_from + timedelta(minutes=30) == stop.arrives_at
    assert answer.price_fen < ask(hub, station(hub, 115.52, 28.76)).price_fen
    assert answer.co2_g > 0


def test_a_full_van_says_so(hub: Hub) -> None:
    van = make_vehicle(hub=hub)
    place = station(hub, 115.45, 28.72)
    make_shipment(hub=hub, place=place, weight_g=9_000)
    VehicleCompartment.objects.filter(vehicle=van, zone="ambient").update(weight_g=10_000)
    plan(hub)
    assert ask(hub, place, parcel(weight_g=1_000)).feasible
    answer = ask(hub, place, parcel(weight_g=1_001))
    assert (answer.feasible, answer.reason) == (False, "capacity")
    make_vehicle(hub=hub)  # an idle van takes it once the plan is read anew
    draw_anew()
    assert ask(hub, place, parcel(weight_g=1_001)).feasible


def test_a_cold_budget_says_by_how_many_minutes(hub: Hub) -> None:
    make_vehicle(hub=hub)
    near, far = station(hub, 115.45, 28.72), station(hub, 115.52, 28.76)
    for place in (near, far):
        make_shipment(hub=hub, place=place)
    plan(hub)
    # collecting may take half of what consolidation (20 min) leaves; each stop opens the doors for a minute
    assert ask(hub, near, parcel("chilled", budget_min=22), direction="up").feasible
    answer = ask(hub, far, parcel("chilled", budget_min=22), direction="up")
    assert (answer.feasible, answer.reason, answer.over_min) == (False, "cold_budget", 1)


def test_a_shut_counter_and_a_shift_that_ends_are_told_apart(hub: Hub) -> None:
    make_vehicle(hub=hub)
    make_shipment(hub=hub, place=station(hub, 115.45, 28.72))
    plan(hub)
    assert ask(hub, station(hub, 115.45, 28.73, opens=time(5), closes=time(6, 10))).reason == "window"
    assert ask(hub, station(hub, 117.30, 28.73)).reason == "shift"


def test_before_the_day_is_planned_the_last_plan_is_the_pattern(hub: Hub) -> None:
    van = make_vehicle(hub=hub)
    place = station(hub, 115.45, 28.72)
    make_shipment(hub=hub, place=place)
    stop = plan(hub).routes.get().stops.get()
    tomorrow = DAY + timedelta(days=1)
    answer = ask(hub, place, day=tomorrow)
    assert answer.arrives_until == stop.arrives_at + timedelta(days=1, minutes=60)
    # yesterday's load is off the van; what waits for tomorrow is what fills it
    VehicleCompartment.objects.filter(vehicle=van).update(weight_g=3_000)
    draw_anew()
    assert ask(hub, place, day=tomorrow).feasible
    make_shipment(hub=hub, place=place, day=tomorrow, weight_g=1_500)
    assert ask(hub, place, day=tomorrow).reason == "capacity"


def test_what_crosses_the_trunk_leaves_after_it_is_in(hub: Hub) -> None:
    make_vehicle(hub=hub)
    place = station(hub, 115.45, 28.72)
    make_shipment(hub=hub, place=place)
    plan(hub)
    known = served_places([place.uuid])[place.uuid]
    [answer] = quote(asks=[Ask(make_hub().uuid, known, parcel())], day=DAY)
    assert (answer.feasible, answer.reason) == (False, "shift")
    [whether] = quote(asks=[Ask(make_hub().uuid, known)], day=DAY)  # without a parcel: whether vans get there
    assert (whether.feasible, whether.reason) == (False, "shift")


def test_many_questions_cost_two_queries(hub: Hub, django_assert_num_queries) -> None:
    make_vehicle(hub=hub)
    places = [station(hub, 115.45 + 0.01 * n, 28.72) for n in range(6)]
    make_shipment(hub=hub, place=places[0])
    plan(hub)
    known = list(served_places([place.uuid for place in places]).values())
    asks = [Ask(hub.uuid, place, parcel()) for place in known]
    for day in (DAY, DAY + timedelta(days=1)):
        quote(asks=asks, day=day)  # draws the plan
    with django_assert_num_queries(1):
        quote(asks=asks, day=DAY)
    with django_assert_num_queries(1 + 1):
        quote(asks=asks, day=DAY + timedelta(days=1))


def test_a_new_version_of_the_plan_is_seen_at_once(hub: Hub) -> None:
    van = make_vehicle(hub=hub)
    place = station(hub, 115.45, 28.72)
    make_shipment(hub=hub, place=place)
    plan(hub)
    assert ask(hub, place).feasible
    Vehicle.objects.filter(pk=van.pk).update(active=False)
    make_vehicle(hub=hub, zones=(("chilled", 2, 4),))
    plan(hub)
    assert ask(hub, place).reason == "capacity"
