"""Other carriers' parcels ride along: a file at the hub becomes shipments like any other.

They keep the firm's number and fee, lie at the hub as handling units, are planned, loaded and handed over at
stations with the rest. All faults first, all rows or none, one act to undo.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from marketplace.custody.models import HandlingUnit
from marketplace.custody.services import Holder, close_unit, create_unit
from marketplace.database.locks import lock_key
from marketplace.documents.tables import RowFault, read_table
from marketplace.kernel import clock
from marketplace.kernel.errors import N_, InvalidInput, NotFound
from marketplace.kernel.ids import uuid7
from marketplace.kernel.principal import Principal
from marketplace.places.models import Hub, Place, PlaceKind
from routing.errors import NotThatDay, WaybillsOnTheRoad
from routing.models import Stop, Waybill, WaybillBatch
from routing.services.access import STAFF
from routing.services.shipments.requests import OptionSpec, cancel_shipment, request_shipment
from routing.services.shipments.waybill_rows import COLUMNS, WaybillRow, read_row
from routing.services.waves.queueing import AHEAD

FIRM = 40


@dataclass(slots=True)
class WaybillImport:
    """`ready` is the preview; `batch` is there only when something was written."""

    ready: list[WaybillRow] = field(default_factory=list)
    faults: list[RowFault] = field(default_factory=list)
    batch: WaybillBatch | None = None


def import_waybills(
    *, principal: Principal, hub_uuid: UUID, firm: str, day: date, name: str, data: bytes, dry_run: bool
) -> WaybillImport:
    """Check every row; take all parcels over at the hub when no cell is bad and it is no dry run.

    Raises NotFound, Forbidden, NotThatDay, InvalidInput naming `firm` or `file`; bad cells are in the result.
    """
    hub = Hub.by_uuid(hub_uuid, field="hub_id")
    principal.require(STAFF, hub.uuid)
    firm = firm.strip()
    if not firm or len(firm) > FIRM:
        raise InvalidInput(N_("请填写快递公司"), field="firm")
    if not clock.today() <= day <= clock.today() + AHEAD:
        raise NotThatDay(field="date", params={"days": AHEAD.days})
    lines = read_table(name=name, data=data)
    with transaction.atomic():
        lock_key(f"waybills:{firm}")  # the same file sent twice at once
        result = WaybillImport()
        places = list(places_of(hub))
        for line in lines:
            row = read_row(line, places)
            if isinstance(row, WaybillRow):
                result.ready.append(row)
            else:
                result.faults += row
        result.faults += _repeated(firm, result.ready)
        result.faults.sort(key=lambda fault: fault.row)
        if not dry_run and not result.faults:
            result.batch = _take_over(principal, hub, firm, day, result.ready)
    return result


def undo_waybills(*, principal: Principal, batch_uuid: UUID) -> WaybillBatch:
    """All parcels of a file go back to their firm. Twice is the same.

    Raises NotFound, WaybillsOnTheRoad when one has left the hub, and then changes nothing.
    """
    with transaction.atomic():
        rows = WaybillBatch.objects.select_related("hub").select_for_update(of=("self",))
        batch: WaybillBatch | None = rows.filter(uuid=batch_uuid).first()
        if batch is None or not principal.has(STAFF, batch.hub.uuid):
            raise NotFound(field="id")
        if batch.undone_at is not None:
            return batch
        waybills = {waybill.uuid: waybill for waybill in batch.waybills.all()}
        units = list(HandlingUnit.objects.select_for_update().filter(reference__in=waybills).order_by("pk"))
        for unit in units:
            if (unit.holder_kind, unit.holder_uuid) != ("hub", batch.hub.uuid) or unit.reference is None:
                number = waybills[unit.reference].number if unit.reference else ""
                raise WaybillsOnTheRoad(field="id", params={"number": number})
        for unit in units:
            close_unit(unit=unit)
        for uuid in waybills:
            cancel_shipment(reference=uuid)
        batch.waybills.update(live=False)
        batch.undone_at = clock.now()
        batch.save(update_fields=["undone_at"])
    return batch


def waybills_of(*, principal: Principal, hub_uuid: UUID, day: date) -> QuerySet[Waybill]:
    """What rides along on the day. Raises Forbidden."""
    principal.require(STAFF, hub_uuid)
    rows = Waybill.objects.filter(live=True, batch__hub__uuid=hub_uuid, batch__deliver_on=day)
    return rows.select_related("batch", "place", "shipment").order_by("firm", "number")


def numbers_at(stops: Iterable[Stop]) -> dict[int, list[str]]:
    """Waybill numbers by stop, for tour sheets."""
    found: dict[int, list[str]] = {}
    rows = Waybill.objects.filter(shipment__legs__tasks__stop__in=[stop.pk for stop in stops])
    for stop, firm, number in rows.order_by("number").values_list(
        "shipment__legs__tasks__stop", "firm", "number"
    ):
        found.setdefault(stop, []).append(f"{firm} {number}")
    return found


def places_of(hub: Hub) -> QuerySet[Place]:
    """Counters that the hub's vans serve: a cabinet's cells are held by orders."""
    return Place.objects.filter(station__hub=hub, kind=PlaceKind.STATION).order_by("pk")


def _repeated(firm: str, rows: Iterable[WaybillRow]) -> list[RowFault]:
    """A number twice in the file, or here already."""
    rows = list(rows)
    seen = set(
        Waybill.objects.filter(firm=firm, live=True, number__in=[row.number for row in rows]).values_list(
            "number", flat=True
        )
    )
    faults = []
    for row in rows:
        if row.number in seen:
            error = InvalidInput(N_("运单号重复"), field="number")
            faults.append(RowFault(row.row, COLUMNS["number"][0], error))
        seen.add(row.number)
    return faults


def _take_over(
    principal: Principal, hub: Hub, firm: str, day: date, rows: Iterable[WaybillRow]
) -> WaybillBatch:
    """The batch, and for each parcel its shipment, waybill and unit in the hub's hands."""
    batch: WaybillBatch = WaybillBatch.objects.create(
        hub=hub, firm=firm, deliver_on=day, actor_uuid=principal.user_uuid, imported_at=clock.now()
    )
    for row in rows:
        uuid = uuid7()
        shipment = request_shipment(
            reference=uuid,
            direction="down",
            hub_uuid=hub.uuid,
            deliver_on=day,
            parcel=row.parcel,
            options=[OptionSpec(row.place.uuid)],
        )
        Waybill.objects.create(
            uuid=uuid,
            batch=batch,
            firm=firm,
            number=row.number,
            place=row.place,
            shipment=shipment,
            fee_fen=row.fee_fen,
            recipient=row.recipient,
        )
        create_unit(
            kind="parcel",
            zone=row.parcel.zone,
            gross_g=row.parcel.weight_g,
            volume_ml=row.parcel.volume_ml,
            size=row.parcel.size,
            holder=Holder("hub", hub.uuid),
            reference=uuid,
            place_uuid=hub.place.uuid,
            actor_uuid=principal.user_uuid,
        )
    return batch
