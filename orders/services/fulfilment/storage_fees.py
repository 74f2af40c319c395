"""Overdue parcels and their money: a fee that opens the door again, or what goes back when nobody came.

Lockers say what is due; here it is paid by a payment of its own, or kept from the refund.

    asked -> paid       the payment arrived, the door opens again
          -> returned   it arrived, and the parcel was already taken out: it goes back
          -> closed     not paid in time
    deducted            the courier took the parcel out; kept from the refund, within what providers share
"""

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext

from lockers.errors import NotCollectable
from lockers.services.sites import storage_rules
from marketplace.kernel import clock, ids
from marketplace.kernel.money import format_yuan
from marketplace.kernel.principal import Principal
from marketplace.outbox.publishing import publish
from orders.errors import NotPayable
from orders.events import FulfilmentCancelled
from orders.ledger.accounts import AccountKind
from orders.ledger.services import settle
from orders.models import FeeStatus, Fulfilment, Line, Order, PaymentMethod, RefundReason, StorageFee
from orders.payments.services import (
    IntentSpec,
    PartSpec,
    cancel_group,
    confirm_group,
    open_group,
    order_settlement,
    payment_of,
    refund,
)
from orders.pricing import ROYALTY_CAP_BP
from orders.services import road
from orders.services.fulfilment.staying import note_removed
from orders.services.locking import LockedOrder, lock_order_of_fulfilment, save
from orders.services.notices import tell
from orders.services.redress.cancelling import follow_parts, require_own
from orders.services.redress.refunding import refund_line_money
from orders.services.settlement.payouts import plan_payouts
from orders.services.settlement.settling import settle_delivery
from orders.states import FulfilmentStatus, LineStatus

PAY_WITHIN = timedelta(minutes=12)


def ask_storage_fee(*, principal: Principal, fulfilment_uuid: UUID) -> StorageFee | None:
    """What the recipient of an overdue parcel pays to have its door open again; None when nothing is due and
    it opens at once.

    Asked again it is the same payment, until more is due. Raises NotFound, NotCollectable.
    """
    principal.require_signed_in()
    with transaction.atomic():
        locked = lock_order_of_fulfilment(uuid=fulfilment_uuid)
        require_own(principal, locked.order)
        amount_fen, until = storage_rules.fee_to_pay(reference=fulfilment_uuid)
        if amount_fen == 0:
            storage_rules.reopen_paid(reference=fulfilment_uuid, paid_fen=0, until=until)
            save(locked.fulfilment(fulfilment_uuid), hold_until=until)
            return None
        return _asked(locked.fulfilment(fulfilment_uuid), amount_fen)


def _asked(part: Fulfilment, amount_fen: int) -> StorageFee:
    standing: StorageFee | None = StorageFee.objects.filter(fulfilment=part, status=FeeStatus.ASKED).first()
    if standing is not None:
        if standing.amount_fen == amount_fen and standing.payable:
            return standing
        cancel_group(reference=standing.uuid, why="replaced")
        _move(standing, FeeStatus.CLOSED)
    pay_until = clock.now() + PAY_WITHIN
    fee: StorageFee = StorageFee.objects.create(
        fulfilment=part,
        amount_fen=amount_fen,
        status=FeeStatus.ASKED,
        intent_reference=ids.uuid7(),
        asked_at=clock.now(),
        pay_until=pay_until,
    )
    open_group(
        reference=fee.uuid,
        intents=[
            IntentSpec(
                merchant=None,
                amount_fen=amount_fen,
                description=gettext("逾期保管费"),
                reference=fee.intent_reference,
            )
        ],
        expires_at=pay_until,
    )
    return fee


def make_fee_link(*, fee: StorageFee, return_url: str) -> str:
    """Where it is paid. Call it outside any transaction: it asks the gateway.

    Raises NotPayable, ProviderAway.
    """
    if not fee.payable:
        raise NotPayable(field="reference")
    return confirm_group(group=payment_of(reference=fee.uuid), return_url=return_url).url


def accept_fee(*, fee_uuid: UUID) -> None:
    """GroupSucceeded: the door opens again; or it goes back, since the courier was faster."""
    with transaction.atomic():
        found = _with_order(fee_uuid)
        if found is None or found[0].status not in (FeeStatus.ASKED, FeeStatus.CLOSED):
            return
        fee, locked = found
        part = locked.fulfilment(fee.fulfilment.uuid)
        try:
            with transaction.atomic():
                _, until = storage_rules.fee_to_pay(reference=part.uuid)
                storage_rules.reopen_paid(reference=part.uuid, paid_fen=fee.amount_fen, until=until)
        except NotCollectable:
            why = gettext("包裹已取回，逾期保管费退还")
            refund(
                intent_reference=fee.intent_reference,
                amount_fen=fee.amount_fen,
                reason=why,
                key=f"storage:{fee.uuid}",
            )
            _move(fee, FeeStatus.RETURNED)
            return
        _move(fee, FeeStatus.PAID)
        save(part, hold_until=until)
        _earn(fee, locked.order, merchant=None)
        params = {"place": part.destination.name, "until": f"{until.astimezone(clock.SHANGHAI):%m-%d %H:%M}"}
        tell(locked.order, "storage_fee_paid", params, reference=part.uuid)


def close_fee(*, fee_uuid: UUID) -> None:
    """GroupClosed: it was not paid."""
    with transaction.atomic():
        found = _with_order(fee_uuid)
        if found is not None and found[0].status == FeeStatus.ASKED:
            _move(found[0], FeeStatus.CLOSED)


def settle_taken_out(*, fulfilment_uuid: UUID, fee_fen: int) -> None:
    """The courier took out what nobody came for: the goods' money goes back, less the fee; the freight was
    driven and stays earned.

    Goods that may not be returned (fresh ones) are for a person to decide about, as is whatever was taken out
    for another reason.
    """
    with transaction.atomic():
        locked = lock_order_of_fulfilment(uuid=fulfilment_uuid)
        part = locked.fulfilment(fulfilment_uuid)
        lines = [line for line in locked.lines_of(part) if line.status == LineStatus.PACKED]
        if part.status != FulfilmentStatus.READY:
            return
        if part.held or not all(line.listing.get("returnable") for line in lines):
            note_removed(fulfilment_uuid=fulfilment_uuid)
            return
        locked.move_fulfilment(
            part, FulfilmentStatus.CANCELLED, why_cancelled=RefundReason.UNCOLLECTED.value, compartment=""
        )
        left_fen = fee_fen
        for line in lines:
            kept_fen = min(left_fen, line.kept_fen * ROYALTY_CAP_BP // 10_000)
            left_fen -= kept_fen
            _give_back(locked, part, line, kept_fen)
        settle_delivery(locked, part, at=clock.now())
        plan_payouts(locked, part, at=clock.now())
        road.release(part)
        publish(
            FulfilmentCancelled(fulfilment=part.uuid, why=RefundReason.UNCOLLECTED.value),
            aggregate_kind="order",
            aggregate_uuid=locked.order.uuid,
        )
        params = {"place": part.destination.name, "fee": format_yuan(fee_fen - left_fen)}
        tell(locked.order, "parcel_uncollected", params, reference=part.uuid)
        follow_parts(locked, why=RefundReason.UNCOLLECTED.value)


def _give_back(locked: LockedOrder, part: Fulfilment, line: Line, kept_fen: int) -> None:
    refund_line_money(
        locked,
        line,
        amount_fen=line.kept_fen - kept_fen,
        reason=RefundReason.UNCOLLECTED,
        key=f"uncollected:{line.uuid}",
    )
    locked.move_line(line, LineStatus.REFUNDED, final_amount_fen=0)
    if kept_fen:
        fee = StorageFee.objects.create(
            fulfilment=part,
            line=line,
            amount_fen=kept_fen,
            status=FeeStatus.DEDUCTED,
            intent_reference=line.intent_reference,
            asked_at=clock.now(),
            ended_at=clock.now(),
        )
        _earn(fee, locked.order, merchant=line.merchant_uuid)


def _earn(fee: StorageFee, order: Order, *, merchant: UUID | None) -> None:
    """Held money becomes the platform's income: a shared fee of a seller's trade, or the whole of our own."""
    settle(
        key=f"storage:{fee.uuid}",
        merchant=merchant,
        parts={(AccountKind.LOCKER_FEE, None): fee.amount_fen},
        occurred_at=clock.now(),
        reference=order.number,
    )
    if merchant is not None and order.payment == PaymentMethod.CASH:
        return
    order_settlement(
        intent_reference=fee.intent_reference,
        parts=[
            PartSpec(account=AccountKind.LOCKER_FEE, amount_fen=fee.amount_fen, royalty=merchant is not None)
        ],
        key=f"storage:{fee.uuid}",
        memo=order.number,
    )


def _with_order(uuid: UUID) -> tuple[StorageFee, LockedOrder] | None:
    """The fee as it is under its order's lock; None for anything else that was paid."""
    fulfilment = StorageFee.objects.filter(uuid=uuid).values_list("fulfilment__uuid", flat=True).first()
    if fulfilment is None:
        return None
    locked = lock_order_of_fulfilment(uuid=fulfilment)
    return StorageFee.objects.select_related("fulfilment").get(uuid=uuid), locked


def _move(fee: StorageFee, status: FeeStatus) -> None:
    fee.status, fee.ended_at = status, clock.now()
    fee.save(update_fields=["status", "ended_at"])
