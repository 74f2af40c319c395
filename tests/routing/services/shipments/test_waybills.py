"""Another carrier's parcels ride along: preview, faults by row and column, custody, tour sheet, undo."""

from __future__ import annotations

import csv
import io

import pytest

from marketplace.custody.models import CustodyEvent, HandlingUnit
from marketplace.kernel.errors import Forbidden, InvalidInput, NotFound
from marketplace.kernel.principal import Principal
from marketplace.places.models import Hub, Place
from routing.errors import NotThatDay, WaybillsOnTheRoad
from routing.models import Shipment, Waybill, WaybillBatch
from routing.services.reports.plan_files import sheets_pdf, stops_csv
from routing.services.shipments.waybills import WaybillImport, import_waybills, undo_waybills, waybills_of
from routing.services.tours import tour
from routing.services.waves import planning
from tests.factories.accounts import make_principal
from tests.factories.farmers import make_station
from tests.factories.places import make_hub, make_vehicle
from tests.factories.routing import DAY

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("eve")]

LOOP = "village_loop"


@pytest.fixture
def hub() -> Hub:
    hub = make_hub()
    make_vehicle(hub=hub)
    return hub


@pytest.fixture
def place(hub: Hub) -> Place:
    place = make_station(hub=hub).place
    Place.objects.filter(pk=place.pk).update(name="赤岸镇站", lon=115.45, lat=28.72)
    place.refresh_from_db()
    return place


@pytest.fixture
def staff(hub: Hub) -> Principal:
    return make_principal("hub_operator", "hub", hub.uuid)


def sheet(*rows: str) -> bytes:
    return ("运单号,地点,重量,大小,温区,运费,收件人\n" + "\n".join(rows)).encode()


GOOD = sheet("ZT1001,赤岸镇站,1.5,M,常温,1.2,张*", "ZT1002,赤岸镇站,0.3,,,,")


def bring(staff: Principal, hub: Hub, data: bytes = GOOD, *, dry_run: bool = False, **how) -> WaybillImport:
    given = {"firm": "中通", "day": DAY, "name": "a.csv"} | how
    return import_waybills(principal=staff, hub_uuid=hub.uuid, data=data, dry_run=dry_run, **given)


def test_a_look_writes_nothing(staff: Principal, hub: Hub, place: Place) -> None:
    looked = bring(staff, hub, dry_run=True)
    assert [(row.row, row.number, row.place, row.parcel.weight_g, row.fee_fen) for row in looked.ready] == [
        (2, "ZT1001", place, 1_500, 120),
        (3, "ZT1002", place, 300, 0),
    ]
    assert (looked.faults, looked.batch) == ([], None)
    assert (WaybillBatch.objects.count(), Shipment.objects.count(), HandlingUnit.objects.count()) == (0, 0, 0)


def test_they_are_planned_carried_and_named_on_the_tour_sheet(
    staff: Principal, hub: Hub, place: Place
) -> None:
    bring(staff, hub)
    [first, second] = waybills_of(principal=staff, hub_uuid=hub.uuid, day=DAY)
    assert (first.number, first.fee_fen, first.recipient, first.shipment.size) == ("ZT1001", 120, "张*", "M")
    unit = HandlingUnit.objects.get(reference=first.uuid)
    assert (unit.holder_kind, unit.holder_uuid, unit.gross_g) == ("hub", hub.uuid, 1_500)
    assert CustodyEvent.objects.filter(unit=unit).count() == 1
    plan = planning.plan_wave(hub_uuid=hub.uuid, day=DAY, wave=LOOP, seconds=1)
    [row] = csv.DictReader(io.StringIO(stops_csv(plan).decode("utf-8-sig")))
    assert row["代派运单"] == "中通 ZT1001、中通 ZT1002"
    assert sheets_pdf(plan).startswith(b"%PDF-")
    route = plan.routes.get()
    assert set(tour.expected_units(route)) == set(HandlingUnit.objects.all())
    first.shipment.refresh_from_db()
    assert first.shipment.status == "planned"
    assert second.number == "ZT1002"


def test_every_bad_cell_is_named_and_nothing_is_written(staff: Principal, hub: Hub, place: Place) -> None:
    data = sheet(
        "ZT1001,赤岸镇站,1,S,,,",
        "?,没有,51,XL,冷冻,1.234,13800001111",
        "ZT1001,赤岸镇站,0,,暖,,",
        "ZT1004,,1,,,,",
    )
    result = bring(staff, hub, data)
    assert [(fault.row, fault.column) for fault in result.faults] == [
        (3, "运单号"),
        (3, "地点"),
        (3, "重量"),
        (3, "运费"),
        (3, "收件人"),
        (3, "大小"),
        (4, "重量"),
        (4, "温区"),
        (5, "地点"),
    ]
    assert result.batch is None
    assert (WaybillBatch.objects.count(), Shipment.objects.count()) == (0, 0)


def test_a_number_is_taken_once(staff: Principal, hub: Hub, place: Place) -> None:
    twice = bring(staff, hub, sheet("ZT1001,赤岸镇站,1,,,,", "ZT1001,赤岸镇站,1,,,,"))
    assert [fault.row for fault in twice.faults] == [3]
    bring(staff, hub)
    again = bring(staff, hub)
    assert [(fault.row, fault.column) for fault in again.faults] == [(2, "运单号"), (3, "运单号")]
    assert bring(staff, hub, firm="圆通").faults == []  # another firm's numbers are its own
    assert Waybill.objects.count() == 4


def test_a_waypoint_goes_to_the_station_beside_it(staff: Principal, hub: Hub, place: Place) -> None:
    def gpx(lat: float) -> bytes:
        point = f'<wpt lat="{lat}" lon="115.45"><name>ZT1001</name><desc>1.5 kg</desc></wpt>'
        return f'<gpx xmlns="http://www.topografix.com/GPX/1/1">{point}</gpx>'.encode()

    [row] = bring(staff, hub, gpx(28.723), name="a.gpx", dry_run=True).ready
    assert (row.place, row.parcel.weight_g) == (place, 1_500)
    [fault] = bring(staff, hub, gpx(28.73), name="a.gpx", dry_run=True).faults
    assert (fault.row, fault.column) == (1, "地点")


def test_undo_gives_all_back(staff: Principal, hub: Hub, place: Place) -> None:
    batch = bring(staff, hub).batch
    undone = undo_waybills(principal=staff, batch_uuid=batch.uuid)
    assert undone.undone_at is not None
    assert undo_waybills(principal=staff, batch_uuid=batch.uuid).undone_at == undone.undone_at
    assert set(Shipment.objects.values_list("status", flat=True)) == {"cancelled"}
    assert set(HandlingUnit.objects.values_list("status", flat=True)) == {"closed"}
    assert list(waybills_of(principal=staff, hub_uuid=hub.uuid, day=DAY)) == []
    assert bring(staff, hub).faults == []  # the mended file may come again


def test_what_left_the_hub_is_not_undone(staff: Principal, hub: Hub, place: Place) -> None:
    batch = bring(staff, hub).batch
    route = planning.plan_wave(hub_uuid=hub.uuid, day=DAY, wave=LOOP, seconds=1).routes.get()
    unit = HandlingUnit.objects.get(reference=Waybill.objects.get(number="ZT1002").uuid)
    tour.load_route(principal=staff, route_uuid=route.uuid, unit_uuids=[unit.uuid])
    with pytest.raises(WaybillsOnTheRoad, match="ZT1002"):
        undo_waybills(principal=staff, batch_uuid=batch.uuid)
    assert Waybill.objects.filter(live=True).count() == 2
    assert not Shipment.objects.filter(status="cancelled").exists()


def test_what_makes_no_sense_is_refused(staff: Principal, hub: Hub, place: Place) -> None:
    with pytest.raises(InvalidInput) as refused:
        bring(staff, hub, firm=" ")
    assert refused.value.field == "firm"
    with pytest.raises(NotThatDay):
        bring(staff, hub, day=DAY.replace(year=2027))
    other = make_principal("hub_operator", "hub", make_hub().uuid)
    with pytest.raises(Forbidden):
        bring(other, hub)
    batch = bring(staff, hub).batch
    with pytest.raises(NotFound):
        undo_waybills(principal=other, batch_uuid=batch.uuid)
    assert WaybillBatch.objects.get().undone_at is None
