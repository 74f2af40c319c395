"""When a lot falls short, one act cuts all its open lines by the fair-share rule (C9).

    refund       the missing part goes back at once, by line
    substitute   the packer may take another lot of the same product, while one is to be had; else as refund
    ask          the buyer is asked, and has two hours; silence is refund

Somebody with an allergy lock never gets another product's lot. Orders are locked in the order of their keys,
so two shortages at once wait for each other instead of dead-locking.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from catalog.kinds import LotStatus
from catalog.models import Lot
from catalog.services.stock import release_reservation
from marketplace.custody.models import HandlingUnit
from marketplace.custody.services import Holder, close_unit, hand_over
from marketplace.kernel import clock
from marketplace.kernel.errors import N_, Conflict, InvalidInput, NotFound
from marketplace.kernel.principal import Principal
from orders.models import Line, LineRefund, RefundReason, Substitution
from orders.services.fulfilment.weigh_in import weighed_g
from orders.services.locking import LockedOrder, lock_order, lock_order_of_line, save
from orders.services.notices import tell
from orders.services.redress.cancelling import cancel_fulfilment
from orders.services.redress.claims import require_recipient
from orders.services.redress.refunding import refund_line_money
from orders.sharing import fair_share
from orders.states import BEFORE_PACKING, LineStatus

#: who may send a crate back from where
KEEPERS = {"hub": "hub_operator", "station": "information_officer"}
DRY_RUN = "-"
ANSWER_WITHIN = timedelta(hours=2)
MAX_WHY = 200
AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Shortfall:
    """What one act did: how many lines it cut, how many were asked, how many a packer may substitute."""

    cut: int = 0
    asked: int = 0
    substituted: int = 0
    refunded_fen: int = field(default=0, compare=False)
    """What goes back to the buyers of these orders at once, a parcel's delivery fee included."""


def declare_shortage(*, principal: Principal, lot_uuid: UUID, available: int, why: str) -> Shortfall:
    """The farmer or his station says how much of a lot there will be, in the lot's unit.

    Raises NotFound for somebody else's lot, InvalidInput.
    """
    principal.require_signed_in()
    lot = _lot(lot_uuid)
    mine = principal.has("farmer", lot.seller.uuid)
    if not mine and not (lot.station and principal.has("information_officer", lot.station.uuid)):
        raise NotFound(field="lot_id")
    if available < 0:
        raise InvalidInput(N_("数量不能为负"), field="available")
    if not 1 <= len(why.strip()) <= MAX_WHY:
        raise InvalidInput(N_("请写明原因（200 字以内）"), field="why")
    return cut_open_lines(lot=lot, available=available, why=why.strip(), by=principal.user_uuid)


def preview_shortage(*, principal: Principal, lot_uuid: UUID, available: int) -> Shortfall:
    """What `declare_shortage` would do now, done and undone, so that both say the same. Raises as it does."""
    with transaction.atomic():
        done = declare_shortage(principal=principal, lot_uuid=lot_uuid, available=available, why=DRY_RUN)
        transaction.set_rollback(True)
    return done


def preview_crate_return(*, principal: Principal, unit_uuid: UUID) -> Shortfall:
    """What `return_crate` would do now, done and undone. Raises as it does."""
    with transaction.atomic():
        done = return_crate(principal=principal, unit_uuid=unit_uuid, why=DRY_RUN)
        transaction.set_rollback(True)
    return done


def return_crate(*, principal: Principal, unit_uuid: UUID, why: str, replaced: bool = False) -> Shortfall:
    """A crate goes back to its farmer, from the hub or from his station's scale.

    At the hub, what the lot's other crates there do not cover is cut. At the station, what this crate held is
    cut unless other crates cover it; with `replaced` the farmer brings other goods, and nothing is cut.

    Order of effects: crate handed to the farmer, closed -> lines cut, refunded. Raises NotFound for a crate
    that is not at the asker's hub or station, Conflict for one that holds no farmer's goods, InvalidInput.
    """
    principal.require_signed_in()
    if not 1 <= len(why.strip()) <= MAX_WHY:
        raise InvalidInput(N_("请写明原因（200 字以内）"), field="why")
    crate = HandlingUnit.objects.prefetch_related("contents").filter(uuid=unit_uuid, kind="crate").first()
    if crate is None:
        raise NotFound(field="unit_id")
    here = Holder(crate.holder_kind, crate.holder_uuid)
    if here.kind not in KEEPERS or not principal.has(KEEPERS[here.kind], here.uuid):
        raise NotFound(field="unit_id")
    lots = {
        content.content_uuid: content.grams
        for content in crate.contents.all()
        if content.kind == "lot" and content.grams
    }
    if not lots:
        raise Conflict(N_("筐 %(code)s 里没有农户的货"), field="unit_id", params={"code": crate.code})
    with transaction.atomic():
        done = Shortfall()
        for lot_uuid, grams in lots.items():
            lot = _lot(lot_uuid)
            hand_over(
                unit=crate,
                to=Holder("farmer", lot.seller.uuid),
                place_uuid=_place_of(here, lot),
                actor_uuid=principal.user_uuid,
                expected_from=here,
                proof={"kind": "returned", "why": why.strip()},
            )
            close_unit(unit=crate)
            if replaced:
                continue
            left = _left_at_station(lot, grams) if here.kind == "station" else _left_at_hub(here, lot)
            done = cut_open_lines(lot=lot, available=left, why=why.strip(), by=principal.user_uuid)
    return done


def cut_open_lines(*, lot: Lot, available: int, why: str, by: UUID | None = None) -> Shortfall:
    """Share `available` (in the lot's unit) among all lines of the lot that are paid and not packed."""
    with transaction.atomic():
        orders = _open_lines(lot).order_by("order_id").values_list("order__uuid", flat=True).distinct()
        locked = [lock_order(uuid=uuid) for uuid in orders]
        lines = [(order, line) for order in locked for line in _open_of(order, lot)]
        if not lines:
            return Shortfall()
        before_fen = _refunded_fen(locked)
        shares = fair_share(available=available, wanted={line.pk: line.quantity for _, line in lines})
        spare = _spare_of_product(lot)
        cut = asked = substituted = 0
        for order, line in lines:
            missing = line.quantity - shares[line.pk]
            if not missing:
                continue
            wish = Substitution.REFUND if line.allergy_lock else Substitution(line.substitution)
            if wish == Substitution.SUBSTITUTE and missing <= spare:
                spare -= missing
                substituted += 1
            elif wish == Substitution.ASK and missing <= spare:
                _ask(order, line, missing=missing, why=why)
                asked += 1
            else:
                _cut(order, line, kept=shares[line.pk], why=why, by=by)
                cut += 1
        refunded_fen = _refunded_fen(locked) - before_fen
    return Shortfall(cut=cut, asked=asked, substituted=substituted, refunded_fen=refunded_fen)


def answer_shortage(*, principal: Principal, line_uuid: UUID, choice: str) -> Line:
    """The buyer's word about a line that he was asked about: refund the missing part, or substitute it.

    Raises NotFound, Conflict when nobody asks (any more), InvalidInput.
    """
    if choice not in (Substitution.REFUND, Substitution.SUBSTITUTE):
        raise InvalidInput(N_("请选择退款或换同类"), field="choice")
    with transaction.atomic():
        locked = lock_order_of_line(uuid=line_uuid)
        line = locked.line(line_uuid)
        require_recipient(principal, locked.order, field="line_id")
        if line.asked_until is None or line.status != LineStatus.FIRM:
            raise Conflict(N_("这一行现在不需要答复"), field="line_id")
        if choice == Substitution.SUBSTITUTE:
            save(line, substitution=choice, asked_until=None, short_quantity=0)
        else:
            _cut(locked, line, kept=line.quantity - line.short_quantity, why="", by=principal.user_uuid)
    return line


def settle_unanswered() -> int:
    """Two hours without an answer: the missing part goes back. Gives how many lines."""
    due = Line.objects.filter(asked_until__lte=clock.now(), status=LineStatus.FIRM)
    uuids = list(due.order_by("asked_until").values_list("uuid", flat=True)[:AT_ONCE])
    for uuid in uuids:
        with transaction.atomic():
            locked = lock_order_of_line(uuid=uuid)
            line = locked.line(uuid)
            if line.asked_until is not None and line.status == LineStatus.FIRM:
                _cut(locked, line, kept=line.quantity - line.short_quantity, why="", by=None)
    return len(uuids)


def note_stock_fell_short(*, lot_uuid: UUID, missing: int) -> Shortfall:
    """catalog.StockFellShort: promised goods left the shelf; who was promised them shares the rest."""
    lot = _lot(lot_uuid)
    promised = sum(_open_lines(lot).values_list("quantity", flat=True))
    return cut_open_lines(lot=lot, available=max(0, promised - missing), why="")


def _cut(order: LockedOrder, line: Line, *, kept: int, why: str, by: UUID | None) -> None:
    """The value of what is missing goes back, once; a line with nothing left ends, an empty parcel too."""
    kept_fen = line.ordered.amount_fen(kept)
    refund_line_money(
        order,
        line,
        amount_fen=max(0, line.kept_fen - kept_fen),
        reason=RefundReason.SHORT,
        key=f"short:{line.uuid}:{kept}",
        note=why[:200],
        by=by,
    )
    save(line, asked_until=None, short_quantity=line.quantity - kept)
    if kept:
        return
    part = order.fulfilment(line.fulfilment.uuid)
    if all(one.status == LineStatus.REFUNDED or one.pk == line.pk for one in order.lines_of(part)):
        cancel_fulfilment(order, part, reason=RefundReason.SHORT, by=by)
    else:
        order.move_line(line, LineStatus.REFUNDED, final_amount_fen=0)
        release_reservation(reference=order.order.uuid, lot_uuids=[line.lot.uuid])


def _ask(order: LockedOrder, line: Line, *, missing: int, why: str) -> None:
    until = clock.now() + ANSWER_WITHIN
    save(line, asked_until=until, short_quantity=missing)
    params = {
        "number": order.order.number,
        "product": line.listing["product"],
        "why": why,
        "until": until.astimezone(clock.SHANGHAI).strftime("%m-%d %H:%M"),
    }
    tell(order.order, "shortage_ask", params, reference=line.uuid)


def _open_lines(lot: Lot) -> QuerySet[Line]:
    rows: QuerySet[Line] = Line.objects.filter(
        lot=lot, status=LineStatus.FIRM, fulfilment__status__in=[status.value for status in BEFORE_PACKING]
    )
    return rows


def _open_of(order: LockedOrder, lot: Lot) -> Sequence[Line]:
    """Re-read under the lock: what was packed or cancelled meanwhile is no longer open."""
    return [
        line
        for line in order.lines
        if line.lot_id == lot.pk
        and line.status == LineStatus.FIRM
        and order.fulfilment(line.fulfilment.uuid).status in BEFORE_PACKING
    ]


def _spare_of_product(lot: Lot) -> int:
    """How much of the same product other lots of the hub still have for anybody."""
    others = Lot.objects.filter(product=lot.product_id, hub=lot.hub_id, status=LotStatus.LISTED)
    return sum(others.exclude(pk=lot.pk).values_list("available_quantity", flat=True))


def _refunded_fen(orders: Sequence[LockedOrder]) -> int:
    rows = LineRefund.objects.filter(order__in=[one.order.pk for one in orders], failed_at=None)
    return sum(rows.values_list("amount_fen", flat=True))


def _place_of(here: Holder, lot: Lot) -> UUID:
    """Where the crate changes hands."""
    if here.kind == "station" and lot.station is not None:
        return lot.station.place.uuid
    return lot.hub.place.uuid


def _left_at_hub(hub: Holder, lot: Lot) -> int:
    return _in_unit(lot, _grams_at(hub, lot.uuid))


def _left_at_station(lot: Lot, returned_g: int) -> int:
    """What today's other crates hold, or what is promised less this crate: more may still be brought."""
    promised = sum(line.quantity - line.short_quantity for line in _open_lines(lot))
    other_g = weighed_g(lot=lot, day=clock.today())
    return max(_in_unit(lot, other_g), promised - _in_unit(lot, returned_g))


def _grams_at(hub: Holder, lot_uuid: UUID) -> int:
    crates = HandlingUnit.objects.filter(kind="crate", holder_kind=hub.kind, holder_uuid=hub.uuid)
    rows = crates.filter(contents__kind="lot", contents__content_uuid=lot_uuid)
    return sum(rows.values_list("contents__grams", flat=True))


def _in_unit(lot: Lot, grams: int) -> int:
    return grams // lot.product.unit_net_g if lot.unit == "piece" and lot.product.unit_net_g else grams


def _lot(uuid: UUID) -> Lot:
    found: Lot | None = (
        Lot.objects.select_related("product", "seller", "station__place", "hub__place")
        .filter(uuid=uuid)
        .first()
    )
    if found is None:
        raise NotFound(field="lot_id")
    return found
