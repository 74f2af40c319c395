"""A full or dead cabinet: the nearest agreed place takes the parcel, on the same route and under its code."""

from dataclasses import dataclass

import pytest

from lockers.errors import DepositRefused, NoRoom
from lockers.models import Allocation, Cabinet, Compartment, Device
from marketplace.accounts.services.consents import give_delivery_consent
from marketplace.custody.models import HandlingUnit
from marketplace.custody.services import Holder, create_unit
from marketplace.kernel import clock
from marketplace.kernel.principal import Principal
from marketplace.places.models import Hub
from routing.errors import NotThisPlace
from routing.models import Leg, Route, Shipment, Stop
from routing.services.tours import diverting, dropping, taking_out, tour
from tests.factories.accounts import make_principal
from tests.factories.lockers import make_cabinet
from tests.factories.places import make_hub, make_site
from tests.factories.routing import make_route, make_shipment

pytestmark = pytest.mark.django_db
AMBIENT = (("ambient", "S"), ("chilled", "S"))


@dataclass
class Town:
    hub: Hub
    full: Cabinet
    near: Cabinet
    far: Cabinet
    buyer: Principal
    courier: Principal
    route: Route
    unit: HandlingUnit

    @property
    def stop(self) -> Stop:
        return self.route.stops.get(place=self.full.site.place)

    def ask(self) -> list[tuple[str, str]]:
        points = diverting.next_points(
            principal=self.courier, stop_uuid=self.stop.uuid, unit_uuid=self.unit.uuid
        )
        return [(point.place.name, point.reason) for point in points]

    def divert(self, to: Cabinet) -> Stop:
        return diverting.divert(
            principal=self.courier,
            stop_uuid=self.stop.uuid,
            unit_uuid=self.unit.uuid,
            place_uuid=to.site.place.uuid,
        )


@pytest.fixture
def town() -> Town:
    hub = make_hub()
    full, near, far = (
        make_cabinet(site=make_site(hub=hub, lon=lon, lat=27.8), cells=AMBIENT)
        for lon in (114.4, 114.41, 114.43)
    )
    buyer = make_principal()
    shipment = make_shipment(hub=hub, place=full.site.place, direction="up", day=clock.today())
    Shipment.objects.filter(pk=shipment.pk).update(recipient_uuid=buyer.user_uuid)
    leg = Leg.objects.get(shipment=shipment, kind="deliver")
    route = make_route(
        hub=hub,
        stops=[(full.site.place, [("drop", leg)]), (far.site.place, [])],
        wave="town_delivery",
        day=clock.today(),
    )
    courier = make_principal("courier", "carrier", route.vehicle.carrier.uuid)
    unit = create_unit(
        kind="parcel",
        zone="ambient",
        gross_g=2_000,
        volume_ml=5_000,
        size="S",
        holder=Holder("vehicle", route.vehicle.uuid),
        reference=shipment.reference,
    )
    tour.depart_route(principal=courier, route_uuid=route.uuid)
    tour.arrive_at_stop(principal=courier, stop_uuid=route.stops.get(seq=1).uuid)
    return Town(hub, full, near, far, buyer, courier, route, unit)


def test_only_agreed_places_within_two_kilometres_take_it(town: Town) -> None:
    near = town.near.site.place
    assert town.ask() == [(near.name, "not_agreed")]
    with pytest.raises(NotThisPlace):
        town.divert(town.near)
    give_delivery_consent(principal=town.buyer, place_uuid=near.uuid)
    assert town.ask() == [(near.name, "")]
    Device.objects.filter(cabinet=town.near).update(online=False, last_seen=None)
    assert town.ask() == [(near.name, "silent")]
    with pytest.raises(NoRoom):
        town.divert(town.near)
    assert [stop.seq for stop in town.route.stops.order_by("seq")] == [1, 2]


def test_the_route_gets_a_stop_there_and_the_parcel_its_cell(town: Town) -> None:
    for place in (town.full, town.near):
        give_delivery_consent(principal=town.buyer, place_uuid=place.site.place.uuid)
    asked = {"principal": town.courier, "unit_uuid": town.unit.uuid, "damaged": False, "weight_g": 2_000}
    first = dropping.open_compartment(stop_uuid=town.stop.uuid, **asked)  # type: ignore[arg-type]
    assert first.cabinet_uuid == town.full.uuid
    stop = town.divert(town.near)
    assert Allocation.objects.get(uuid=first.uuid).state == "free"
    order = list(town.route.stops.order_by("seq").values_list("seq", "place__uuid"))
    assert order == [
        (1, town.full.site.place.uuid), (2, town.near.site.place.uuid), (3, town.far.site.place.uuid),
    ]  # fmt: skip
    tour.arrive_at_stop(principal=town.courier, stop_uuid=stop.uuid)
    second = dropping.open_compartment(stop_uuid=stop.uuid, **asked)  # type: ignore[arg-type]
    assert second.cabinet_uuid == town.near.uuid
    groups = Allocation.objects.values_list("group_id", flat=True)
    assert (len(groups), len(set(groups))) == (2, 1)


def test_cold_goods_need_a_reading_before_the_door_opens(town: Town) -> None:
    give_delivery_consent(principal=town.buyer, place_uuid=town.full.site.place.uuid)
    Shipment.objects.update(zone="chilled", min_c=0, max_c=7)
    asked = {"principal": town.courier, "unit_uuid": town.unit.uuid, "damaged": False, "weight_g": 2_000}
    for measured_c, code in ((None, "no_reading"), (10.5, "too_warm")):
        with pytest.raises(DepositRefused) as refused:
            dropping.open_compartment(stop_uuid=town.stop.uuid, temperature_c=measured_c, **asked)  # type: ignore[arg-type]
        assert (refused.value.error_code, refused.value.field) == (code, "temperature_c")
    assert Allocation.objects.count() == 0
    drop = dropping.open_compartment(stop_uuid=town.stop.uuid, temperature_c=8.0, **asked)  # type: ignore[arg-type]
    assert drop.warm


def test_valuables_need_the_senders_agreement(town: Town) -> None:
    give_delivery_consent(principal=town.buyer, place_uuid=town.full.site.place.uuid)
    Shipment.objects.update(value_fen=150_000, sender_agreement=False)
    with pytest.raises(DepositRefused) as refused:
        dropping.open_compartment(
            principal=town.courier, stop_uuid=town.stop.uuid, unit_uuid=town.unit.uuid, damaged=False,
            weight_g=2_000,
        )  # fmt: skip
    assert (refused.value.error_code, Allocation.objects.count()) == ("valuable", 0)


def test_overdue_parcels_are_on_the_tour_of_who_stops_there(town: Town) -> None:
    door = Compartment.objects.get(cabinet=town.full, zone="ambient")
    give_delivery_consent(principal=town.buyer, place_uuid=town.full.site.place.uuid)
    drop = dropping.open_compartment(
        principal=town.courier,
        stop_uuid=town.stop.uuid,
        unit_uuid=town.unit.uuid,
        damaged=False,
        weight_g=2_000,
    )
    assert taking_out.to_take_out(town.stop) == []
    Allocation.objects.filter(uuid=drop.uuid).update(state="loaded", parcel_state="expired")
    [due] = taking_out.to_take_out(town.stop)
    assert (due.uuid, due.compartment) == (drop.uuid, door)
    command = taking_out.take_out(principal=town.courier, stop_uuid=town.stop.uuid, allocation_uuid=drop.uuid)
    assert (command.purpose, command.args["door"]) == ("recall", door.door)
    due.refresh_from_db()
    assert (due.parcel_state, due.taker_uuid) == ("to_return", town.route.vehicle.uuid)
