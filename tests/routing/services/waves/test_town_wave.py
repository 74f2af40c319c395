"""The second wave: parcels into counted cells, movable holds that follow the plan."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

import pytest

from lockers.errors import NoRoom
from lockers.models import CapacityHold, Device
from lockers.services.capacity.holds import firm_hold, hold_capacity
from lockers.services.sites.cabinets import CellSpec, register_cabinet
from marketplace.kernel import clock
from marketplace.kernel.ids import uuid7
from marketplace.kernel.temperature import Band
from marketplace.places.models import Hub, Place
from routing.models import Leg, Shipment, UnservedLeg
from routing.services.waves import planning
from routing.services.waves.building import load_wave
from routing.states import Wave
from tests.factories.places import make_hub, make_site, make_vehicle
from tests.factories.routing import make_shipment

pytestmark = pytest.mark.django_db

TOWN = Wave.TOWN_DELIVERY
ROOM = Band(5, 30)


@pytest.fixture
def hub() -> Hub:
    hub = make_hub()
    make_vehicle(hub=hub)
    return hub


@pytest.fixture
def day() -> date:
    return clock.today() + timedelta(days=1)


def locker(hub: Hub, lon: float, *sizes: str) -> Place:
    site = make_site(hub=hub, lon=lon)
    cells = [CellSpec(f"{n:02d}", "ambient", size, ROOM) for n, size in enumerate(sizes, start=1)]
    name = f"cab{site.pk}"
    register_cabinet(site=site, device=name, name=name, kind="parcel", cells=cells)
    Device.objects.filter(device=name).update(online=True, last_seen=clock.wall())
    return site.place


def held(hub: Hub, day: date, *places: Place, at: Place | None = None) -> Shipment:
    """A paid parcel: its hold is firm, at the first place with room."""
    reference: UUID = uuid7()
    hold_capacity(
        reference=reference,
        place_uuids=[place.uuid for place in ((at, *places) if at else places)],
        zone="ambient",
        size="S",
        min_c=0,
        max_c=35,
        slot_date=day,
        expires_at=clock.now() + timedelta(minutes=15),
        movable=True,
    )
    firm_hold(reference=reference)
    shipment = make_shipment(
        hub=hub, place=places[0], options=places[1:], direction="up", reference=reference, day=day
    )
    Shipment.objects.filter(pk=shipment.pk).update(max_c=35)
    return shipment


def plan(hub: Hub, day: date):
    return planning.plan_wave(hub_uuid=hub.uuid, day=day, wave=TOWN, seconds=1)


def test_parcels_go_into_the_cells_that_are_held_for_them(hub: Hub, day: date) -> None:
    place = locker(hub, 115.41, "S", "M")
    shipments = [held(hub, day, place), held(hub, day, place)]
    cells = load_wave(hub=hub, day=day, wave=TOWN).problem.places[1].cells
    assert cells is not None
    assert [(c.zone, c.small, c.medium, c.large, c.min_c, c.max_c) for c in cells] == [
        ("ambient", 1, 1, 0, 5, 30)
    ]
    assert plan(hub, day).metrics["unserved"] == {}
    assert set(Shipment.objects.values_list("pk", "status", "place")) == {
        (s.pk, "planned", place.pk) for s in shipments
    }


def test_cells_of_others_are_not_ours(hub: Hub, day: date) -> None:
    place = locker(hub, 115.41, "S", "M")
    mine = held(hub, day, place)
    hold_capacity(
        reference=uuid7(),
        place_uuids=[place.uuid],
        zone="ambient",
        size="S",
        min_c=0,
        max_c=35,
        slot_date=day,
        expires_at=clock.now() + timedelta(minutes=15),
    )
    CapacityHold.objects.filter(reference=mine.reference).update(status="released")
    assert load_wave(hub=hub, day=day, wave=TOWN).problem.places[1].cells[0].medium == 1
    assert load_wave(hub=hub, day=day, wave=TOWN).problem.places[1].cells[0].small == 0
    assert plan(hub, day).metrics["served"] == 1


def test_a_movable_parcel_goes_where_the_van_goes_and_its_hold_follows(hub: Hub, day: date) -> None:
    near, far = locker(hub, 115.40, "S", "S"), locker(hub, 115.70, "S")
    fixed = held(hub, day, near)
    movable = held(hub, day, far, near)
    assert CapacityHold.objects.get(reference=movable.reference).place_uuid == far.uuid
    done = plan(hub, day)
    assert {s.pk: s.place for s in Shipment.objects.select_related("place")} == {
        fixed.pk: near,
        movable.pk: near,
    }
    assert CapacityHold.objects.get(reference=movable.reference).place_uuid == near.uuid
    assert done.options_saved_fen > 0
    assert done.metrics["with_options"] == 1
    assert done.metrics["moved_from_first_choice"] == 1


def test_when_a_cell_went_meanwhile_parcels_stay_where_they_are_held(
    hub: Hub, day: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    near, far = locker(hub, 115.40, "S", "S"), locker(hub, 115.70, "S")
    held(hub, day, near)
    movable = held(hub, day, far, near)
    from routing.services.waves import publishing

    real, refused = publishing.move_holds, []

    def once(*, places, agreed):
        if not refused:
            refused.append(places)
            raise NoRoom(params={"why": "", "places": {}})
        return real(places=places, agreed=agreed)

    monkeypatch.setattr(publishing, "move_holds", once)
    assert plan(hub, day).metrics["unserved"] == {}
    assert refused
    movable.refresh_from_db()
    assert movable.place == far
    assert CapacityHold.objects.get(reference=movable.reference).place_uuid == far.uuid


def test_a_silent_cabinet_takes_nothing(hub: Hub, day: date) -> None:
    place = locker(hub, 115.41, "S")
    held(hub, day, place)
    Device.objects.update(online=False, last_seen=clock.wall() - timedelta(hours=1))
    plan(hub, day)
    assert list(UnservedLeg.objects.values_list("reason", flat=True)) == ["no_cell"]
    assert Leg.objects.get().status == "unserved"
