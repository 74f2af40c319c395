"""What a station and a hub have to do, read in a fixed number of queries however long the lists are."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db.models import Prefetch, Q, QuerySet

from catalog.models import Lot
from farmers.models import Station
from farmers.services.access import station_for
from marketplace.custody.models import HandlingUnit
from marketplace.custody.services import Holder, units_held_by
from marketplace.kernel import clock
from marketplace.kernel.principal import Principal
from marketplace.places.models import Hub
from orders.ledger.accounts import AccountKind
from orders.ledger.services import balance
from orders.models import Fulfilment, Line, WeighIn
from orders.services.fulfilment.trunks import TrunkRow, trunk_rows
from orders.services.fulfilment.weigh_in import still_handed_in
from orders.services.notices import recipient_masked
from orders.splitting import Way
from orders.states import BEFORE_PACKING, FulfilmentStatus, LineStatus

PACKERS = ("hub_operator", "dispatcher")


@dataclass(slots=True)
class HarvestRow:
    """One lot that farmers bring on `day`: `ordered_quantity` in the lot's unit."""

    lot: Lot
    day: date
    ordered_quantity: int = 0
    ordered_g: int = 0
    orders: int = 0
    weighed_g: int = 0


@dataclass(frozen=True, slots=True)
class ParcelRow:
    """A parcel on its way to a counter, or on its shelf. `unit` is empty until it is packed."""

    fulfilment: Fulfilment
    unit: HandlingUnit | None
    recipient_masked: str
    ready_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class PackRow:
    """A fulfilment to be packed, and the crates here that hold what it needs."""

    fulfilment: Fulfilment
    lines: Sequence[Line]
    recipient_masked: str
    crates: Sequence[HandlingUnit] = ()


@dataclass(frozen=True, slots=True)
class PackDownRow:
    """One line of a parcel that goes down."""

    fulfilment: Fulfilment
    line: Line
    recipient_masked: str


@dataclass(frozen=True, slots=True)
class StationBoard:
    station: Station
    harvest: Sequence[HarvestRow]
    crates: Sequence[HandlingUnit]
    to_pack: Sequence[PackRow]
    incoming: Sequence[ParcelRow]
    shelf: Sequence[ParcelRow]
    cash_float_fen: int


@dataclass(frozen=True, slots=True)
class HubBoard:
    hub: Hub
    day: date
    to_pack_down: Sequence[PackDownRow]
    to_consolidate: Sequence[PackRow]
    trunks: Sequence[TrunkRow]
    units: Sequence[HandlingUnit]


def station_board(*, principal: Principal, station_uuid: UUID) -> StationBoard:
    """The day of one station, for its officer. Raises Forbidden, NotFound."""
    station = station_for(principal=principal, station_uuid=station_uuid)
    here = Holder("station", station.uuid)
    crates = _crates_at(here)
    to_pack = _parts(
        Q(
            way=Way.DIRECT,
            pk__in=Line.objects.filter(origin_station=station).values("fulfilment"),
            status__in=BEFORE_PACKING,
            deliver_on=clock.today(),
        )
    )
    expected = Q(destination=station.place) & (
        Q(status=FulfilmentStatus.PACKED) | Q(status__in=BEFORE_PACKING, deliver_on=clock.today())
    )
    incoming = _parts(expected)
    shelf = _parts(Q(destination=station.place, status=FulfilmentStatus.READY))
    units = _units_of([*incoming, *shelf])
    return StationBoard(
        station=station,
        harvest=_harvest(station),
        crates=crates,
        to_pack=_pack_rows(to_pack, crates),
        incoming=[_parcel_row(part, units) for part in incoming],
        shelf=[_parcel_row(part, units) for part in shelf],
        cash_float_fen=balance(kind=AccountKind.STATION_CASH, owner=station.uuid),
    )


def hub_board(*, principal: Principal, hub_uuid: UUID, day: date | None = None) -> HubBoard:
    """What the hub packs for a delivery day (today, when none is given). Raises Forbidden, NotFound."""
    principal.require(PACKERS, hub_uuid)
    hub = Hub.by_uuid(hub_uuid, field="hub_id")
    on = day or clock.today()
    here = Holder("hub", hub.uuid)
    units = list(units_held_by(here).prefetch_related("contents").order_by("pk"))
    crates = [unit for unit in units if unit.kind != "parcel"]
    open_parts = _parts(Q(origin_hub=hub, deliver_on=on, status__in=BEFORE_PACKING))
    return HubBoard(
        hub=hub,
        day=on,
        to_pack_down=[
            PackDownRow(part, line, recipient_masked(part.order))
            for part in open_parts
            if part.way == Way.DOWN
            for line in part.lines.all()
        ],
        to_consolidate=_pack_rows([part for part in open_parts if part.way == Way.UP], crates),
        trunks=trunk_rows(hub, on),
        units=units,
    )


def _parts(condition: Q) -> list[Fulfilment]:
    """Fulfilments with everything that boards show of them, in two queries."""
    lines: QuerySet[Line] = Line.objects.select_related("lot__product", "lot__seller").order_by("pk")
    found = (
        Fulfilment.objects.filter(condition)
        .select_related("order__buyer", "order__villager", "destination__county", "origin_hub")
        .prefetch_related(Prefetch("lines", queryset=lines))
        .order_by("pk")
    )
    return list(found)


def _harvest(station: Station) -> list[HarvestRow]:
    """Lots to be brought from today on, with what orders ask for and what the scale has seen today."""
    today = clock.today()
    rows: dict[tuple[int, date], HarvestRow] = {}
    orders: dict[tuple[int, date], set[int]] = defaultdict(set)
    lines = Line.objects.filter(
        lot__station=station,
        fulfilment__deliver_on__gte=today,
        status__in=[LineStatus.FIRM, LineStatus.PACKED],
    ).select_related("lot__product", "lot__seller", "lot__station", "fulfilment")
    for line in lines.order_by("fulfilment__deliver_on", "lot_id", "pk"):
        key = (line.lot_id, line.fulfilment.deliver_on)
        row = rows.setdefault(key, HarvestRow(lot=line.lot, day=line.fulfilment.deliver_on))
        left = line.quantity - line.short_quantity  # what a shortage took is not brought
        row.ordered_quantity += left
        row.ordered_g += line.ordered.net_g * left // line.quantity
        orders[key].add(line.order_id)
    crates = WeighIn.objects.filter(station=station, at__gte=clock.at(today, 0))
    for crate in still_handed_in(crates):
        weighed = rows.get((crate.lot_id, today))
        if weighed is not None:
            weighed.weighed_g += crate.net_g
    for key, row in rows.items():
        row.orders = len(orders[key])
    return list(rows.values())


def _crates_at(holder: Holder) -> list[HandlingUnit]:
    return list(units_held_by(holder, {"crate", "sack"}).prefetch_related("contents").order_by("pk"))


def _pack_rows(parts: Iterable[Fulfilment], crates: Sequence[HandlingUnit]) -> list[PackRow]:
    """Each fulfilment with the crates that hold one of its lots and still have something in them."""
    holding: dict[UUID, list[HandlingUnit]] = defaultdict(list)
    for crate in crates:
        for content in crate.contents.all():
            if content.grams > 0:
                holding[content.content_uuid].append(crate)
    rows = []
    for part in parts:
        lines = list(part.lines.all())
        wanted = {crate.pk: crate for line in lines for crate in holding[line.lot.uuid]}
        rows.append(
            PackRow(
                fulfilment=part,
                lines=lines,
                recipient_masked=recipient_masked(part.order),
                crates=list(wanted.values()),
            )
        )
    return rows


def _units_of(parts: Iterable[Fulfilment]) -> dict[UUID, HandlingUnit]:
    uuids = [part.unit_uuid for part in parts if part.unit_uuid]
    return dict(HandlingUnit.objects.in_bulk(uuids, field_name="uuid"))


def _parcel_row(part: Fulfilment, units: dict[UUID, HandlingUnit]) -> ParcelRow:
    return ParcelRow(
        fulfilment=part,
        unit=units.get(part.unit_uuid) if part.unit_uuid else None,
        recipient_masked=recipient_masked(part.order),
        ready_since=part.ready_since,
    )
