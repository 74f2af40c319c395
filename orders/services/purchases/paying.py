"""From money to a firm order. The payment app says what happened; here is what it means.

`paid` follows the event GroupSucceeded only: it is published in the transaction that captured the money,
so the ledger already says so. An order and its payment can miss each other in three ways, and each ends
in an order or in a refund: the window passes (GroupClosed), money comes for a closed order, or what was
reserved is gone.
"""

import logging
from datetime import timedelta
from uuid import UUID

from django.db import transaction

from catalog.errors import ReservationExpired
from catalog.services.stock import firm_reservation, reserve
from marketplace.kernel import clock
from marketplace.kernel.errors import DomainError, NotFound
from marketplace.kernel.money import format_yuan
from marketplace.kernel.principal import Principal
from marketplace.outbox.publishing import publish
from orders.errors import NotPayable
from orders.events import OrderPaid
from orders.models import Order, RefundReason
from orders.payments.services import confirm_group, payment_of
from orders.services import road
from orders.services.locking import LockedOrder, lock_order, save
from orders.services.notices import tell
from orders.services.redress.cancelling import cancel_paid_order, close_unpaid, require_own
from orders.services.redress.refunding import refund_delivery, refund_line_money
from orders.states import FulfilmentStatus, LineStatus, OrderStatus

log = logging.getLogger(__name__)
#: what was reserved is gone when the money arrives: taken again, if anything is left, for this long
GRACE = timedelta(minutes=15)


def make_pay_link(*, principal: Principal, order_uuid: UUID, return_url: str) -> str:
    """The address where the order is paid. Call it outside any transaction: it asks the gateway.

    Raises NotFound, NotPayable, and payments' ProviderAway when there is no clear answer now.
    """
    order = Order.objects.select_related("buyer", "agent_station").filter(uuid=order_uuid).first()
    if order is None:
        raise NotFound(field="order_id")
    require_own(principal, order)
    if order.status != OrderStatus.AWAITING_PAYMENT or clock.now() >= order.pay_until:
        raise NotPayable(field="order_id")
    return confirm_group(group=payment_of(reference=order.uuid), return_url=return_url).url


def accept_payment(*, order_uuid: UUID) -> None:
    """GroupSucceeded: make the order firm, or give everything back. Doing it twice is the same."""
    with transaction.atomic():
        locked = lock_order(uuid=order_uuid)
        if locked.order.status == OrderStatus.AWAITING_PAYMENT:
            _make_firm(locked)
        elif locked.order.status == OrderStatus.CLOSED:
            _return_late_payment(locked)


def close_after_payment_window(*, order_uuid: UUID, why: str) -> None:
    """GroupClosed: nobody will pay this any more; stock and cells are free at once."""
    with transaction.atomic():
        locked = lock_order(uuid=order_uuid)
        if locked.order.status != OrderStatus.AWAITING_PAYMENT:
            return
        close_unpaid(locked, why="unpaid" if why == "expired" else why)
        tell(locked.order, "order_closed", {"number": locked.order.number})


def flag_late_payment(*, order_uuid: UUID) -> None:
    """LatePaymentReturned: the payment app already gave it back; somebody should know."""
    Order.objects.filter(uuid=order_uuid).update(attention="late_payment")


def _make_firm(locked: LockedOrder) -> None:
    order = locked.order
    locked.move_order(OrderStatus.PAID, paid_at=clock.now())
    for line in locked.lines:
        locked.move_line(line, LineStatus.FIRM)
    for part in locked.fulfilments:
        locked.move_fulfilment(part, FulfilmentStatus.FIRM)
    publish(OrderPaid(order=order.uuid), aggregate_kind="order", aggregate_uuid=order.uuid)
    try:
        with transaction.atomic():
            _firm_stock(locked)
            for part in locked.fulfilments:
                road.firm(part)
                save(part, shipment_uuid=road.request(locked, part))
    except DomainError as error:
        # Paid, but the goods or the cell are gone (the window and the sweep crossed): never silence.
        log.warning("order %s paid but not orderable: %s", order.number, error)
        save(order, attention=error.error_code)
        cancel_paid_order(locked, reason=RefundReason.LATE_PAYMENT)
        return
    amount = format_yuan(order.agreed_max_fen)
    tell(order, "order_paid", {"number": order.number, "amount": amount})


def _firm_stock(locked: LockedOrder) -> None:
    """Firm what is held; what the sweep gave back is taken again if it is still there."""
    reference = locked.order.uuid
    try:
        with transaction.atomic():
            firm_reservation(reference=reference)
    except (ReservationExpired, NotFound):
        lines = [(line.lot.uuid, line.quantity) for line in locked.lines]
        reserve(reference=reference, lines=lines, expires_at=clock.now() + GRACE)
        firm_reservation(reference=reference)


def _return_late_payment(locked: LockedOrder) -> None:
    save(locked.order, attention="late_payment", paid_at=clock.now())
    for line in locked.lines:
        refund_line_money(
            locked,
            line,
            amount_fen=line.kept_fen,
            reason=RefundReason.LATE_PAYMENT,
            key=f"late:{line.uuid}",
        )
    for part in locked.fulfilments:
        refund_delivery(locked, part, reason=RefundReason.LATE_PAYMENT)
