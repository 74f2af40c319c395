"""Ending a fulfilment or a whole order before anybody collects it: money back, stock, cell and van freed."""

from uuid import UUID

from django.db import transaction

from catalog.services.stock import release_reservation
from marketplace.kernel import clock
from marketplace.kernel.errors import NotFound
from marketplace.kernel.principal import Principal
from marketplace.outbox.publishing import publish
from orders.errors import PastCutOff
from orders.events import FulfilmentCancelled, OrderCancelled, OrderCompleted
from orders.models import Fulfilment, Order, RefundReason
from orders.payments.services import cancel_group
from orders.services import road
from orders.services.locking import LockedOrder, lock_order
from orders.services.redress.refunding import refund_delivery, refund_line_money
from orders.states import (
    FULFILMENT_MOVES,
    FulfilmentStatus,
    LineStatus,
    OrderStatus,
    status_from_parts,
)


def cancel_order(*, principal: Principal, order_uuid: UUID) -> Order:
    """The buyer (or the station that ordered for a villager) changes his mind, until the cut-off.

    An unpaid order is closed; a paid one is paid back in full. Doing it twice is the same.
    Raises NotFound for anybody else's order, PastCutOff.
    """
    principal.require_signed_in()
    with transaction.atomic():
        locked = lock_order(uuid=order_uuid, field="order_id")
        require_own(principal, locked.order)
        if locked.order.status in (OrderStatus.CLOSED, OrderStatus.CANCELLED):
            return locked.order
        if locked.order.status == OrderStatus.AWAITING_PAYMENT:
            close_unpaid(locked, why="buyer")
            cancel_group(reference=locked.order.uuid, why="buyer")
            return locked.order
        if locked.order.status != OrderStatus.PAID or clock.now() >= locked.order.cut_off_at:
            raise PastCutOff(field="order_id")
        cancel_paid_order(locked, reason=RefundReason.CANCELLED, by=principal.user_uuid)
    return locked.order


def close_unpaid(locked: LockedOrder, *, why: str) -> None:
    """End an order that nobody paid: its parts, then stock and cells. The payment group is the caller's.

    Money that still arrives finds the order closed and goes back (`paying.accept_payment`).
    """
    locked.move_order(OrderStatus.CLOSED, ended_at=clock.now(), why_ended=why)
    for part in locked.fulfilments:
        locked.move_fulfilment(part, FulfilmentStatus.CANCELLED, why_cancelled=why)
        road.release(part)
    for line in locked.lines:
        locked.move_line(line, LineStatus.CLOSED)
    release_reservation(reference=locked.order.uuid)
    publish(
        OrderCancelled(order=locked.order.uuid, why=why),
        aggregate_kind="order",
        aggregate_uuid=locked.order.uuid,
    )


def cancel_paid_order(locked: LockedOrder, *, reason: RefundReason, by: UUID | None = None) -> None:
    """End every open fulfilment; the order follows from its parts."""
    for part in locked.fulfilments:
        if not FULFILMENT_MOVES.is_final(part.status):
            cancel_fulfilment(locked, part, reason=reason, by=by)


def cancel_fulfilment(
    locked: LockedOrder, part: Fulfilment, *, reason: RefundReason, by: UUID | None = None
) -> None:
    """End one fulfilment: refund its lines and delivery, free stock, cell and van, then look at the order."""
    locked.move_fulfilment(part, FulfilmentStatus.CANCELLED, why_cancelled=reason.value, held=False)
    for line in locked.lines_of(part):
        refund_line_money(
            locked, line, amount_fen=line.kept_fen, reason=reason, key=f"cancel:{line.uuid}", by=by
        )
        if line.status != LineStatus.REFUNDED:
            locked.move_line(line, LineStatus.REFUNDED, final_amount_fen=0)
    refund_delivery(locked, part, reason=reason, by=by)
    release_reservation(
        reference=locked.order.uuid, lot_uuids=[line.lot.uuid for line in locked.lines_of(part)]
    )
    road.release(part)
    publish(
        FulfilmentCancelled(fulfilment=part.uuid, why=reason.value),
        aggregate_kind="order",
        aggregate_uuid=locked.order.uuid,
        actor_uuid=by,
    )
    follow_parts(locked, why=reason.value)


def follow_parts(locked: LockedOrder, *, why: str = "") -> None:
    """Let a paid order's state follow from its fulfilments, and say so when it ended."""
    order = locked.order
    new = status_from_parts([part.status for part in locked.fulfilments])
    if order.status != OrderStatus.PAID or new == OrderStatus.PAID:
        return
    locked.move_order(new, ended_at=clock.now(), why_ended=why)
    event = (
        OrderCompleted(order=order.uuid)
        if new == OrderStatus.COMPLETED
        else OrderCancelled(order=order.uuid, why=why)
    )
    publish(event, aggregate_kind="order", aggregate_uuid=order.uuid)


def require_own(principal: Principal, order: Order) -> None:
    """The recipient himself, the station that ordered for him, or the platform. Others learn nothing."""
    if order.buyer_id and order.buyer is not None and order.buyer.uuid == principal.user_uuid:
        return
    station = order.agent_station
    if station is not None and principal.has("information_officer", station.uuid):
        return
    if not principal.has("platform"):
        raise NotFound(field="order_id")
