"""A dispatcher changes tails of a plan in force: urgent stops, other vans, failures, and back again."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from lockers.models import CapacityHold, Device
from lockers.services.capacity.holds import firm_hold, hold_capacity
from lockers.services.sites.cabinets import CellSpec, register_cabinet
from marketplace.accounts.services.consents import give_delivery_consent
from marketplace.accounts.services.sign_in import principal_of
from marketplace.custody.services import Holder, create_unit
from marketplace.kernel import clock
from marketplace.kernel.errors import Forbidden, NotFound
from marketplace.kernel.ids import uuid7
from marketplace.kernel.principal import Principal
from marketplace.kernel.temperature import Band
from marketplace.outbox.models import OutboxEvent
from marketplace.places.models import Hub, Place, Vehicle, VehicleCompartment
from routing.errors import AlreadyUnderWay, DoesNotFit, NothingToUndo, PlanChanged
from routing.models import Leg, Plan, Route, RouteChange, Shipment, ShipmentOption, Stop, StopTask
from routing.services.in_force import acting, edits
from routing.services.in_force.standing import stand
from routing.services.shipments.requests import ParcelSpec
from routing.services.tours import tour
from routing.services.waves import planning
from routing.solver.check import check
from routing.solver.core.finish import finish
from routing.states import Wave
from tests.factories.accounts import make_principal, make_user
from tests.factories.farmers import make_station
from tests.factories.places import make_hub, make_site, make_vehicle
from tests.factories.routing import DAY, make_shipment

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("eve")]

LOOP = Wave.VILLAGE_LOOP
PARCEL = ParcelSpec(zone="ambient", size="S", weight_g=2_000, volume_ml=5_000, min_c=0, max_c=30)


@pytest.fixture
def hub() -> Hub:
    hub = make_hub()
    for _ in range(2):
        make_vehicle(hub=hub)
    return hub


@pytest.fixture
def dispatcher(hub: Hub) -> Principal:
    return make_principal("dispatcher", "hub", hub.uuid)


def station_at(hub: Hub, lon: float, lat: float) -> Place:
    place = make_station(hub=hub).place
    Place.objects.filter(pk=place.pk).update(lon=lon, lat=lat)
    return place


@pytest.fixture
def places(hub: Hub) -> list[Place]:
    """Four stations in a row; the loop passes them all."""
    return [station_at(hub, 115.42 + 0.04 * n, 28.72) for n in range(4)]


@pytest.fixture
def plan(hub: Hub, places: list[Place]) -> Plan:
    for place in places:
        make_shipment(hub=hub, place=place)
    return planning.plan_wave(hub_uuid=hub.uuid, day=DAY, wave=LOOP.value, seconds=1, engine="ortools")


def in_force(plan: Plan) -> Plan:
    return Plan.objects.get(hub=plan.hub, date=plan.date, wave=plan.wave, status="published")


def holds(plan: Plan) -> None:
    """The plan in force passes the judge when it is read again from its rows."""
    standing = stand(hub=plan.hub, day=plan.date, wave=Wave(plan.wave))
    verdict = check(standing.loaded.problem, finish(standing.plan, engine="test", seed=0))
    assert verdict.violations == ()


def visits(plan: Plan) -> dict[UUID, list[int]]:
    rows = Stop.objects.filter(route__plan=plan).order_by("route__seq", "seq")
    found: dict[UUID, list[int]] = {}
    for stop in rows.select_related("route__vehicle"):
        found.setdefault(stop.route.vehicle.uuid, []).append(stop.place_id)
    return found


def told(kind: str) -> list[dict]:
    return [row.payload for row in OutboxEvent.objects.filter(type=f"routing.{kind}").order_by("pk")]


def depart(plan: Plan, dispatcher: Principal) -> Route:
    route = in_force(plan).routes.get()
    tour.depart_route(principal=dispatcher, route_uuid=route.uuid)
    return route


def other_van(plan: Plan) -> Vehicle:
    busy = plan.routes.values_list("vehicle", flat=True)
    return Vehicle.objects.exclude(pk__in=busy).get()


def test_a_stop_goes_to_another_van_and_back(plan: Plan, dispatcher: Principal, places: list[Place]) -> None:
    route = plan.routes.get()
    stop = route.stops.get(place=places[3])
    effect = edits.move_stop(principal=dispatcher, stop_uuid=stop.uuid, vehicle_uuid=other_van(plan).uuid)
    after = in_force(plan)
    assert (after.version, after.cause, after.actor_uuid) == (2, "moved", dispatcher.user_uuid)
    assert effect.km == pytest.approx((after.distance_m - plan.distance_m) / 1000)
    assert effect.km > 0
    assert effect.cost_fen == after.cost_fen - plan.cost_fen > 0
    assert visits(after) == {
        route.vehicle.uuid: [place.pk for place in places[:3]],
        other_van(plan).uuid: [places[3].pk],
    }
    assert {(c.kind, c.place) for c in effect.changes} >= {
        ("removed", places[3].name),
        ("added", places[3].name),
    }
    holds(plan)
    # what stays keeps its id, so that a phone without network still names it rightly
    assert set(route.stops.values_list("pk", flat=True)) < set(Stop.objects.values_list("pk", flat=True))
    assert after.routes.filter(pk=route.pk).exists()
    assert visits(plan)[route.vehicle.uuid] == [place.pk for place in places]  # the version before, as it was

    undone = edits.undo(principal=dispatcher, plan_uuid=after.uuid)
    assert (undone.version, in_force(plan).cause) == (3, "undone")
    assert visits(in_force(plan)) == {route.vehicle.uuid: [place.pk for place in places]}
    assert in_force(plan).distance_m == pytest.approx(plan.distance_m, rel=0.01)
    holds(plan)


def test_a_preview_shows_the_same_and_changes_nothing(
    plan: Plan, dispatcher: Principal, places: list[Place]
) -> None:
    stop = Stop.objects.get(place=places[3])
    asked = {"principal": dispatcher, "stop_uuid": stop.uuid, "vehicle_uuid": other_van(plan).uuid}
    before = (visits(plan), OutboxEvent.objects.count(), Plan.objects.count(), StopTask.objects.count())
    shown = edits.move_stop(**asked, preview=True)
    plan.refresh_from_db()
    assert plan.status == "published"
    assert (
        visits(plan),
        OutboxEvent.objects.count(),
        Plan.objects.count(),
        StopTask.objects.count(),
    ) == before
    done = edits.move_stop(**asked)
    assert (shown.km, shown.cost_fen, shown.late_min) == (done.km, done.cost_fen, done.late_min)


def test_what_a_van_cannot_take_is_refused_in_words(
    plan: Plan, dispatcher: Principal, places: list[Place]
) -> None:
    van = other_van(plan)
    VehicleCompartment.objects.filter(vehicle=van).update(weight_g=1_000)
    stop = Stop.objects.get(place=places[0])
    with pytest.raises(DoesNotFit) as refused:
        edits.move_stop(principal=dispatcher, stop_uuid=stop.uuid, vehicle_uuid=van.uuid)
    assert str(refused.value) == "放不进去：车已装满"
    assert (in_force(plan).version, Stop.objects.count()) == (1, 4)


def test_a_stop_on_the_road_is_nobody_elses(
    plan: Plan, dispatcher: Principal, places: list[Place], eve
) -> None:
    route = depart(plan, dispatcher)
    first = route.stops.get(seq=1)
    eve(first.arrives_at)
    tour.arrive_at_stop(principal=dispatcher, stop_uuid=first.uuid)
    van = other_van(plan)
    with pytest.raises(AlreadyUnderWay):
        edits.move_stop(principal=dispatcher, stop_uuid=first.uuid, vehicle_uuid=van.uuid)
    # what lies in one van cannot be handed over by another
    last = route.stops.get(seq=4)
    with pytest.raises(DoesNotFit):
        edits.move_stop(principal=dispatcher, stop_uuid=last.uuid, vehicle_uuid=van.uuid)


def urgent(dispatcher: Principal, plan: Plan, place: Place, **more) -> acting.Effect:
    return edits.insert_urgent(
        principal=dispatcher,
        hub_uuid=plan.hub.uuid,
        day=plan.date,
        wave=plan.wave,
        reference=more.pop("reference", None) or uuid7(),
        place_uuid=place.uuid,
        parcel=more.pop("parcel", PARCEL),
        **more,
    )


def test_an_urgent_stop_goes_in_where_it_costs_least(
    hub: Hub, plan: Plan, dispatcher: Principal, places: list[Place]
) -> None:
    between = station_at(hub, 115.48, 28.72)
    route = plan.routes.get()
    promised = {stop.pk: stop.arrives_at for stop in route.stops.all()}
    reference = uuid7()
    urgent(dispatcher, plan, between, reference=reference, preview=True)
    assert not Shipment.objects.filter(reference=reference).exists()
    effect = urgent(dispatcher, plan, between, reference=reference)
    assert [c.place for c in effect.changes if c.kind == "added"] == [between.name]
    assert visits(in_force(plan))[route.vehicle.uuid] == [
        places[0].pk, places[1].pk, between.pk, places[2].pk, places[3].pk,
    ]  # fmt: skip
    for stop in route.stops.exclude(place=between):
        assert abs(stop.arrives_at - promised[stop.pk]) <= timedelta(minutes=30)
    assert Shipment.objects.get(reference=reference).status == "planned"
    assert [row["reference"] for row in told("ShipmentPlanned")].count(str(reference)) == 1
    assert [row["route"] for row in told("RouteChanged")] == [str(route.uuid)]
    holds(plan)

    edits.undo(principal=dispatcher, plan_uuid=effect.plan_uuid)
    assert Shipment.objects.get(reference=reference).status == "cancelled"
    assert visits(in_force(plan))[route.vehicle.uuid] == [place.pk for place in places]


def test_a_van_on_the_road_takes_produce_up_but_nothing_from_the_hub(
    hub: Hub, plan: Plan, dispatcher: Principal, places: list[Place], eve
) -> None:
    Vehicle.objects.filter(pk=other_van(plan).pk).update(active=False)
    route = depart(plan, dispatcher)
    first = route.stops.get(seq=1)
    eve(first.arrives_at)
    tour.arrive_at_stop(principal=dispatcher, stop_uuid=first.uuid)
    tour.complete_stop(principal=dispatcher, stop_uuid=first.uuid)
    count = Shipment.objects.count()
    with pytest.raises(DoesNotFit):
        urgent(dispatcher, plan, station_at(hub, 115.49, 28.72))
    assert Shipment.objects.count() == count
    urgent(dispatcher, plan, places[3], collect_uuid=station_at(hub, 115.49, 28.72).uuid)
    kinds = StopTask.objects.filter(stop__route=route, leg__kind="direct").order_by("stop__seq")
    assert [(task.kind, task.stop.route_id) for task in kinds] == [("collect", route.pk), ("drop", route.pk)]
    first.refresh_from_db()
    assert (first.status, first.seq, first.route_id) == ("done", 1, route.pk)
    assert in_force(plan).routes.get().status == "started"
    holds(plan)


def test_an_urgent_stop_that_fits_nowhere_leaves_no_trace(
    hub: Hub, plan: Plan, dispatcher: Principal
) -> None:
    before = (Shipment.objects.count(), Leg.objects.count(), Plan.objects.count())
    with pytest.raises(DoesNotFit) as refused:
        urgent(dispatcher, plan, station_at(hub, 118.0, 28.72))
    assert str(refused.value) == "放不进去：超出行车时间"
    assert (Shipment.objects.count(), Leg.objects.count(), Plan.objects.count()) == before


def test_a_van_that_fails_gives_its_stops_to_another(
    plan: Plan, dispatcher: Principal, places: list[Place]
) -> None:
    broken = plan.routes.get().vehicle
    effect = edits.replan_failure(principal=dispatcher, plan_uuid=plan.uuid, vehicle_uuid=broken.uuid)
    assert (effect.affected, effect.unserved) == (4, [])
    [(van, stops)] = visits(in_force(plan)).items()
    assert van != broken.uuid
    assert sorted(stops) == sorted(place.pk for place in places)
    assert set(Shipment.objects.values_list("status", flat=True)) == {"planned"}


def test_what_a_broken_van_carries_is_reported(plan: Plan, dispatcher: Principal) -> None:
    route = depart(plan, dispatcher)
    for shipment in Shipment.objects.all():
        create_unit(
            kind="parcel",
            zone="ambient",
            gross_g=2_000,
            volume_ml=5_000,
            size="S",
            holder=Holder("vehicle", route.vehicle.uuid),
            reference=shipment.reference,
        )
    Vehicle.objects.exclude(pk=route.vehicle_id).update(active=False)
    effect = edits.replan_failure(principal=dispatcher, plan_uuid=plan.uuid, vehicle_uuid=route.vehicle.uuid)
    assert {reason for _, reason in effect.held} == {"no_room_ambient"}
    assert len(effect.held) == 4
    assert set(Shipment.objects.values_list("status", flat=True)) == {"unserved"}
    asked = Shipment.objects.filter(direction="down").values_list("reference", flat=True)
    assert {str(reference) for reference in asked} <= {row["reference"] for row in told("ShipmentUnserved")}


def test_only_this_hubs_dispatcher_and_only_the_newest_version(
    plan: Plan, dispatcher: Principal, places: list[Place]
) -> None:
    stop, van = Stop.objects.get(place=places[0]), other_van(plan)
    stranger = make_principal("dispatcher", "hub", make_hub().uuid)
    with pytest.raises(Forbidden):
        edits.move_stop(principal=stranger, stop_uuid=stop.uuid, vehicle_uuid=van.uuid)
    with pytest.raises(NotFound):
        edits.undo(principal=stranger, plan_uuid=plan.uuid)
    with pytest.raises(NothingToUndo):
        edits.undo(principal=dispatcher, plan_uuid=plan.uuid)
    edits.move_stop(principal=dispatcher, stop_uuid=stop.uuid, vehicle_uuid=van.uuid)
    with pytest.raises(PlanChanged):
        edits.replan_failure(principal=dispatcher, plan_uuid=plan.uuid, vehicle_uuid=van.uuid)
    assert RouteChange.objects.filter(seen_at=None).exists()


def test_an_earlier_version_is_chosen_again_with_what_came_since(
    hub: Hub, plan: Plan, dispatcher: Principal
) -> None:
    make_shipment(hub=hub, place=station_at(hub, 115.46, 28.74))
    second = planning.plan_wave(hub_uuid=hub.uuid, day=DAY, wave=LOOP.value, seconds=1)
    effect = edits.choose_version(principal=dispatcher, plan_uuid=plan.uuid)
    assert (effect.version, in_force(plan).cause) == (second.version + 1, "chosen")
    assert Stop.objects.filter(route__plan=in_force(plan)).count() == 5
    holds(plan)


def locker(hub: Hub, lon: float) -> Place:
    site = make_site(hub=hub, lon=lon)
    cells = [CellSpec(f"{n:02d}", "ambient", "S", Band(5, 30)) for n in range(1, 4)]
    register_cabinet(site=site, device=f"cab{site.pk}", name=f"cab{site.pk}", kind="parcel", cells=cells)
    Device.objects.filter(device=f"cab{site.pk}").update(online=True, last_seen=clock.wall())
    return site.place


def paid_parcel(hub: Hub, place: Place, *agreed: Place) -> Shipment:
    """To one chosen cabinet; its buyer agreed to others as well, but chose only this one."""
    user = make_user()
    for each in (place, *agreed):
        give_delivery_consent(principal=principal_of(user), place_uuid=each.uuid)
    reference = uuid7()
    hold_capacity(
        reference=reference,
        place_uuids=[place.uuid],
        zone="ambient",
        size="S",
        min_c=0,
        max_c=35,
        slot_date=DAY,
        expires_at=clock.now() + timedelta(minutes=15),
    )
    firm_hold(reference=reference)
    shipment = make_shipment(hub=hub, place=place, direction="up", reference=reference)
    Shipment.objects.filter(pk=shipment.pk).update(max_c=35, recipient_uuid=user.uuid)
    return shipment


def test_a_cabinet_that_fails_sends_its_parcels_where_their_buyers_agreed_to(
    hub: Hub, dispatcher: Principal
) -> None:
    dead, alive = locker(hub, 115.41), locker(hub, 115.43)
    moves, stays = paid_parcel(hub, dead, alive), paid_parcel(hub, dead)
    other = paid_parcel(hub, alive)
    plan = planning.plan_wave(hub_uuid=hub.uuid, day=DAY, wave="town_delivery", seconds=1)
    promised = Stop.objects.get(route__plan=plan, place=alive).arrives_at
    holds_before = set(CapacityHold.objects.values_list("reference", "place_uuid"))
    failing = {"principal": dispatcher, "plan_uuid": plan.uuid, "place_uuid": dead.uuid}

    shown = edits.replan_failure(**failing, preview=True)
    assert set(CapacityHold.objects.values_list("reference", "place_uuid")) == holds_before
    assert not ShipmentOption.objects.filter(shipment=moves, place=alive).exists()

    effect = edits.replan_failure(**failing)
    assert (
        (effect.affected, effect.unserved)
        == (2, [(stays.reference, "no_option")])
        == (
            shown.affected,
            shown.unserved,
        )
    )
    assert CapacityHold.objects.get(reference=moves.reference).place_uuid == alive.uuid
    places = {s.pk: (s.place_id, s.status) for s in Shipment.objects.all()}
    assert places[moves.pk] == (alive.pk, "planned")
    assert places[stays.pk][1] == "unserved"
    assert places[other.pk] == (alive.pk, "planned")
    stop = Stop.objects.get(route__plan=in_force(plan), place=alive)
    assert abs(stop.arrives_at - promised) <= timedelta(minutes=30)
    told_of = [row["reference"] for row in told("ShipmentPlanned")]
    assert told_of.count(str(moves.reference)) == 2  # planned, then planned elsewhere
    holds(plan)


def test_a_courier_who_goes_on_meanwhile_is_not_written_over(
    plan: Plan, dispatcher: Principal, places: list[Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    """He arrives after the plan was read and before it is written: the dispatcher is asked to look again."""
    route = depart(plan, dispatcher)
    first = route.stops.get(seq=1)
    judge = acting.check

    def slow(*args):
        tour.arrive_at_stop(principal=dispatcher, stop_uuid=first.uuid)
        return judge(*args)

    monkeypatch.setattr(acting, "check", slow)
    with pytest.raises(PlanChanged):
        urgent(dispatcher, plan, places[3], collect_uuid=places[2].uuid)
    monkeypatch.undo()
    assert in_force(plan).version == 1
    tour.arrive_at_stop(principal=dispatcher, stop_uuid=first.uuid)
    urgent(dispatcher, plan, places[3], collect_uuid=places[2].uuid)
    first.refresh_from_db()
    assert (first.status, in_force(plan).version) == ("arrived", 2)
