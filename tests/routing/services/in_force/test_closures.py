"""A road is closed for a time: plans drive around it, what nothing reaches is unserved by name."""

from __future__ import annotations

from datetime import timedelta

import pytest

from marketplace.kernel import clock
from marketplace.kernel.errors import Forbidden, InvalidInput, NotFound
from marketplace.kernel.principal import Principal
from marketplace.places.models import Hub, Place
from routing.errors import ClosedOneWay, ClosedTooLong
from routing.models import Plan, RoadClosure, Route, Stop
from routing.services.in_force import closures
from routing.services.in_force.closures import close_road, lift_closure
from routing.services.in_force.standing import stand
from routing.services.tours import tour
from routing.services.waves import planning
from routing.solver.check import check
from routing.solver.core.finish import finish
from routing.states import Wave
from tests.factories.accounts import make_principal
from tests.factories.farmers import make_station
from tests.factories.places import make_hub, make_vehicle
from tests.factories.routing import DAY, make_shipment

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("eve")]

LOOP = Wave.VILLAGE_LOOP
MORNING = {"from_at": clock.at(DAY, 6), "until_at": clock.at(DAY, 12)}


@pytest.fixture
def hub() -> Hub:
    hub = make_hub()
    make_vehicle(hub=hub)
    return hub


@pytest.fixture
def dispatcher(hub: Hub) -> Principal:
    return make_principal("dispatcher", "hub", hub.uuid)


@pytest.fixture
def places(hub: Hub) -> list[Place]:
    """Three stations in a row east of the hub, one to the north."""
    found = []
    for lon, lat in ((0.06, 0.0), (0.12, 0.0), (0.18, 0.0), (0.0, 0.1)):
        place = make_station(hub=hub).place
        Place.objects.filter(pk=place.pk).update(lon=hub.place.lon + lon, lat=hub.place.lat + lat)
        place.refresh_from_db()
        make_shipment(hub=hub, place=place)
        found.append(place)
    return found


def planned(hub: Hub) -> Plan:
    return planning.plan_wave(hub_uuid=hub.uuid, day=DAY, wave=LOOP.value, seconds=1)


def close(dispatcher: Principal, hub: Hub, place: Place, **how) -> tuple[RoadClosure, list]:
    return close_road(
        principal=dispatcher,
        hub_uuid=hub.uuid,
        place_uuid=place.uuid,
        **({"why": "塌方"} | MORNING | how),
    )


def stops(plan: Plan) -> set[int]:
    return set(Stop.objects.filter(route__plan=plan).values_list("place", flat=True))


def holds(plan: Plan) -> None:
    standing = stand(hub=plan.hub, day=plan.date, wave=LOOP)
    verdict = check(standing.loaded.problem, finish(standing.plan, engine="test", seed=0))
    assert verdict.violations == ()


def test_a_plan_drives_around_a_closed_area(hub: Hub, places: list[Place], dispatcher: Principal) -> None:
    _, effects = close(dispatcher, hub, places[1], radius_m=1_500)
    assert effects == []  # nothing is planned yet
    plan = planned(hub)
    assert stops(plan) == {places[k].pk for k in (0, 2, 3)}
    [lost] = plan.unserved.all()
    assert lost.reason == "road_closed"
    assert plan.metrics["unserved"] == {"road_closed": 1}
    holds(plan)


def test_on_other_days_the_road_is_open(hub: Hub, places: list[Place], dispatcher: Principal) -> None:
    tomorrow = DAY + timedelta(days=1)
    close(
        dispatcher,
        hub,
        places[1],
        radius_m=1_500,
        from_at=clock.at(tomorrow, 6),
        until_at=clock.at(tomorrow, 9),
    )
    assert stops(planned(hub)) == {place.pk for place in places}


def test_a_plan_in_force_is_changed_where_it_drives_there(
    hub: Hub, places: list[Place], dispatcher: Principal
) -> None:
    before = planned(hub)
    _, [effect] = close(dispatcher, hub, places[1], radius_m=1_500)
    after = Plan.objects.get(uuid=effect.plan_uuid)
    assert (after.version, after.cause, after.status) == (before.version + 1, "closed", "published")
    assert stops(after) == {places[k].pk for k in (0, 2, 3)}
    assert [reason for _, reason in effect.unserved] == ["road_closed"]
    assert [change.place for change in effect.changes if change.kind == "removed"] == [places[1].name]
    holds(after)


def test_the_road_between_two_places(hub: Hub, places: list[Place], dispatcher: Principal) -> None:
    before = planned(hub)
    order = [stop.place for stop in before.routes.get().stops.order_by("seq")]
    _, [effect] = close(dispatcher, hub, order[0], other_uuid=order[1].uuid)
    after = Plan.objects.get(uuid=effect.plan_uuid)
    assert stops(after) == {place.pk for place in places}
    assert effect.unserved == []
    holds(after)


def test_a_tour_on_the_road_keeps_what_is_behind_it(
    hub: Hub, places: list[Place], dispatcher: Principal, eve
) -> None:
    plan = planned(hub)
    route: Route = plan.routes.get()
    tour.depart_route(principal=dispatcher, route_uuid=route.uuid)
    first, second, *rest = route.stops.order_by("seq")
    eve(first.arrives_at)
    tour.arrive_at_stop(principal=dispatcher, stop_uuid=first.uuid)
    _, [effect] = close(dispatcher, hub, second.place, radius_m=1_500)
    route.refresh_from_db()
    assert route.plan.uuid == effect.plan_uuid
    assert [stop.uuid for stop in route.stops.filter(status="arrived")] == [first.uuid]
    assert route.stops.get(uuid=second.uuid).status == "failed"
    assert {stop.place_id for stop in route.stops.filter(status="pending")} == {s.place_id for s in rest}


def test_a_preview_leaves_no_trace(hub: Hub, places: list[Place], dispatcher: Principal) -> None:
    plan = planned(hub)
    _, [effect] = close(dispatcher, hub, places[1], radius_m=1_500, preview=True)
    assert effect.version == plan.version + 1
    assert RoadClosure.objects.count() == 0
    assert Plan.objects.get(status="published") == plan


def test_tours_that_do_not_come_there_stay(hub: Hub, places: list[Place], dispatcher: Principal) -> None:
    plan = planned(hub)
    away = make_station(hub=hub).place
    Place.objects.filter(pk=away.pk).update(lon=hub.place.lon - 0.3, lat=hub.place.lat - 0.3)
    _, effects = close(dispatcher, hub, away, radius_m=1_000)
    assert effects == []
    assert Plan.objects.get(status="published") == plan


def test_open_again(hub: Hub, places: list[Place], dispatcher: Principal) -> None:
    closure, _ = close(dispatcher, hub, places[1], radius_m=1_500)
    assert list(closures.closures_now(principal=dispatcher, hub_uuid=hub.uuid)) == [closure]
    lifted = lift_closure(principal=dispatcher, closure_uuid=closure.uuid)
    assert lifted.lifted_at == clock.now()
    assert lift_closure(principal=dispatcher, closure_uuid=closure.uuid).lifted_at == lifted.lifted_at
    assert list(closures.closures_now(principal=dispatcher, hub_uuid=hub.uuid)) == []
    assert stops(planned(hub)) == {place.pk for place in places}


def test_what_makes_no_sense_is_refused(hub: Hub, places: list[Place], dispatcher: Principal) -> None:
    spot = places[1]
    for error, how in (
        (ClosedOneWay, {}),
        (ClosedOneWay, {"radius_m": 500, "other_uuid": places[0].uuid}),
        (ClosedOneWay, {"other_uuid": spot.uuid}),
        (ClosedTooLong, {"radius_m": 500, "until_at": clock.at(DAY, 5)}),
        (ClosedTooLong, {"radius_m": 500, "until_at": clock.at(DAY + timedelta(days=61), 7)}),
        (InvalidInput, {"radius_m": 50}),
        (InvalidInput, {"radius_m": 500, "why": "  "}),
        (NotFound, {"other_uuid": hub.uuid}),
    ):
        with pytest.raises(error):
            close(dispatcher, hub, spot, **how)
    with pytest.raises(Forbidden):
        close(make_principal("dispatcher", "hub", make_hub().uuid), hub, spot, radius_m=500)
    closure, _ = close(dispatcher, hub, spot, radius_m=500)
    with pytest.raises(NotFound):
        lift_closure(
            principal=make_principal("dispatcher", "hub", make_hub().uuid), closure_uuid=closure.uuid
        )
    assert RoadClosure.objects.get().lifted_at is None
