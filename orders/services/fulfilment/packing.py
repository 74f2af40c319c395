"""Packing: portions leave crates and become one parcel; what was agreed and not delivered goes back by line.

Up goods are packed at their origin hub after the village loop (consolidation), or, for a direct leg, at their
origin station before the van comes. Goods down are packed at the hub in the morning. Nothing is handed over
unweighed: a line without a portion counts as missing and is refunded.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from catalog.models import Lot
from catalog.services.stock import consume_reservation
from marketplace.custody.errors import WrongHolder
from marketplace.custody.models import HandlingUnit
from marketplace.custody.services import Content, Holder, create_unit, transform
from marketplace.kernel import clock
from marketplace.kernel.errors import N_, InvalidInput, NotFound
from marketplace.kernel.principal import Principal
from marketplace.outbox.publishing import publish
from orders.errors import AlreadyPacked
from orders.events import FulfilmentPacked
from orders.models import Fulfilment, Line, PortionWeight, RefundReason, Substitution
from orders.services.access import actor_uuid
from orders.services.fulfilment.shrinkage import settle_shrinkage
from orders.services.locking import LockedOrder, lock_order_of_fulfilment
from orders.services.purchases.goods import WRAPPING_PERCENT
from orders.services.redress.cancelling import cancel_fulfilment
from orders.services.redress.refunding import refund_line_money
from orders.splitting import Way
from orders.states import BEFORE_PACKING, FulfilmentStatus, LineStatus
from orders.weighing import check_portion

#: how far a parcel for a village may be off the weight that its goods should have
PLAUSIBLE_PERCENT = 50


@dataclass(frozen=True, slots=True)
class Portion:
    """Grams of one line on the scale, taken out of one crate."""

    line_uuid: UUID
    unit_uuid: UUID
    net_g: int


@dataclass(frozen=True, slots=True)
class _Taken:
    """A portion whose line, crate and content have been found and checked."""

    line: Line
    crate: HandlingUnit
    lot: Lot
    net_g: int


def pack_fulfilment(
    *, principal: Principal, fulfilment_uuid: UUID, portions: Sequence[Portion]
) -> tuple[Fulfilment, HandlingUnit | None]:
    """Make the parcel of a fulfilment from weighed portions.

    Order of effects: portions are checked -> parcel unit, grams leave the crates, PortionWeight rows -> each
    line gets its final amount, the difference is refunded -> stock is consumed -> FulfilmentPacked -> the
    packer answers for what was lost. When all portions are missing, the fulfilment ends, everything goes
    back, and there is no unit.
    Raises AlreadyPacked, Forbidden, NotFound, InvalidInput (naming `portions[i]...`), WrongHolder, NotEnough.
    """
    with transaction.atomic():
        locked = lock_order_of_fulfilment(uuid=fulfilment_uuid)
        part = locked.fulfilment(fulfilment_uuid)
        packer = packer_of(part, locked.lines_of(part))
        principal.require(_role(packer), packer.uuid)
        if part.status not in BEFORE_PACKING or part.way == Way.DOWN:
            raise AlreadyPacked(field="fulfilment_id")
        taken = _find(locked.lines_of(part), portions, packer)
        if not any(portion.net_g for portion in taken):
            cancel_fulfilment(locked, part, reason=RefundReason.SHORT, by=principal.user_uuid)
            return part, None
        unit = _make_parcel(part, taken, packer, principal)
        for line in locked.lines_of(part):
            _settle_weight(locked, line, [p for p in taken if p.line.pk == line.pk], principal)
        _finish(locked, part, unit, principal)
        for lot in {portion.lot.pk: portion.lot for portion in taken}.values():
            settle_shrinkage(lot=lot, day=part.deliver_on, packer=packer)
    return part, unit


def pack_shipment(*, principal: Principal, shipment_uuid: UUID, weight_g: int) -> HandlingUnit:
    """Make the parcel of goods that go down: all pieces as ordered, one weight for the waybill.

    Raises NotFound, Forbidden, AlreadyPacked, InvalidInput for a weight that these goods cannot have.
    """
    found = Fulfilment.objects.filter(shipment_uuid=shipment_uuid, way=Way.DOWN).values_list(
        "uuid", flat=True
    )
    if not found:
        raise NotFound(field="shipment_id")
    with transaction.atomic():
        locked = lock_order_of_fulfilment(uuid=found[0], field="shipment_id")
        part = locked.fulfilment(found[0])
        hub = Holder("hub", part.origin_hub.uuid)
        principal.require("hub_operator", hub.uuid)
        if part.status not in BEFORE_PACKING:
            raise AlreadyPacked(field="shipment_id")
        _check_parcel_weight(part, weight_g)
        lines = locked.lines_of(part)
        unit = create_unit(
            kind="parcel",
            zone=part.zone,
            gross_g=weight_g,
            volume_ml=part.volume_ml,
            size=part.size,
            holder=hub,
            reference=part.uuid,
            contents=[Content("lot", line.lot.uuid, line.ordered.net_g) for line in lines],
            place_uuid=part.origin_hub.place.uuid,
            actor_uuid=principal.user_uuid,
        )
        for line in lines:
            locked.move_line(line, LineStatus.PACKED, final_amount_fen=line.max_amount_fen)
        _finish(locked, part, unit, principal)
    return unit


def packer_of(part: Fulfilment, lines: Sequence[Line]) -> Holder:
    """Who packs it: the origin station for a direct leg, else the origin hub."""
    if part.way != Way.DIRECT:
        return Holder("hub", part.origin_hub.uuid)
    station = lines[0].origin_station
    assert station is not None  # direct goods come from a station
    return Holder("station", station.uuid)


def _role(packer: Holder) -> str:
    return "hub_operator" if packer.kind == "hub" else "information_officer"


def _find(lines: Sequence[Line], portions: Sequence[Portion], packer: Holder) -> list[_Taken]:
    by_uuid = {line.uuid: line for line in lines}
    crates = HandlingUnit.objects.prefetch_related("contents").in_bulk(
        {portion.unit_uuid for portion in portions}, field_name="uuid"
    )
    lots = _lots_in(crates.values())
    taken: list[_Taken] = []
    totals: dict[UUID, int] = defaultdict(int)
    for index, portion in enumerate(portions):
        line = by_uuid.get(portion.line_uuid)
        if line is None:
            raise NotFound(field=f"portions[{index}].line_id")
        crate = crates.get(portion.unit_uuid)
        if crate is None or crate.kind == "parcel":
            raise NotFound(field=f"portions[{index}].unit_id")
        if Holder(crate.holder_kind, crate.holder_uuid) != packer:
            raise WrongHolder(field=f"portions[{index}].unit_id", params={"code": crate.code})
        totals[line.uuid] += portion.net_g
        field = f"portions[{index}].net_weight_g"
        if portion.net_g < 0:
            raise InvalidInput(N_("重量不能为负"), field=field)
        check_portion(line.ordered, totals[line.uuid], field=field)
        lot = _lot_for(line, crate, lots, f"portions[{index}].unit_id")
        taken.append(_Taken(line, crate, lot, portion.net_g))
    return taken


def _lots_in(crates: Iterable[HandlingUnit]) -> dict[UUID, Lot]:
    uuids = {content.content_uuid for crate in crates for content in crate.contents.all()}
    rows = Lot.objects.select_related("product", "seller")
    return dict(rows.in_bulk(uuids, field_name="uuid"))


def _lot_for(line: Line, crate: HandlingUnit, lots: dict[UUID, Lot], field: str) -> Lot:
    """The content that serves the line: its own lot, or another lot of the product where that is agreed."""
    inside = [lots[content.content_uuid] for content in crate.contents.all() if content.content_uuid in lots]
    for lot in inside:
        if lot.pk == line.lot_id:
            return lot
    if line.substitution == Substitution.SUBSTITUTE:
        for lot in inside:
            if lot.product_id == line.lot.product_id:
                return lot
    raise InvalidInput(N_("筐 %(code)s 里不是这个批次"), field=field, params={"code": crate.code})


def _make_parcel(
    part: Fulfilment, taken: Sequence[_Taken], packer: Holder, principal: Principal
) -> HandlingUnit:
    grams: dict[UUID, int] = defaultdict(int)
    for portion in taken:
        grams[portion.lot.uuid] += portion.net_g
    net_g = sum(grams.values())
    unit = create_unit(
        kind="parcel",
        zone=part.zone,
        gross_g=net_g + net_g * WRAPPING_PERCENT // 100,
        volume_ml=part.volume_ml,
        size=part.size,
        holder=packer,
        reference=part.uuid,
        contents=[Content("lot", lot, net) for lot, net in grams.items() if net],
        actor_uuid=principal.user_uuid,
    )
    inputs = [(p.crate, Content("lot", p.lot.uuid, p.net_g)) for p in taken if p.net_g]
    transform(kind="portion", inputs=inputs, output=unit, actor_uuid=principal.user_uuid)
    PortionWeight.objects.bulk_create(
        PortionWeight(
            line=portion.line,
            lot=portion.lot,
            crate_uuid=portion.crate.uuid,
            net_g=portion.net_g,
            at=clock.now(),
            packed_by_uuid=actor_uuid(principal),
        )
        for portion in taken
    )
    return unit


def _settle_weight(locked: LockedOrder, line: Line, taken: Sequence[_Taken], principal: Principal) -> None:
    """The weighed amount becomes final, at most what was agreed; the rest goes back for this line."""
    if line.status != LineStatus.FIRM:
        return
    net_g = sum(portion.net_g for portion in taken)
    final_fen = line.ordered.final_amount_fen(net_g)
    new = LineStatus.PACKED if final_fen else LineStatus.REFUNDED
    locked.move_line(line, new, actual_weight_g=net_g, final_amount_fen=final_fen)
    refund_line_money(
        locked,
        line,
        amount_fen=max(0, line.max_amount_fen - final_fen - line.refunded_fen),
        reason=RefundReason.WEIGHT if net_g else RefundReason.SHORT,
        key=f"weight:{line.uuid}",
        by=principal.user_uuid,
    )


def _finish(locked: LockedOrder, part: Fulfilment, unit: HandlingUnit, principal: Principal) -> None:
    locked.move_fulfilment(part, FulfilmentStatus.PACKED, unit_uuid=unit.uuid)
    consume_reservation(
        reference=locked.order.uuid, lot_uuids=[line.lot.uuid for line in locked.lines_of(part)]
    )
    publish(
        FulfilmentPacked(fulfilment=part.uuid, unit=unit.uuid),
        aggregate_kind="order",
        aggregate_uuid=locked.order.uuid,
        actor_uuid=principal.user_uuid,
    )


def _check_parcel_weight(part: Fulfilment, weight_g: int) -> None:
    low = part.gross_g * (100 - PLAUSIBLE_PERCENT) // 100
    high = part.gross_g * (100 + PLAUSIBLE_PERCENT) // 100 + 500
    if not max(1, low) <= weight_g <= high:
        raise InvalidInput(
            N_("包裹应重约 %(expected_g)s 克，请复称"), field="weight_g", params={"expected_g": part.gross_g}
        )
