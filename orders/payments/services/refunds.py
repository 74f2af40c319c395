"""Giving money back: ordered under the lock of the group, sent outside of any transaction, posted once."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F, Max, Sum

from marketplace.kernel import clock
from marketplace.kernel.errors import N_, InvalidInput
from marketplace.kernel.money import format_yuan
from marketplace.outbox.publishing import publish
from orders.ledger.accounts import AccountKind
from orders.ledger.models import LedgerTransaction
from orders.ledger.services import credit, debit, post, reverse
from orders.payments.errors import KeyReused, NoSuchPayment, RefundTooLarge
from orders.payments.events import RefundFailed, RefundSucceeded
from orders.payments.gateways import base
from orders.payments.gateways.registry import gateway
from orders.payments.models import Attempt, PaymentIntent, Refund
from orders.payments.services.calls import record_call, wait_until
from orders.payments.services.developer_events import tell_charge, tell_refund
from orders.payments.services.locking import lock_group, move
from orders.payments.services.returns import (
    Parts,
    forget_returns,
    plan_returns,
    post_returned,
    royalty_back,
    waits_for_settlement,
)
from orders.payments.states import AttemptStatus, IntentStatus, RefundStatus

log = logging.getLogger(__name__)
APART, SETTLEMENT_FIRST = timedelta(seconds=3), timedelta(seconds=5)
FIRST_TRY_S, LONGEST_TRY_S = 2.0, 3600.0
#: refusals that time or a person can cure; every other refusal ends the refund
CURABLE = frozenset({"ACQ.SELLER_BALANCE_NOT_ENOUGH", "ACQ.REFUND_ACCOUNT_NOT_EXIST"})


def refund(
    *,
    intent_reference: UUID,
    amount_fen: int,
    reason: str,
    key: str,
    lines: Sequence[Mapping[str, object]] = (),
    taken_back: Parts | None = None,
) -> Refund:
    """Orders a refund out of what is held for the intent's seller; the money follows (RefundSucceeded).

    Runs in the caller's transaction. The same `key` is the same refund, whatever happened to the first call.
    Money that was already settled must be taken back into `held` first (`ledger.take_back`); the same parts
    given here as `taken_back` say from whom the provider takes what it already paid out (else pro rata).
    Raises NoSuchPayment, KeyReused, RefundTooLarge, InvalidInput, ledger's Overdrawn.
    """
    if amount_fen <= 0:
        raise InvalidInput(N_("退款金额必须大于零"), field="amountFen")
    intent: PaymentIntent | None = (
        PaymentIntent.objects.filter(reference=intent_reference, status=IntentStatus.SUCCEEDED)
        .order_by("-pk")
        .first()
    )
    if intent is None:
        raise NoSuchPayment
    with transaction.atomic():
        lock_group(intent.group_id)
        return order_refund(
            intent=intent, amount_fen=amount_fen, reason=reason, key=key, lines=lines, taken_back=taken_back
        )


def order_refund(
    *,
    intent: PaymentIntent,
    amount_fen: int,
    reason: str,
    key: str,
    lines: Sequence[Mapping[str, object]] = (),
    metadata: Mapping[str, str] | None = None,
    taken_back: Parts | None = None,
) -> Refund:
    """The refund of a paid intent whose group is locked: held -> buyer_refunds_due, and a row to be sent."""
    earlier: Refund | None = Refund.objects.filter(key=key).first()
    if earlier is not None:
        if (earlier.intent_id, earlier.amount_fen) != (intent.pk, amount_fen):
            raise KeyReused
        return earlier
    left_fen = intent.captured_fen - refunded_fen(intent=intent)
    if amount_fen > left_fen:
        raise RefundTooLarge(field="amountFen", params={"left_yuan": format_yuan(left_fen)})
    attempt = intent.attempts.filter(status=AttemptStatus.SUCCEEDED).first()
    ordered: Refund = Refund.objects.create(
        attempt=attempt,
        intent=intent,
        key=key,
        amount_fen=amount_fen,
        reason=reason[:100],
        lines=list(lines),
        metadata=dict(metadata or {}),
        created_at=clock.now(),
        next_try_at=_first_try(attempt),
    )
    intent.refresh_from_db(fields=["captured_fen", "refunded_fen", "settled_fen", "shared_fen"])
    plan_returns(intent, ordered, parts=taken_back)
    PaymentIntent.objects.filter(pk=intent.pk).update(refunded_fen=F("refunded_fen") + amount_fen)
    post(
        kind="refund_ordered",
        key=ordered.request_no,
        occurred_at=clock.now(),
        source=intent.group.provider,
        reference=str(intent.reference),
        memo=reason,
        entries=[
            debit(AccountKind.HELD, amount_fen, intent.merchant_uuid),
            credit(AccountKind.BUYER_REFUNDS_DUE, amount_fen, intent.merchant_uuid),
        ],
    )
    tell_refund("created", ordered)
    if attempt is None:
        record_moved(ordered)  # cash is handed back at the counter, there and then
    return ordered


def refunded_fen(*, intent: PaymentIntent) -> int:
    """Ordered and not failed: no longer to be refunded. A late payment's return is not of the intent."""
    alive = intent.refunds.exclude(status=RefundStatus.FAILED).exclude(attempt__status=AttemptStatus.LATE)
    return int(alive.aggregate(total=Sum("amount_fen"))["total"] or 0)


def send_refund(refund_id: int) -> RefundStatus:
    """One try at the provider. Never inside a transaction; the request number makes every repeat safe."""
    row: Refund = Refund.objects.select_related("attempt").get(pk=refund_id)
    if row.status != RefundStatus.PENDING or row.attempt is None:
        return RefundStatus(row.status)
    if waits_for_settlement(row):
        Refund.objects.filter(pk=row.pk, status=RefundStatus.PENDING).update(
            next_try_at=clock.wall() + SETTLEMENT_FIRST
        )
        return RefundStatus.PENDING
    state = _believed(row, _ask(row, row.attempt))
    if state.status is base.RefundStatus.MOVED:
        with transaction.atomic():
            lock_group(row.intent.group_id)
            record_moved(row)
    elif state.status is base.RefundStatus.REFUSED and state.reason not in CURABLE:
        _record_failed(row, why=state.reason)
    else:
        next_try = wait_until(tries=row.tries, first_s=FIRST_TRY_S, longest_s=LONGEST_TRY_S)
        Refund.objects.filter(pk=row.pk, status=RefundStatus.PENDING).update(
            tries=row.tries + 1, next_try_at=next_try, failure=state.reason[:60]
        )
    return RefundStatus(row.status)


def _ask(row: Refund, attempt: Attempt) -> base.RefundState:
    """A first try sends; a later one asks first. What was merely accepted is settled by the query."""
    number, refund_no = attempt.out_trade_no, row.request_no
    if row.tries:
        asked = gateway().query_refund(out_trade_no=number, refund_no=refund_no)
        record_call(operation="query_refund", number=refund_no, result=asked.status, reason=asked.reason)
        if asked.status is not base.RefundStatus.PENDING:
            return asked
    sent = gateway().refund(
        out_trade_no=number,
        refund_no=refund_no,
        amount_fen=row.amount_fen,
        reason=row.reason,
        taken_back=royalty_back(row),
    )
    record_call(operation="refund", number=refund_no, result=sent.status, reason=sent.reason)
    if sent.status is not base.RefundStatus.PENDING:
        return sent
    return gateway().query_refund(out_trade_no=number, refund_no=refund_no)


def _believed(row: Refund, state: base.RefundState) -> base.RefundState:
    """Another amount under our number is never booked as ours: it stays unknown until a person has looked."""
    if state.status is not base.RefundStatus.MOVED or state.amount_fen == row.amount_fen:
        return state
    log.error("refund %s moved %s fen, expected %s: not believed", row.uuid, state.amount_fen, row.amount_fen)
    return base.RefundState(status=base.RefundStatus.UNKNOWN, reason="other amount")


def record_moved(row: Refund) -> None:
    """Under the group's lock: pending -> succeeded, buyer_refunds_due -> where the money was."""
    ended = {"ended_at": clock.now(), "moved_at": clock.wall(), "next_try_at": None, "failure": ""}
    if not move(row, RefundStatus.SUCCEEDED, **ended):
        return
    group = row.intent.group
    if row.attempt is None:
        source = credit(AccountKind.STATION_CASH, row.amount_fen, group.cash_receipt.station_uuid)
    else:
        source = credit(AccountKind.PROVIDER_CLEARING, row.amount_fen)
    post(
        kind="refunded",
        key=row.request_no,
        occurred_at=clock.now(),
        source=group.provider,
        reference=str(row.intent.reference),
        memo=row.reason,
        entries=[debit(AccountKind.BUYER_REFUNDS_DUE, row.amount_fen, row.intent.merchant_uuid), source],
    )
    post_returned(row)
    tell_refund("updated", row)
    if row.attempt is not None:
        tell_charge("refunded", row.attempt)
    event = RefundSucceeded(refund=row.uuid, intent_reference=row.intent.reference, amount_fen=row.amount_fen)
    publish(event, aggregate_kind="payment_group", aggregate_uuid=group.uuid)


def _record_failed(row: Refund, *, why: str) -> None:
    """Refused for good: the seller's money is held again. A late payment stays owed to the buyer."""
    with transaction.atomic():
        group = lock_group(row.intent.group_id)
        if not move(row, RefundStatus.FAILED, ended_at=clock.now(), next_try_at=None, failure=why[:60]):
            return
        log.error("refund %s refused by the provider: %s", row.uuid, why)
        ordered = LedgerTransaction.objects.filter(
            provider=group.provider, kind="refund_ordered", external_id=row.request_no
        ).first()
        if ordered is not None:
            reverse(ordered, occurred_at=clock.now(), source=group.provider, key=row.request_no, memo=why)
            PaymentIntent.objects.filter(pk=row.intent_id).update(
                refunded_fen=F("refunded_fen") - row.amount_fen
            )
            forget_returns(row)
        tell_refund("failed", row)
        event = RefundFailed(
            refund=row.uuid, intent_reference=row.intent.reference, amount_fen=row.amount_fen, why=why
        )
        publish(event, aggregate_kind="payment_group", aggregate_uuid=group.uuid)


def _first_try(attempt: Attempt | None) -> datetime | None:
    """Refunds of one trade stay three seconds apart, as the provider asks."""
    if attempt is None:
        return None
    found = attempt.refunds.aggregate(waiting=Max("next_try_at"), moved=Max("moved_at"))
    earliest: datetime = max([clock.wall(), *(at + APART for at in found.values() if at is not None)])
    return earliest
