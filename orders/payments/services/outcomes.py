"""What the provider finally said about an attempt: only here does an intent become paid or is given up.

Each function runs in one transaction: lock the group, re-read, move, post, publish. A repeat changes nothing.
"""

import logging
from datetime import datetime

from django.db import transaction

from marketplace.kernel import clock
from marketplace.outbox.publishing import publish
from orders.ledger.accounts import AccountKind
from orders.ledger.services import credit, debit, post
from orders.payments.events import GroupClosed, GroupSucceeded, IntentSucceeded, LatePaymentReturned
from orders.payments.models import Attempt, PaymentGroup, PaymentIntent, Refund
from orders.payments.services.developer_events import tell_charge, tell_intents, tell_refund
from orders.payments.services.locking import lock_group, move
from orders.payments.states import AttemptStatus, GroupStatus, IntentStatus

log = logging.getLogger(__name__)
UNPAID = (
    IntentStatus.REQUIRES_PAYMENT_METHOD,
    IntentStatus.REQUIRES_CONFIRMATION,
    IntentStatus.REQUIRES_ACTION,
    IntentStatus.PROCESSING,
    IntentStatus.REQUIRES_CAPTURE,
)


def record_paid(attempt_id: int, *, trade_no: str, paid_at: datetime | None, buyer_id: str = "") -> bool:
    """The provider has the money. False if that was known.

    After the attempt was given up this is a late payment: it is recorded and refunded in full.
    """
    with transaction.atomic():
        group = lock_group(_group_id(attempt_id))
        attempt = Attempt.objects.select_related("intent").get(pk=attempt_id)
        paid = {
            "trade_no": trade_no,
            "paid_at": paid_at or clock.wall(),
            "buyer_id": buyer_id[:64],
            "next_query_at": None,
        }
        if group.status in (GroupStatus.OPEN, GroupStatus.CLOSING) and attempt.status == AttemptStatus.OPEN:
            if not move(attempt, AttemptStatus.SUCCEEDED, **paid):
                return False
            _succeed(group, attempt)
            return True
        if not move(attempt, AttemptStatus.LATE, **paid):
            return False
        _give_back_late(group, attempt)
        return True


def record_closed(attempt_id: int, *, why: str) -> bool:
    """The provider took no money and will not. False if that was known.

    While the group is open the buyer may try again; while it is closing this is one step to its end.
    """
    with transaction.atomic():
        group = lock_group(_group_id(attempt_id))
        attempt = Attempt.objects.select_related("intent").get(pk=attempt_id)
        if not move(attempt, AttemptStatus.CLOSED, next_query_at=None):
            return False
        if group.status == GroupStatus.OPEN:
            if move(attempt.intent, IntentStatus.REQUIRES_PAYMENT_METHOD, last_payment_error=why[:100]):
                tell_intents("payment_failed", [attempt.intent])
            PaymentGroup.objects.filter(pk=group.pk).update(pay_url="")
        elif group.status == GroupStatus.CLOSING:
            give_up(attempt.intent)
            finish_if_ended(group)
        return True


def record_given_back(attempt_id: int, *, trade_no: str) -> bool:
    """Our cancelling found the payment done, and the provider gave it back at once: both are recorded."""
    from orders.payments.services.refunds import record_moved  # refunds end in outcomes too

    with transaction.atomic():
        record_closed(attempt_id, why="cancelled")
        if not record_paid(attempt_id, trade_no=trade_no, paid_at=None):
            return False
        attempt = Attempt.objects.get(pk=attempt_id)
        record_moved(Refund.objects.get(key=late_key(attempt)))
        return True


def late_key(attempt: Attempt) -> str:
    return f"late:{attempt.out_trade_no}"


def give_up(intent: PaymentIntent) -> None:
    """Under the group's lock: an unpaid intent is canceled, and what is frozen for it will be released."""
    if intent.capture_method == "manual" and hasattr(intent, "pre_authorisation"):
        from orders.payments.services.freezes import give_up_freeze  # freezes end in outcomes

        give_up_freeze(intent.pre_authorisation)
    if move(intent, IntentStatus.CANCELED, canceled_at=clock.now()):
        tell_intents("canceled", [intent])


def capture(
    group: PaymentGroup,
    intent: PaymentIntent,
    *,
    amount_fen: int,
    entry_kind: AccountKind,
    source: str,
    key: str,
) -> None:
    """Marks the locked group's intent paid, posts the money under `held`, publishes."""
    paid = {"captured_fen": amount_fen, "succeeded_at": clock.now(), "last_payment_error": ""}
    if not move(intent, IntentStatus.SUCCEEDED, **paid):
        raise RuntimeError(f"intent {intent.uuid} is {intent.status} and cannot be paid")
    owner = group.cash_receipt.station_uuid if entry_kind is AccountKind.STATION_CASH else None
    post(
        kind="captured",
        key=key,
        occurred_at=clock.now(),
        source=source,
        reference=str(intent.reference),
        memo=intent.description,
        entries=[
            debit(entry_kind, amount_fen, owner),
            credit(AccountKind.HELD, amount_fen, intent.merchant_uuid),
        ],
    )
    tell_intents("succeeded", [intent])
    event = IntentSucceeded(
        intent=intent.uuid,
        group=group.uuid,
        group_reference=group.reference,
        reference=intent.reference,
        amount_fen=amount_fen,
    )
    publish(event, aggregate_kind="payment_group", aggregate_uuid=group.uuid)


def finish_if_ended(group: PaymentGroup) -> None:
    """Ends a locked group once no intent is open: all paid, or closed with nothing kept."""
    intents = list(group.intents.all())
    if any(intent.status in UNPAID for intent in intents):
        return
    now = clock.now()
    if all(intent.status == IntentStatus.SUCCEEDED for intent in intents):
        if move(group, GroupStatus.SUCCEEDED, ended_at=now, next_try_at=None, pay_url=""):
            event = GroupSucceeded(group=group.uuid, reference=group.reference)
            publish(event, aggregate_kind="payment_group", aggregate_uuid=group.uuid)
        return
    if move(group, GroupStatus.CLOSED, ended_at=now, next_try_at=None, pay_url=""):
        for intent in intents:
            if intent.status == IntentStatus.SUCCEEDED:
                _give_back_part(intent)
        closed = GroupClosed(group=group.uuid, reference=group.reference, why=group.why_closed)
        publish(closed, aggregate_kind="payment_group", aggregate_uuid=group.uuid)


def _succeed(group: PaymentGroup, attempt: Attempt) -> None:
    intent = attempt.intent
    if intent.capture_method == "manual" and hasattr(intent, "pre_authorisation"):
        from orders.payments.services.freezes import end_freeze  # freezes end in outcomes

        end_freeze(group, intent.pre_authorisation, captured_fen=attempt.amount_fen)
    capture(
        group,
        intent,
        amount_fen=attempt.amount_fen,
        entry_kind=AccountKind.PROVIDER_CLEARING,
        source=group.provider,
        key=attempt.trade_no,
    )
    tell_charge("succeeded", attempt)
    finish_if_ended(group)


def _give_back_late(group: PaymentGroup, attempt: Attempt) -> None:
    """The money is never held for the seller: it goes straight to what is owed to the buyer."""
    log.warning("late payment %s of group %s goes back", attempt.out_trade_no, group.uuid)
    intent = attempt.intent
    post(
        kind="captured",
        key=attempt.trade_no,
        occurred_at=clock.now(),
        source=group.provider,
        reference=str(intent.reference),
        memo=intent.description,
        entries=[
            debit(AccountKind.PROVIDER_CLEARING, attempt.amount_fen),
            credit(AccountKind.BUYER_REFUNDS_DUE, attempt.amount_fen, intent.merchant_uuid),
        ],
    )
    returned: Refund = Refund.objects.create(
        attempt=attempt,
        intent=intent,
        key=late_key(attempt),
        amount_fen=attempt.amount_fen,
        reason="late_payment",
        created_at=clock.now(),
        next_try_at=clock.wall(),
    )
    tell_charge("succeeded", attempt)
    tell_refund("created", returned)
    event = LatePaymentReturned(
        intent=intent.uuid,
        group_reference=group.reference,
        refund=returned.uuid,
        amount_fen=attempt.amount_fen,
    )
    publish(event, aggregate_kind="payment_group", aggregate_uuid=group.uuid)


def _give_back_part(intent: PaymentIntent) -> None:
    """All or none: what is left of a paid part of a group that could not be completed is refunded."""
    from orders.payments.services.refunds import order_refund, refunded_fen  # they end in outcomes too

    left_fen = intent.captured_fen - refunded_fen(intent=intent)
    if left_fen:
        order_refund(
            intent=intent, amount_fen=left_fen, reason="group_incomplete", key=f"incomplete:{intent.uuid}"
        )


def _group_id(attempt_id: int) -> int:
    found: int = Attempt.objects.values_list("intent__group_id", flat=True).get(pk=attempt_id)
    return found
