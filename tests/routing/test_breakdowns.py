"""A van breaks down with parcels aboard: others fetch them where it stands, or they are refused by name."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from marketplace.custody.models import CustodyEvent, HandlingUnit
from marketplace.custody.services import Holder, create_unit
from marketplace.kernel import clock
from marketplace.kernel.ids import uuid7
from marketplace.kernel.principal import Principal
from marketplace.outbox.models import OutboxEvent
from marketplace.places.models import Carrier, Hub, Place, Vehicle, VehicleCompartment
from routing.models import Breakdown, Leg, Plan, Route, Shipment, Stop, StopTask
from routing.services.in_force import edits
from routing.services.in_force.standing import stand
from routing.services.shipments.urgent import urgent_parcel
from routing.services.tours import tour
from routing.services.waves import planning
from routing.solver.check import check
from routing.solver.core.finish import finish
from routing.states import Wave
from tests.factories.accounts import make_principal
from tests.factories.farmers import make_station
from tests.factories.graph import ask, data_of
from tests.factories.places import make_hub, make_vehicle
from tests.factories.routing import DAY, make_shipment
from tests.routing.services.conftest import eve

__all__ = ["eve"]

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("eve")]

FAILS = """mutation($plan: ID!, $van: ID!, $lon: Float, $lat: Float, $at: ID, $preview: Boolean) {
  replanFailure(planId: $plan, vehicleId: $van, lon: $lon, lat: $lat, atPlaceId: $at, preview: $preview) {
    errors { code field }
    effect { planId affected takenOver broughtBack held { code reason } unserved { reference reason } } } }"""
WORKS = """mutation($id: ID!, $preview: Boolean) { vehicleWorksAgain(breakdownId: $id, preview: $preview) {
    errors { code field } effect { planId affected unserved { reference reason } } } }"""
UNDO = (
    """mutation($plan: ID!) { undoPlanChange(planId: $plan) { errors { code field } effect { planId } } }"""
)
STANDING = "query($hub: ID!) { breakdowns(hubId: $hub) { id vehicle { id } aboard place { lon lat } } }"
ROUTES = """query($day: Date) { myRoutes(date: $day) { id vehicle { id } breakdown { id aboard }
  stops { id status meets { id } tasks { kind } toCollect { id } toDrop { id } } } }"""
ARRIVE = "mutation($id: ID!) { arriveAtStop(stopId: $id) { errors { code } } }"
COMPLETE = "mutation($id: ID!) { completeStop(stopId: $id) { errors { code } } }"
TAKE = """mutation($id: ID!, $units: [ID!]!, $c: Float) {
  collectUnits(stopId: $id, unitIds: $units, temperatureC: $c) { errors { code field } } }"""
GIVE = """mutation($id: ID!, $units: [ID!]!) {
  handOverUnits(stopId: $id, unitIds: $units) { errors { code field } } }"""


@dataclass
class World:
    """Four stations in a row; the broken van has left with a parcel for each of those ahead of it."""

    hub: Hub
    plan: Plan
    dispatcher: Principal
    broken: Vehicle
    places: list[Place]
    units: dict[int, HandlingUnit] = field(default_factory=dict)

    def fail(self, **how) -> dict:
        given = {"plan": str(self.in_force().uuid), "van": str(self.broken.uuid), **how}
        return data_of(FAILS, self.dispatcher, **given)

    def in_force(self) -> Plan:
        return Plan.objects.get(hub=self.hub, date=DAY, wave="village_loop", status="published")

    def rescuer(self) -> Route:
        return self.in_force().routes.exclude(vehicle=self.broken).get()

    def courier(self, route: Route) -> Principal:
        return make_principal("courier", "carrier", route.vehicle.carrier.uuid)

    def holds(self) -> None:
        """The plan in force passes the judge when it is read again from its rows."""
        standing = stand(hub=self.hub, day=DAY, wave=Wave.VILLAGE_LOOP)
        verdict = check(standing.loaded.problem, finish(standing.plan, engine="test", seed=0))
        assert verdict.violations == ()


def unit_for(shipment: Shipment, holder: Holder) -> HandlingUnit:
    return create_unit(
        kind="parcel",
        zone=shipment.zone,
        gross_g=2_000,
        volume_ml=5_000,
        size="S",
        holder=holder,
        reference=shipment.reference,
    )


def build(eve, *, zone: str = "ambient", crate: bool = True) -> World:
    hub = make_hub()
    broken = make_vehicle(hub=hub)
    places = []
    for n in range(3):
        place = make_station(hub=hub).place
        Place.objects.filter(pk=place.pk).update(lon=115.42 + 0.04 * n, lat=28.72)
        places.append(place)
    shipments = [make_shipment(hub=hub, place=place, zone=zone) for place in places]
    Shipment.objects.update(cold_budget_min=None if zone == "ambient" else 120)
    plan = planning.plan_wave(hub_uuid=hub.uuid, day=DAY, wave="village_loop", seconds=1, engine="ortools")
    world = World(hub, plan, make_principal("dispatcher", "hub", hub.uuid), broken, places)
    make_vehicle(hub=hub)
    van = Holder("vehicle", broken.uuid)
    world.units = {n: unit_for(shipment, van) for n, shipment in enumerate(shipments)}
    route = plan.routes.get()
    eve(route.departs_at)
    tour.depart_route(principal=world.dispatcher, route_uuid=route.uuid)
    first = route.stops.get(seq=1)
    eve(first.arrives_at)
    tour.arrive_at_stop(principal=world.dispatcher, stop_uuid=first.uuid)
    done = world.units.pop(places.index(first.place))
    tour.hand_over_units(
        principal=world.dispatcher, stop_uuid=first.uuid, unit_uuids=[done.uuid], temperature_c=4
    )
    tour.complete_stop(principal=world.dispatcher, stop_uuid=first.uuid)
    if crate:
        world.units[9] = create_unit(
            kind="crate", zone="ambient", gross_g=9_000, volume_ml=40_000, size="L", holder=van
        )
    return world


@pytest.fixture
def world(eve) -> World:
    return build(eve)


def meet_stop(route: Route) -> Stop:
    return route.stops.get(place__kind="roadside")


def told(kind: str) -> list[str]:
    rows = OutboxEvent.objects.filter(type=f"routing.{kind}").order_by("pk")
    return [row.payload["reference"] for row in rows]


def holder(unit: HandlingUnit) -> tuple[str, object]:
    unit.refresh_from_db()
    return unit.holder_kind, unit.holder_uuid


def test_another_courier_fetches_the_load_and_delivers_it(world: World) -> None:
    place = Breakdown.objects
    answer = world.fail()
    assert answer["errors"] == []
    effect = answer["effect"]
    assert (effect["takenOver"], effect["broughtBack"], effect["held"], effect["unserved"]) == (2, 1, [], [])
    breakdown = place.get()
    assert breakdown.place.lon_lat == Stop.objects.filter(status="done").first().place.lon_lat
    world.holds()

    route = world.rescuer()
    courier = world.courier(route)
    tour.depart_route(principal=courier, route_uuid=route.uuid)
    meet = meet_stop(route)
    [seen] = [r for r in data_of(ROUTES, courier, day=DAY.isoformat()) if r["id"] == str(route.uuid)]
    row = next(stop for stop in seen["stops"] if stop["id"] == str(meet.uuid))
    assert row["meets"] == {"id": str(world.broken.uuid)}
    units = [str(unit.uuid) for unit in world.units.values()]
    assert sorted(unit["id"] for unit in row["toCollect"]) == sorted(units)

    data_of(ARRIVE, courier, id=str(meet.uuid))
    for _ in range(2):  # a phone sends twice
        assert data_of(TAKE, courier, id=str(meet.uuid), units=units)["errors"] == []
    assert {holder(unit) for unit in world.units.values()} == {("vehicle", route.vehicle.uuid)}
    events = CustodyEvent.objects.filter(to_uuid=route.vehicle.uuid)
    assert {(e.from_kind, e.from_uuid, e.place_uuid) for e in events} == {
        ("vehicle", world.broken.uuid, meet.place.uuid)
    }
    assert events.count() == 3
    assert data_of(COMPLETE, courier, id=str(meet.uuid))["errors"] == []
    world.holds()

    for stop in route.stops.filter(status="pending").order_by("seq"):
        data_of(ARRIVE, courier, id=str(stop.uuid))
        mine = [str(u.uuid) for n, u in world.units.items() if n < 9 and world.places[n].pk == stop.place_id]
        assert data_of(GIVE, courier, id=str(stop.uuid), units=mine)["errors"] == []
        data_of(COMPLETE, courier, id=str(stop.uuid))
    tour.finish_route(principal=courier, route_uuid=route.uuid)
    assert len(told("ShipmentDelivered")) == 4
    assert holder(world.units[9]) == ("hub", world.hub.uuid)


def fetching(world: World) -> tuple[Route, Principal, Stop]:
    """The other van stands beside the broken one."""
    world.fail()
    route = world.rescuer()
    courier, meet = world.courier(route), meet_stop(route)
    tour.depart_route(principal=courier, route_uuid=route.uuid)
    tour.arrive_at_stop(principal=courier, stop_uuid=meet.uuid)
    return route, courier, meet


def way_back(unit: HandlingUnit) -> tuple[str, str, str | None]:
    """(shipment, its last leg, kind of the place it is brought to)"""
    shipment = Shipment.objects.select_related("place").get(reference=unit.uuid)
    leg = shipment.legs.latest("seq")
    return shipment.status, leg.status, shipment.place and shipment.place.kind


def test_what_is_brought_back_is_planned_fetched_and_at_the_hub(world: World) -> None:
    crate = world.units[9]
    route, courier, meet = fetching(world)
    assert way_back(crate) == ("planned", "planned", "hub")
    units = [unit.uuid for unit in world.units.values()]
    for _ in range(2):
        tour.collect_units(principal=courier, stop_uuid=meet.uuid, unit_uuids=units)
    assert way_back(crate) == ("planned", "done", "hub")
    tour.complete_stop(principal=courier, stop_uuid=meet.uuid)
    for stop in route.stops.filter(status="pending"):
        tour.fail_stop(principal=courier, stop_uuid=stop.uuid, reason="路断")
    for _ in range(2):
        tour.finish_route(principal=courier, route_uuid=route.uuid)
    assert way_back(crate) == ("delivered", "done", "hub")
    assert told("ShipmentDelivered").count(str(crate.uuid)) == 1


def test_what_nobody_takes_off_the_broken_van_is_said(world: World) -> None:
    crate = world.units[9]
    _, courier, meet = fetching(world)
    parcels = [unit.uuid for n, unit in world.units.items() if n < 9]
    tour.collect_units(principal=courier, stop_uuid=meet.uuid, unit_uuids=parcels)
    tour.complete_stop(principal=courier, stop_uuid=meet.uuid)
    assert way_back(crate)[:2] == ("unserved", "unserved")
    assert told("ShipmentUnserved") == [str(crate.uuid)]
    assert holder(crate) == ("vehicle", world.broken.uuid)
    world.holds()


def test_a_stop_at_the_broken_van_that_fails_leaves_its_load_to_others(world: World) -> None:
    crate = world.units[9]
    route, courier, meet = fetching(world)
    tour.fail_stop(principal=courier, stop_uuid=meet.uuid, reason="找不到")
    for stop in route.stops.filter(status="pending"):
        tour.fail_stop(principal=courier, stop_uuid=stop.uuid, reason="找不到")
    tour.finish_route(principal=courier, route_uuid=route.uuid)
    assert way_back(crate)[:2] == ("unserved", "unserved")
    assert holder(crate) == ("vehicle", world.broken.uuid)


def test_the_broken_van_itself_comes_home_with_its_load(world: World) -> None:
    world.fail()
    parcel = next(unit for n, unit in world.units.items() if n < 9)
    own = Route.objects.filter(vehicle=world.broken, plan=world.in_force()).first()
    assert own is not None
    tour.finish_route(principal=world.dispatcher, route_uuid=own.uuid)
    assert holder(parcel) == ("hub", world.hub.uuid)
    assert way_back(world.units[9])[::2] == ("delivered", "hub")


def test_the_place_is_what_the_dispatcher_says(world: World) -> None:
    assert world.fail(lon=115.44)["errors"] == [{"code": "invalid", "field": "lat"}]
    assert world.fail(lon=2.0, lat=48.0)["errors"] == [{"code": "invalid", "field": "lon"}]
    assert Breakdown.objects.count() == 0
    shown = world.fail(lon=115.47, lat=28.73, preview=True)["effect"]
    assert (Breakdown.objects.count(), Place.objects.filter(kind="roadside").count()) == (0, 0)
    done = world.fail(lon=115.47, lat=28.73)["effect"]
    assert {**shown, "planId": 0} == {**done, "planId": 0}
    assert (Breakdown.objects.get().place.lon, Breakdown.objects.get().place.lat) == (115.47, 28.73)
    [row] = data_of(STANDING, world.dispatcher, hub=str(world.hub.uuid))
    assert (row["vehicle"]["id"], row["aboard"]) == (str(world.broken.uuid), 3)


def test_reported_twice_is_refused_and_changes_nothing(world: World) -> None:
    world.fail()
    version, legs = world.in_force().version, Leg.objects.count()
    assert world.fail()["errors"] == [{"code": "van_is_down", "field": "vehicleId"}]
    assert (world.in_force().version, Leg.objects.count(), Breakdown.objects.count()) == (version, legs, 1)


def test_no_van_has_chilled_room(eve) -> None:
    world = build(eve, zone="chilled", crate=False)
    VehicleCompartment.objects.exclude(vehicle=world.broken).filter(zone="chilled").update(weight_g=500)
    effect = world.fail()["effect"]
    codes = sorted((unit.code, "no_room_chilled") for unit in world.units.values())
    assert sorted((row["code"], row["reason"]) for row in effect["held"]) == codes
    references = {str(unit.reference) for unit in world.units.values()}
    assert references <= {row["reference"] for row in effect["unserved"]}
    assert set(told("ShipmentUnserved")) >= references  # their buyers hear of it
    assert {holder(unit) for unit in world.units.values()} == {("vehicle", world.broken.uuid)}


def test_what_is_too_late_to_deliver_is_brought_back(world: World) -> None:
    Place.objects.filter(pk__in=[place.pk for place in world.places]).update(closes="07:00")
    effect = world.fail()["effect"]
    assert (effect["takenOver"], effect["broughtBack"], effect["held"]) == (0, 3, [])
    assert set(told("ShipmentUnserved")) == {str(world.units[n].reference) for n in world.units if n < 9}
    route = world.rescuer()
    assert [stop.place.kind for stop in route.stops.select_related("place")] == ["roadside"]
    world.holds()


def test_the_cold_budget_counts_from_the_breakdown_on(eve) -> None:
    world = build(eve, zone="chilled", crate=False)
    Shipment.objects.update(cold_budget_min=4)
    effect = world.fail()["effect"]
    assert {row["reason"] for row in effect["unserved"] if row["reference"] in told("ShipmentUnserved")} == {
        "cold_budget"
    }
    assert (effect["takenOver"], effect["broughtBack"]) == (0, 2)


def test_cold_goods_change_vans_with_a_reading_only(eve) -> None:
    world = build(eve, zone="chilled", crate=False)
    world.fail()
    route = world.rescuer()
    courier, meet = world.courier(route), meet_stop(route)
    tour.depart_route(principal=courier, route_uuid=route.uuid)
    data_of(ARRIVE, courier, id=str(meet.uuid))
    units = [str(unit.uuid) for unit in world.units.values()]
    answer = data_of(TAKE, courier, id=str(meet.uuid), units=units)
    assert answer["errors"] == [{"code": "invalid", "field": "temperatureC"}]
    assert {holder(unit) for unit in world.units.values()} == {("vehicle", world.broken.uuid)}
    assert data_of(TAKE, courier, id=str(meet.uuid), units=units, c=3.5)["errors"] == []


def test_stopped_in_the_middle_the_rest_can_still_be_fetched(world: World, monkeypatch) -> None:
    world.fail()
    route = world.rescuer()
    courier, meet = world.courier(route), meet_stop(route)
    tour.depart_route(principal=courier, route_uuid=route.uuid)
    data_of(ARRIVE, courier, id=str(meet.uuid))
    first, *others = world.units.values()
    units = [str(unit.uuid) for unit in world.units.values()]
    real = tour.hand_over

    def dies(**given):
        if given["unit"].pk != first.pk:
            raise SystemExit
        return real(**given)

    monkeypatch.setattr(tour, "hand_over", dies)
    with pytest.raises(SystemExit):
        tour.collect_units(
            principal=courier, stop_uuid=meet.uuid, unit_uuids=[unit.uuid for unit in world.units.values()]
        )
    monkeypatch.undo()
    assert {holder(unit) for unit in world.units.values()} == {("vehicle", world.broken.uuid)}
    assert data_of(TAKE, courier, id=str(meet.uuid), units=units[:1])["errors"] == []
    # Meanwhile the dispatcher changes something else: what is being fetched keeps its stops.
    drops = sorted(StopTask.objects.filter(stop__route=route, kind="drop").values_list("uuid", flat=True))
    edits.insert_urgent(
        principal=world.dispatcher,
        hub_uuid=world.hub.uuid,
        day=DAY,
        wave="village_loop",
        reference=uuid7(),
        place_uuid=world.places[2].uuid,
        collect_uuid=world.places[1].uuid,
        parcel=urgent_parcel(zone="ambient", size="S", weight_g=900),
    )
    after = StopTask.objects.filter(stop__route=route, kind="drop").values_list("uuid", flat=True)
    assert set(drops) <= set(after)
    world.holds()
    assert [holder(unit)[1] for unit in others] == [world.broken.uuid] * len(others)
    assert data_of(TAKE, courier, id=str(meet.uuid), units=units)["errors"] == []
    assert {holder(unit)[1] for unit in world.units.values()} == {route.vehicle.uuid}


def test_the_van_works_again_after_all(world: World) -> None:
    world.fail()
    breakdown = Breakdown.objects.get()
    given = {"id": str(breakdown.uuid)}
    shown = data_of(WORKS, world.dispatcher, **given, preview=True)["effect"]
    assert Breakdown.objects.get().ended_at is None
    effect = data_of(WORKS, world.dispatcher, **given)["effect"]
    assert (shown["affected"], effect["affected"], effect["unserved"]) == (2, 2, [])
    [route] = world.in_force().routes.all()
    assert route.vehicle == world.broken
    ahead = route.stops.filter(status="pending").values_list("place", flat=True)
    assert set(ahead) == {world.places[n].pk for n in world.units if n < 9}
    assert not StopTask.objects.filter(stop__route=route, stop__place__kind="roadside").exists()
    assert set(Leg.objects.filter(shipment__reference=world.units[9].uuid).values_list("status")) == {
        ("cancelled",)
    }
    world.holds()
    assert data_of(WORKS, world.dispatcher, **given)["errors"] == [
        {"code": "van_works", "field": "breakdownId"}
    ]


def test_what_was_fetched_stays_with_the_one_who_has_it(world: World) -> None:
    world.fail()
    route = world.rescuer()
    courier, meet = world.courier(route), meet_stop(route)
    tour.depart_route(principal=courier, route_uuid=route.uuid)
    data_of(ARRIVE, courier, id=str(meet.uuid))
    mine = next(unit for n, unit in world.units.items() if n < 9)
    data_of(TAKE, courier, id=str(meet.uuid), units=[str(mine.uuid)])
    data_of(COMPLETE, courier, id=str(meet.uuid))
    failed = world.in_force()
    assert data_of(UNDO, world.dispatcher, plan=str(failed.uuid))["errors"][0]["code"] == "does_not_fit"
    assert Breakdown.objects.get().ended_at is None
    data_of(WORKS, world.dispatcher, id=str(Breakdown.objects.get().uuid))
    drops = StopTask.objects.filter(
        stop__route__plan=world.in_force(), stop__status="pending", kind="drop"
    ).values_list("leg__shipment__reference", "stop__route__vehicle__uuid")
    wanted = {
        unit.reference: route.vehicle.uuid if unit == mine else world.broken.uuid
        for n, unit in world.units.items()
        if n < 9
    }
    assert dict(drops) == wanted


def test_a_report_by_mistake_is_undone(world: World) -> None:
    planned = set(world.plan.routes.get().stops.values_list("place", flat=True))
    world.fail()
    data_of(UNDO, world.dispatcher, plan=str(world.in_force().uuid))
    assert Breakdown.objects.get().ended_at == clock.now()
    [route] = world.in_force().routes.all()
    kept = route.stops.exclude(reason="moved").values_list("place", flat=True)
    assert (route.vehicle, set(kept)) == (world.broken, planned)
    world.holds()


def test_only_this_hubs_people(world: World) -> None:
    stranger = make_principal("dispatcher", "hub", make_hub().uuid)
    given = {"plan": str(world.in_force().uuid), "van": str(world.broken.uuid)}
    assert data_of(FAILS, stranger, **given)["errors"] == [{"code": "not_found", "field": "planId"}]
    world.fail()
    breakdown = {"id": str(Breakdown.objects.get().uuid)}
    assert data_of(WORKS, stranger, **breakdown)["errors"] == [{"code": "not_found", "field": "breakdownId"}]
    assert ask(STANDING, stranger, hub=str(world.hub.uuid))["errors"]
    meet = meet_stop(world.rescuer())
    other = make_principal("courier", "carrier", Carrier.objects.create(name="别家").uuid)
    assert data_of(ARRIVE, other, id=str(meet.uuid))["errors"] == [{"code": "not_found"}]
