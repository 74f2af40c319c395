from dataclasses import dataclass

import pytest

from marketplace.custody.errors import WrongHolder
from marketplace.custody.models import HandlingUnit
from marketplace.custody.services import Content, Holder, create_unit, units_held_by
from marketplace.kernel.errors import NotFound
from marketplace.kernel.ids import uuid7
from marketplace.kernel.principal import Principal
from marketplace.outbox.models import OutboxEvent
from marketplace.places.models import Hub
from routing.errors import NotAtThisStop, NotOnThisRoute, OpenStops, RouteNotStarted, StopNotReached
from routing.models import Leg, Route, Shipment
from routing.services.tours import tour
from tests.factories.accounts import make_principal
from tests.factories.farmers import make_station
from tests.factories.places import make_hub
from tests.factories.routing import make_route, make_shipment

pytestmark = pytest.mark.django_db


@dataclass
class Loop:
    """One van, two stations: a parcel down to each, a crate up from the first, a direct ride between them."""

    hub: Hub
    route: Route
    courier: Principal
    down: Shipment
    direct: Shipment
    parcel: HandlingUnit
    crate: HandlingUnit
    direct_parcel: HandlingUnit

    def stop(self, seq: int):
        return self.route.stops.get(seq=seq)


def parcel_of(shipment: Shipment, holder: Holder) -> HandlingUnit:
    return create_unit(
        kind="parcel",
        zone=shipment.zone,
        gross_g=2_000,
        volume_ml=5_000,
        size="S",
        holder=holder,
        reference=shipment.reference,
    )


@pytest.fixture
def loop() -> Loop:
    hub = make_hub()
    first, second = make_station(hub=hub), make_station(hub=hub)
    down = make_shipment(hub=hub, place=second.place)
    direct = make_shipment(hub=hub, place=second.place, direction="up", collects=(first.place,), direct=True)
    ride = direct.legs.get()
    route = make_route(
        hub=hub,
        stops=[
            (first.place, [("collect", ride)]),
            (second.place, [("drop", down.legs.get()), ("drop", ride)]),
        ],
    )
    return Loop(
        hub=hub,
        route=route,
        courier=make_principal("courier", "carrier", route.vehicle.carrier.uuid),
        down=down,
        direct=direct,
        parcel=parcel_of(down, Holder("hub", hub.uuid)),
        crate=create_unit(
            kind="crate",
            zone="ambient",
            gross_g=12_000,
            volume_ml=40_000,
            size="L",
            holder=Holder("station", first.uuid),
            contents=[Content("lot", uuid7(), 10_000)],
        ),
        direct_parcel=parcel_of(direct, Holder("station", first.uuid)),
    )


def events(kind: str) -> list[dict]:
    return list(OutboxEvent.objects.filter(type=f"routing.{kind}").values_list("payload", flat=True))


def holder_of(unit: HandlingUnit) -> str:
    return HandlingUnit.objects.get(pk=unit.pk).holder_kind


def test_a_whole_loop_moves_goods_down_up_and_across(loop: Loop) -> None:
    loading = tour.load_route(
        principal=loop.courier, route_uuid=loop.route.uuid, unit_uuids=[loop.parcel.uuid]
    )
    assert ([u.pk for u in loading.loaded], loading.missing) == ([loop.parcel.pk], [])
    tour.depart_route(principal=loop.courier, route_uuid=loop.route.uuid)
    first, second = loop.stop(1), loop.stop(2)
    tour.arrive_at_stop(principal=loop.courier, stop_uuid=first.uuid)
    assert set(tour.collectable_units(first)) == {loop.crate, loop.direct_parcel}
    tour.collect_units(
        principal=loop.courier, stop_uuid=first.uuid, unit_uuids=[loop.crate.uuid, loop.direct_parcel.uuid]
    )
    tour.complete_stop(principal=loop.courier, stop_uuid=first.uuid)
    tour.arrive_at_stop(principal=loop.courier, stop_uuid=second.uuid)
    tour.hand_over_units(
        principal=loop.courier,
        stop_uuid=second.uuid,
        unit_uuids=[loop.parcel.uuid, loop.direct_parcel.uuid],
        temperature_c=9.5,
    )
    tour.complete_stop(principal=loop.courier, stop_uuid=second.uuid)
    tour.finish_route(principal=loop.courier, route_uuid=loop.route.uuid)
    assert [holder_of(u) for u in (loop.parcel, loop.direct_parcel, loop.crate)] == [
        "station",
        "station",
        "hub",
    ]
    assert set(Shipment.objects.values_list("status", flat=True)) == {"delivered"}
    assert {row["reference"] for row in events("ShipmentDelivered")} == {
        str(loop.down.reference),
        str(loop.direct.reference),
    }
    assert not events("ShipmentUnserved")
    assert loop.parcel.custody.get(to_kind="station").temperature_c == 9.5


def test_every_act_may_be_sent_twice(loop: Loop) -> None:
    for _ in range(2):
        tour.load_route(principal=loop.courier, route_uuid=loop.route.uuid, unit_uuids=[loop.parcel.uuid])
    for _ in range(2):
        tour.depart_route(principal=loop.courier, route_uuid=loop.route.uuid)
    second = loop.stop(2)
    for _ in range(2):
        tour.arrive_at_stop(principal=loop.courier, stop_uuid=second.uuid)
    for _ in range(2):
        tour.hand_over_units(principal=loop.courier, stop_uuid=second.uuid, unit_uuids=[loop.parcel.uuid])
    for _ in range(2):
        tour.complete_stop(principal=loop.courier, stop_uuid=second.uuid)
    assert loop.parcel.custody.count() == 3
    assert [len(events(kind)) for kind in ("RouteStarted", "ShipmentDelivered", "StopCompleted")] == [1, 1, 1]


def test_a_wrong_parcel_is_told_where_it_belongs_and_nothing_moves(loop: Loop) -> None:
    station = make_station(hub=loop.hub)
    other = make_shipment(hub=loop.hub, place=station.place)
    elsewhere = make_route(hub=loop.hub, stops=[(station.place, [("drop", other.legs.get())])])
    wrong = parcel_of(other, Holder("hub", loop.hub.uuid))
    with pytest.raises(NotOnThisRoute) as refused:
        tour.load_route(
            principal=loop.courier, route_uuid=loop.route.uuid, unit_uuids=[loop.parcel.uuid, wrong.uuid]
        )
    assert refused.value.params == {"code": wrong.code, "belongs": elsewhere.vehicle.name}
    assert (holder_of(loop.parcel), holder_of(wrong)) == ("hub", "hub")


def test_acts_out_of_order_are_refused(loop: Loop) -> None:
    first, second = loop.stop(1), loop.stop(2)
    with pytest.raises(RouteNotStarted):
        tour.arrive_at_stop(principal=loop.courier, stop_uuid=first.uuid)
    tour.depart_route(principal=loop.courier, route_uuid=loop.route.uuid)
    with pytest.raises(StopNotReached):
        tour.collect_units(principal=loop.courier, stop_uuid=first.uuid, unit_uuids=[loop.crate.uuid])
    with pytest.raises(OpenStops):
        tour.finish_route(principal=loop.courier, route_uuid=loop.route.uuid)
    tour.arrive_at_stop(principal=loop.courier, stop_uuid=second.uuid)
    with pytest.raises(WrongHolder):  # the parcel was never loaded
        tour.hand_over_units(principal=loop.courier, stop_uuid=second.uuid, unit_uuids=[loop.parcel.uuid])
    with pytest.raises(NotAtThisStop):
        tour.hand_over_units(principal=loop.courier, stop_uuid=second.uuid, unit_uuids=[loop.crate.uuid])
    assert (holder_of(loop.parcel), holder_of(loop.crate)) == ("hub", "station")


def test_what_could_not_be_delivered_comes_back_and_is_reported(loop: Loop) -> None:
    tour.load_route(principal=loop.courier, route_uuid=loop.route.uuid, unit_uuids=[loop.parcel.uuid])
    tour.depart_route(principal=loop.courier, route_uuid=loop.route.uuid)
    for seq in (1, 2):
        tour.fail_stop(principal=loop.courier, stop_uuid=loop.stop(seq).uuid, reason="road closed")
    tour.finish_route(principal=loop.courier, route_uuid=loop.route.uuid)
    assert holder_of(loop.parcel) == "hub"
    assert {(row["reference"], row["reason"]) for row in events("ShipmentUnserved")} == {
        (str(loop.down.reference), "returned"),
        (str(loop.direct.reference), "returned"),
    }
    assert list(units_held_by(tour.vehicle_holder(loop.route))) == []


@pytest.mark.parametrize("role", ["courier", "hub_operator"])
def test_somebody_elses_route_is_not_found(loop: Loop, role: str) -> None:
    stranger = make_principal(role, "carrier" if role == "courier" else "hub", uuid7())
    with pytest.raises(NotFound) as refused:
        tour.depart_route(principal=stranger, route_uuid=loop.route.uuid)
    assert refused.value.field == "route_id"
    assert Route.objects.get(pk=loop.route.pk).status == "planned"


def test_a_draft_plan_is_not_driven(loop: Loop) -> None:
    loop.route.plan.status = "draft"
    loop.route.plan.save()
    with pytest.raises(NotFound):
        tour.depart_route(principal=loop.courier, route_uuid=loop.route.uuid)


def test_a_cancelled_shipment_is_simply_not_there(loop: Loop) -> None:
    from routing.services.shipments.requests import cancel_shipment

    assert cancel_shipment(reference=loop.down.reference) == 1
    assert cancel_shipment(reference=loop.down.reference) == 0
    assert Leg.objects.get(shipment=loop.down).status == "cancelled"
    assert list(tour.expected_units(loop.route)) == []
