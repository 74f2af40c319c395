"""A wave from rows to a published plan, and what happens when something gets in the way."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from marketplace.kernel import clock
from marketplace.outbox.models import OutboxEvent
from marketplace.places.models import Hub, Place
from routing.errors import PlanRefused, RoutesOnTheRoad, UnknownWave
from routing.models import Leg, Plan, Route, Shipment, StopTask, UnservedLeg
from routing.services.in_force.insertion import insert_open_legs
from routing.services.shipments.requests import cancel_shipment
from routing.services.waves import planning, publishing
from routing.services.waves.building import load_wave
from routing.solver.errors import SolverError
from routing.solver.solve import DEFAULT_ENGINE
from routing.states import LegStatus, PlanStatus, Wave
from tests.factories.farmers import make_station
from tests.factories.places import make_hub, make_site, make_vehicle
from tests.factories.routing import DAY, make_shipment

pytestmark = pytest.mark.django_db

LOOP = Wave.VILLAGE_LOOP.value


@pytest.fixture
def hub() -> Hub:
    hub = make_hub()
    make_vehicle(hub=hub, zones=(("ambient", 5, 30), ("chilled", 2, 4)))
    return hub


def station_at(hub: Hub, lon: float, lat: float) -> Place:
    place = make_station(hub=hub).place
    Place.objects.filter(pk=place.pk).update(lon=lon, lat=lat)
    return place


def plan_loop(hub: Hub, **changes) -> Plan:
    return planning.plan_wave(hub_uuid=hub.uuid, day=DAY, wave=LOOP, seconds=1, **changes)


def events(kind: str) -> list[dict]:
    rows = OutboxEvent.objects.filter(type=f"routing.{kind}").order_by("pk")
    return [row.payload for row in rows]


def test_goods_down_and_produce_up_ride_one_loop(hub: Hub) -> None:
    near, far = station_at(hub, 115.42, 28.72), station_at(hub, 115.50, 28.76)
    locker = make_site(hub=hub).place
    down = make_shipment(hub=hub, place=far)
    up = make_shipment(hub=hub, place=locker, direction="up", collects=(near, far))
    direct = make_shipment(hub=hub, place=far, direction="up", collects=(near,), direct=True)

    plan = plan_loop(hub)

    assert (plan.status, plan.version, plan.engine) == (PlanStatus.PUBLISHED, 1, DEFAULT_ENGINE)
    route = plan.routes.get()
    assert route.distance_m == plan.distance_m > 0
    assert [stop.place for stop in route.stops.order_by("seq")] == [near, far]
    tasks = StopTask.objects.order_by("stop__seq", "kind").values_list("stop__seq", "kind", "leg__shipment")
    assert sorted(tasks) == sorted(
        [
            (1, "collect", up.pk),
            (1, "collect", direct.pk),
            (2, "collect", up.pk),
            (2, "drop", down.pk),
            (2, "drop", direct.pk),
        ]
    )
    assert route.departs_at >= clock.at(DAY, 6, 30)
    assert route.returns_at <= clock.at(DAY, 13)
    assert plan.metrics["served"] == 4
    assert plan.metrics["unserved"] == {}
    # goods down and the direct ride are decided by this wave; the locker's parcel waits for the next
    down.refresh_from_db()
    assert (down.status, down.place) == ("planned", far)
    up.refresh_from_db()
    assert (up.status, up.place) == ("requested", None)
    assert {e["reference"] for e in events("ShipmentPlanned")} == {str(down.reference), str(direct.reference)}
    assert events("PlanPublished") == [
        {"plan": str(plan.uuid), "hub": str(hub.uuid), "date": DAY.isoformat(), "wave": LOOP}
    ]


def test_what_no_van_can_carry_is_unserved_and_the_rest_is_planned(hub: Hub) -> None:
    place = station_at(hub, 115.42, 28.72)
    small, giant = make_shipment(hub=hub, place=place), make_shipment(hub=hub, place=place, weight_g=900_000)
    frozen = make_shipment(hub=hub, place=place, zone="frozen")

    plan = plan_loop(hub)

    reasons = dict(UnservedLeg.objects.values_list("leg__shipment", "reason"))
    assert reasons == {giant.pk: "capacity", frozen.pk: "capacity"}
    assert plan.metrics["unserved"] == {"capacity": 2}
    assert {s.pk: s.status for s in Shipment.objects.all()} == {
        small.pk: "planned",
        giant.pk: "unserved",
        frozen.pk: "unserved",
    }
    told = {e["reference"]: e["reason"] for e in events("ShipmentUnserved")}
    assert told == {str(giant.reference): "capacity", str(frozen.reference): "capacity"}


def test_a_hub_without_vans_serves_nobody_and_says_so() -> None:
    hub = make_hub()
    shipment = make_shipment(hub=hub, place=make_station(hub=hub).place)
    plan = plan_loop(hub)
    assert plan.routes.count() == 0
    shipment.refresh_from_db()
    assert shipment.status == "unserved"


def test_planning_again_replaces_the_plan_whole(hub: Hub) -> None:
    first = make_shipment(hub=hub, place=station_at(hub, 115.42, 28.72))
    one = plan_loop(hub)
    second = make_shipment(hub=hub, place=station_at(hub, 115.45, 28.72))
    two = plan_loop(hub)
    one.refresh_from_db()
    assert (one.status, two.status, two.version) == (PlanStatus.SUPERSEDED, PlanStatus.PUBLISHED, 2)
    carried = StopTask.objects.filter(stop__route__plan=two).values_list("leg__shipment", flat=True)
    assert set(carried) == {first.pk, second.pk}


def test_a_cancelled_shipment_gets_no_stop(hub: Hub) -> None:
    kept = make_shipment(hub=hub, place=station_at(hub, 115.42, 28.72))
    gone = make_shipment(hub=hub, place=station_at(hub, 115.45, 28.72))
    loaded = load_wave(hub=hub, day=DAY, wave=Wave.VILLAGE_LOOP)
    proposal = planning._propose(loaded, limits=planning.Limits(iterations=2), seed=1, engine="ortools")
    cancel_shipment(reference=gone.reference)
    plan = publishing.publish_plan(proposal)
    assert list(StopTask.objects.values_list("leg__shipment", flat=True)) == [kept.pk]
    assert plan.routes.get().stops.count() == 1
    gone.refresh_from_db()
    assert gone.status == "cancelled"


def test_a_van_on_the_road_stops_replanning(hub: Hub) -> None:
    make_shipment(hub=hub, place=station_at(hub, 115.42, 28.72))
    plan = plan_loop(hub)
    Route.objects.update(status="started")
    with pytest.raises(RoutesOnTheRoad):
        plan_loop(hub)
    assert list(Plan.objects.values_list("pk", "status")) == [(plan.pk, "published")]


def test_a_refused_or_killed_planner_leaves_the_published_plan_in_force(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_shipment(hub=hub, place=station_at(hub, 115.42, 28.72))
    plan = plan_loop(hub)
    before = list(Leg.objects.values_list("pk", "status")), OutboxEvent.objects.count()
    late = make_shipment(hub=hub, place=station_at(hub, 115.45, 28.72))

    def refuse(*_, **__):
        raise SolverError("out of sorts")

    monkeypatch.setattr(planning, "solve", refuse)
    with pytest.raises(PlanRefused):
        plan_loop(hub)
    monkeypatch.undo()

    def die(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(publishing, "_tell", die)
    with pytest.raises(KeyboardInterrupt):
        plan_loop(hub)
    plan.refresh_from_db()
    assert (plan.status, Plan.objects.count()) == (PlanStatus.PUBLISHED, 1)
    legs = list(Leg.objects.exclude(shipment=late).values_list("pk", "status"))
    assert (legs, OutboxEvent.objects.count()) == before


def test_unknown_waves_are_refused(hub: Hub) -> None:
    for wave in ("trunk", "lunch"):
        with pytest.raises(UnknownWave):
            planning.plan_wave(hub_uuid=hub.uuid, day=DAY, wave=wave)


def test_a_shipment_lost_in_the_village_is_not_carried_in_town(hub: Hub) -> None:
    locker = make_site(hub=hub).place
    lost = make_shipment(hub=hub, place=locker, direction="up", collects=(station_at(hub, 115.42, 28.72),))
    Leg.objects.filter(shipment=lost, kind="collect").update(status=LegStatus.UNSERVED)
    assert load_wave(hub=hub, day=DAY, wave=Wave.TOWN_DELIVERY).legs == {}


def test_late_legs_are_inserted_and_promises_stand(hub: Hub, eve) -> None:
    place = station_at(hub, 115.42, 28.72)
    early = make_shipment(hub=hub, place=place)
    plan = plan_loop(hub)
    promised = plan.routes.get().stops.get().arrives_at
    late = make_shipment(hub=hub, place=station_at(hub, 115.43, 28.73))
    giant = make_shipment(hub=hub, place=place, weight_g=499_000)

    newer = insert_open_legs(hub=hub, day=DAY, wave=Wave.VILLAGE_LOOP)

    assert (newer.version, newer.engine) == (2, "insertion")
    stop = newer.routes.get().stops.get(place=place)
    assert abs(stop.arrives_at - promised) <= timedelta(minutes=30)
    assert {s.pk: s.status for s in Shipment.objects.all()} == {
        early.pk: "planned",
        late.pk: "planned",
        giant.pk: "unserved",
    }
    assert newer.metrics == {"shipments": 3, "inserted": 1}


def test_the_cold_budget_is_shared_between_the_waves(hub: Hub) -> None:
    far = station_at(hub, 115.50, 28.76)
    milk = make_shipment(
        hub=hub, place=make_site(hub=hub).place, direction="up", collects=(far,), zone="chilled"
    )
    Shipment.objects.update(cold_budget_min=120)
    plan_loop(hub)
    task = StopTask.objects.get(leg__shipment=milk)
    assert task.cold_minutes == 1  # one stop, doors open once
    town = load_wave(hub=hub, day=DAY, wave=Wave.TOWN_DELIVERY)
    assert [s.cold_budget_s for s in town.problem.shipments] == [(120 - 20 - 1) * 60]


def test_places_windows_and_shifts_reach_the_solver(hub: Hub) -> None:
    place = station_at(hub, 115.42, 28.72)
    make_shipment(hub=hub, place=place)
    loaded = load_wave(hub=hub, day=DAY, wave=Wave.VILLAGE_LOOP)
    van = loaded.problem.vehicles[0]
    assert (van.shift.opens_s, van.shift.closes_s) == (6.5 * 3600, 13 * 3600)
    assert [p.id for p in loaded.problem.places] == [str(hub.place.uuid), str(place.uuid)]
    assert [(w.opens_s, w.closes_s) for w in loaded.problem.places[1].windows] == [(6 * 3600, 22 * 3600)]
    assert loaded.based_on == 0


def test_a_door_of_another_day_is_not_in_the_wave(hub: Hub) -> None:
    make_shipment(hub=hub, place=station_at(hub, 115.42, 28.72), day=date(2026, 11, 13))
    assert load_wave(hub=hub, day=DAY, wave=Wave.VILLAGE_LOOP).legs == {}
