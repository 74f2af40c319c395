"""Money back, line by line, to the intent that paid for it; never more than was paid.

A line that was already settled is first taken back from its parties (exactly what each earned of the
difference), so that held money covers the refund. `key` makes each refund happen once, however often asked.
"""

from uuid import UUID

from django.db import transaction

from farmers.models import Station
from marketplace.kernel import clock
from marketplace.kernel.errors import N_, InvalidInput
from marketplace.kernel.money import format_yuan
from marketplace.kernel.principal import Principal
from orders.errors import NotPayable, RefundTooLarge
from orders.ledger.services import take_back
from orders.models import Fulfilment, Line, LineRefund, RefundReason
from orders.payments.services import refund
from orders.services.locking import LockedOrder, lock_order, lock_order_of_line, save
from orders.services.notices import tell_refund
from orders.services.settlement.settling import Parts, goods_taken_back


def refund_line(
    *, principal: Principal, line_uuid: UUID, amount_fen: int, reason: str, key: str | None = None
) -> LineRefund:
    """A claim granted: by the platform, or by the station that sold or bought for somebody.

    Raises Forbidden, NotFound, InvalidInput, NotPayable before payment, RefundTooLarge.
    """
    principal.require_signed_in()
    if not 1 <= len(reason.strip()) <= 200:
        raise InvalidInput(N_("请写明退款原因（200 字以内）"), field="reason")
    if amount_fen <= 0:
        raise InvalidInput(N_("退款金额须大于零"), field="amount_fen")
    with transaction.atomic():
        locked = lock_order_of_line(uuid=line_uuid)
        line = locked.line(line_uuid)
        _require_refunder(principal, locked, line)
        if locked.order.paid_at is None:
            raise NotPayable(N_("这个订单没有付款，不能退款"), field="line_id")
        made = refund_line_money(
            locked,
            line,
            amount_fen=amount_fen,
            reason=RefundReason.CLAIM,
            note=reason.strip(),
            key=key or f"claim:{line.uuid}:{line.refunds.count() + 1}",
            by=principal.user_uuid,
        )
    assert made is not None  # the amount is above zero
    return made


def refund_line_money(
    locked: LockedOrder,
    line: Line,
    *,
    amount_fen: int,
    reason: RefundReason,
    key: str,
    note: str = "",
    by: UUID | None = None,
) -> LineRefund | None:
    """Give `amount_fen` of a line back, once per `key`; nothing for zero. Raises RefundTooLarge."""
    earlier: LineRefund | None = LineRefund.objects.filter(key=key).first()
    if earlier is not None or amount_fen == 0:
        return earlier
    if amount_fen > line.kept_fen:
        raise RefundTooLarge(field="amount_fen", params={"left_yuan": format_yuan(line.kept_fen)})
    parts = None
    if line.settled_at is not None:
        parts = goods_taken_back(
            locked.order, line, before_fen=line.kept_fen, after_fen=line.kept_fen - amount_fen
        )
        take_back(
            key=f"refund:{key}",
            merchant=line.merchant_uuid,
            parts=parts,
            occurred_at=clock.now(),
            reference=locked.order.number,
            memo=line.listing["product"],
        )
    save(line, refunded_fen=line.refunded_fen + amount_fen)
    return _record(
        locked, line, line.intent_reference, amount_fen, reason, key, note=note, by=by, taken_back=parts
    )


def note_refund_failed(*, refund_uuid: UUID) -> None:
    """RefundFailed: the money is held again; the line owes it still, and somebody has to look."""
    row = LineRefund.objects.select_related("line", "order").filter(refund_uuid=refund_uuid).first()
    if row is None:
        return
    with transaction.atomic():
        locked = lock_order(uuid=row.order.uuid)
        row.refresh_from_db()
        if row.failed_at is not None:
            return
        row.failed_at = clock.now()
        row.save(update_fields=["failed_at"])
        if row.line is not None:
            line = locked.line(row.line.uuid)
            save(line, refunded_fen=line.refunded_fen - row.amount_fen)
        save(locked.order, attention="refund_failed")


def order_of_refund(*, refund_uuid: UUID) -> UUID | None:
    """Of a line's refund, or of a delivery's; None for what no order ordered."""
    found = LineRefund.objects.filter(refund_uuid=refund_uuid).values_list("order__uuid", flat=True).first()
    return found


def refund_delivery(
    locked: LockedOrder, part: Fulfilment, *, reason: RefundReason, by: UUID | None = None
) -> LineRefund | None:
    """Give back the fulfilment's part of the delivery fee, unless somebody earned it already."""
    key = f"delivery:{part.uuid}"
    earlier: LineRefund | None = LineRefund.objects.filter(key=key).first()
    intent = locked.order.delivery_intent
    if earlier is not None or not part.delivery_fen or part.delivery_settled_at or intent is None:
        return earlier
    return _record(locked, None, intent, part.delivery_fen, reason, key, by=by)


def _record(
    locked: LockedOrder,
    line: Line | None,
    intent: UUID,
    amount_fen: int,
    reason: RefundReason,
    key: str,
    *,
    note: str = "",
    by: UUID | None = None,
    taken_back: Parts | None = None,
) -> LineRefund:
    ordered = refund(
        intent_reference=intent,
        amount_fen=amount_fen,
        reason=note or reason.value,
        key=key,
        lines=[{"reference": str(line.uuid), "amount_fen": amount_fen}] if line else [],
        taken_back=taken_back,
    )
    row: LineRefund = LineRefund.objects.create(
        order=locked.order,
        line=line,
        reason=reason,
        note=note,
        amount_fen=amount_fen,
        key=key,
        refund_uuid=ordered.uuid,
        at=clock.now(),
        ordered_by_uuid=by,
    )
    tell_refund(locked.order, amount_fen=amount_fen, reason=reason, note=note)
    return row


def _require_refunder(principal: Principal, locked: LockedOrder, line: Line) -> None:
    """The platform, or the officer of the station that sold (代卖) or bought (代买) in somebody's name."""
    station = line.agent_station_uuid
    if station is not None and Station.objects.filter(uuid=station).exists():
        principal.require("information_officer", station)
        return
    principal.require("platform")
