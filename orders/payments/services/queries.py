"""Asking the provider what became of an attempt: the way out of every unknown."""

import logging

from marketplace.kernel import clock
from orders.payments.gateways.base import TradeState, TradeStatus
from orders.payments.gateways.registry import gateway
from orders.payments.models import Attempt, PaymentGroup
from orders.payments.services.calls import record_call, wait_until
from orders.payments.services.outcomes import record_closed, record_given_back, record_paid
from orders.payments.states import AttemptStatus

log = logging.getLogger(__name__)
FIRST_QUERY_S, LONGEST_QUERY_S = 10.0, 120.0
#: the buyer stands at the counter with his password half typed
CODE_QUERY_S = 4.0


def query_attempt(attempt_id: int) -> TradeState:
    """One question to the provider, and what follows from its answer. Never inside a transaction.

    A payment by code without an answer is cancelled once its time is over.
    """
    attempt: Attempt = Attempt.objects.get(pk=attempt_id)
    state = gateway().query(out_trade_no=attempt.out_trade_no)
    record_call(operation="query", number=attempt.out_trade_no, result=state.status, reason=state.reason)
    if not believe(attempt, state) and not _cancelled(attempt):
        longest_s = CODE_QUERY_S if attempt.cancel_at else LONGEST_QUERY_S
        first_s = min(FIRST_QUERY_S, longest_s)
        next_query = wait_until(tries=attempt.queries, first_s=first_s, longest_s=longest_s)
        Attempt.objects.filter(pk=attempt.pk, status=AttemptStatus.OPEN).update(
            queries=attempt.queries + 1, next_query_at=next_query
        )
    return state


def _cancelled(attempt: Attempt) -> bool:
    """True once the provider says that it is over. It closes what waits, and gives back what was paid."""
    if attempt.cancel_at is None or attempt.status != AttemptStatus.OPEN or clock.wall() < attempt.cancel_at:
        return False
    state = gateway().cancel(out_trade_no=attempt.out_trade_no)
    record_call(operation="cancel", number=attempt.out_trade_no, result=state.status, reason=state.reason)
    if state.status is TradeStatus.CLOSED and state.reason == "refund":
        record_given_back(attempt.pk, trade_no=state.trade_no)
        return True
    return believe(attempt, state)


def query_group(*, group: PaymentGroup) -> None:
    """Asks about everything open in a group: the buyer came back, or somebody wants to know now."""
    open_attempts = Attempt.objects.filter(intent__group=group, status=AttemptStatus.OPEN)
    for attempt_id in list(open_attempts.order_by("pk").values_list("pk", flat=True)):
        query_attempt(attempt_id)


def query_unknown() -> int:
    """Asks about every attempt whose answer is due; returns how many. For processes without a worker."""
    from orders.payments.services.due import claim_attempts  # due dispatches to this module

    ids = claim_attempts()
    for attempt_id in ids:
        query_attempt(attempt_id)
    return len(ids)


def believe(attempt: Attempt, state: TradeState) -> bool:
    """Acts on a final state; False for everything that proves nothing."""
    if state.status in (TradeStatus.PAID, TradeStatus.FINISHED):
        if state.amount_fen != attempt.amount_fen or not state.trade_no:
            log.error(
                "trade %s is paid with %s fen, expected %s: not believed",
                attempt.out_trade_no, state.amount_fen, attempt.amount_fen,
            )  # fmt: skip
            return False
        record_paid(attempt.pk, trade_no=state.trade_no, paid_at=state.paid_at, buyer_id=state.buyer_id)
        return True
    if state.status is TradeStatus.CLOSED and state.paid_at is None:
        record_closed(attempt.pk, why=state.reason or "closed")
        return True
    if state.status is TradeStatus.CLOSED:
        log.error("trade %s was paid and refunded behind our back", attempt.out_trade_no)
    return False
