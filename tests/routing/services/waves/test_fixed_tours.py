"""Tours that repeat every week: the plan starts from them, a parcel more does not reshuffle them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings

from marketplace.kernel.errors import Forbidden, InvalidInput, NotFound
from marketplace.kernel.principal import Principal
from marketplace.places.models import Hub, Place, Vehicle
from routing.errors import NotThoseWeekdays, TourTaken
from routing.models import FixedTour, Plan
from routing.services.in_force import edits
from routing.services.waves import planning
from routing.services.waves.fixed_tours import end_tour, fix_tour, patterns_for, tours_of_hub
from routing.services.waves.from_tours import Pattern, solve_from_tours
from routing.solver.check import check
from routing.solver.problem import Problem
from routing.solver.solve import Limits
from routing.states import Wave
from tests.factories.accounts import make_principal
from tests.factories.farmers import make_station
from tests.factories.places import make_hub, make_vehicle
from tests.factories.routing import DAY, make_shipment
from tests.routing.solver.strategies import problems

LOOP = Wave.VILLAGE_LOOP
WEEK = timedelta(days=7)


@pytest.fixture
def hub(db) -> Hub:
    hub = make_hub()
    make_vehicle(hub=hub)
    make_vehicle(hub=hub)
    return hub


@pytest.fixture
def dispatcher(hub: Hub) -> Principal:
    return make_principal("dispatcher", "hub", hub.uuid)


@pytest.fixture
def places(hub: Hub) -> list[Place]:
    found = []
    for n in range(4):
        place = make_station(hub=hub).place
        Place.objects.filter(pk=place.pk).update(lon=115.42 + 0.04 * n, lat=28.72)
        place.refresh_from_db()
        found.append(place)
    return found


def planned(hub: Hub, day=DAY) -> Plan:
    return planning.plan_wave(hub_uuid=hub.uuid, day=day, wave=LOOP.value, seconds=1)


def order(plan: Plan, vehicle: Vehicle) -> list[int]:
    return list(plan.routes.get(vehicle=vehicle).stops.order_by("seq").values_list("place", flat=True))


@pytest.fixture
def fixed(hub: Hub, places: list[Place], dispatcher: Principal, eve) -> FixedTour:
    """The tour of DAY, driven every week on that weekday."""
    for place in places[:3]:
        make_shipment(hub=hub, place=place)
    route = planned(hub).routes.get()
    return fix_tour(principal=dispatcher, route_uuid=route.uuid, weekdays=[DAY.weekday()], name="东线")


def test_next_week_the_van_drives_the_same_order_and_takes_what_is_new(
    fixed: FixedTour, hub: Hub, places: list[Place]
) -> None:
    kept = [stop.place_id for stop in fixed.stops.order_by("seq")]
    assert sorted(kept) == sorted(place.pk for place in places[:3])
    for place in [*places, places[0]]:
        make_shipment(hub=hub, place=place, day=DAY + WEEK)
    plan = planned(hub, DAY + WEEK)
    assert (plan.cause, plan.engine, plan.metrics["fixed_tours"]) == ("fixed", "fixed", 1)
    driven = order(plan, fixed.vehicle)
    assert [place for place in driven if place in kept] == kept
    assert plan.unserved.count() == 0
    assert sum(route.stops.count() for route in plan.routes.all()) == 4


def test_a_day_with_little_to_do_skips_stops_and_keeps_the_order(
    fixed: FixedTour, hub: Hub, places: list[Place]
) -> None:
    kept = [stop.place_id for stop in fixed.stops.order_by("seq")]
    for place in (places[0], places[2]):
        make_shipment(hub=hub, place=place, day=DAY + WEEK)
    plan = planned(hub, DAY + WEEK)
    assert order(plan, fixed.vehicle) == [pk for pk in kept if pk != places[1].pk]


def test_on_other_weekdays_and_after_its_end_it_is_not_driven(
    fixed: FixedTour, hub: Hub, dispatcher: Principal
) -> None:
    assert [p.vehicle for p in patterns_for(hub=hub, day=DAY + WEEK, wave=LOOP)] == [str(fixed.vehicle.uuid)]
    assert patterns_for(hub=hub, day=DAY + WEEK + timedelta(days=1), wave=LOOP) == []
    assert patterns_for(hub=hub, day=DAY + WEEK, wave=Wave.TOWN_DELIVERY) == []
    assert patterns_for(hub=hub, day=DAY - WEEK, wave=LOOP) == []
    ended = end_tour(principal=dispatcher, tour_uuid=fixed.uuid)
    assert end_tour(principal=dispatcher, tour_uuid=fixed.uuid).until_day == ended.until_day
    assert patterns_for(hub=hub, day=DAY + WEEK, wave=LOOP) == []
    assert list(tours_of_hub(principal=dispatcher, hub_uuid=hub.uuid)) == []


def test_a_van_has_one_fixed_tour_a_day(fixed: FixedTour, hub: Hub, dispatcher: Principal) -> None:
    route = Plan.objects.get(hub=hub, date=DAY).routes.get()
    with pytest.raises(TourTaken, match="东线"):
        fix_tour(principal=dispatcher, route_uuid=route.uuid, weekdays=[DAY.weekday(), 6], name="西线")
    other = fix_tour(
        principal=dispatcher, route_uuid=route.uuid, weekdays=[(DAY.weekday() + 1) % 7], name="西线"
    )
    assert list(tours_of_hub(principal=dispatcher, hub_uuid=hub.uuid)) == [fixed, other]


def test_what_makes_no_sense_is_refused(fixed: FixedTour, hub: Hub, dispatcher: Principal) -> None:
    route = Plan.objects.get(hub=hub, date=DAY).routes.get()
    for weekdays in ([], [7], [-1]):
        with pytest.raises(NotThoseWeekdays):
            fix_tour(principal=dispatcher, route_uuid=route.uuid, weekdays=weekdays, name="线")
    with pytest.raises(InvalidInput):
        fix_tour(principal=dispatcher, route_uuid=route.uuid, weekdays=[1], name=" ")
    stranger = make_principal("dispatcher", "hub", make_hub().uuid)
    with pytest.raises(NotFound):
        fix_tour(principal=stranger, route_uuid=route.uuid, weekdays=[1], name="线")
    with pytest.raises(NotFound):
        end_tour(principal=stranger, tour_uuid=fixed.uuid)
    with pytest.raises(Forbidden):
        tours_of_hub(principal=stranger, hub_uuid=hub.uuid)
    assert FixedTour.objects.get().until_day is None


def test_a_plan_from_fixed_tours_is_changed_like_any_other(
    fixed: FixedTour, hub: Hub, places: list[Place], dispatcher: Principal
) -> None:
    for place in places[:3]:
        make_shipment(hub=hub, place=place, day=DAY + WEEK)
    plan = planned(hub, DAY + WEEK)
    stop = plan.routes.get().stops.first()
    idle = Vehicle.objects.exclude(pk=fixed.vehicle_id).get(hub=hub)
    effect = edits.move_stop(principal=dispatcher, stop_uuid=stop.uuid, vehicle_uuid=idle.uuid)
    assert effect.version == plan.version + 1


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(problem=problems())
def test_any_small_problem_holds_with_fixed_tours(problem: Problem) -> None:
    """Cells, windows and zones hold between what tours took and what was solved around them."""
    tours = [
        Pattern(vehicle.id, tuple(place.id for place in problem.places[number % 2 :: 2]))
        for number, vehicle in enumerate(problem.vehicles[:-1])
    ]
    solution = solve_from_tours(problem, tours, limits=Limits(iterations=200), engine="yinong")
    assert check(problem, solution).violations == ()
