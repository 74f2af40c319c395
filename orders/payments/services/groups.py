"""Opening, confirming and closing what a buyer pays at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from marketplace.kernel import clock
from marketplace.kernel.errors import N_, InvalidInput
from orders.payments.errors import NoSuchPayment, OpenedDifferently
from orders.payments.gateways.base import TradeStatus
from orders.payments.gateways.registry import gateway
from orders.payments.models import Attempt, PaymentGroup, PaymentIntent
from orders.payments.services.calls import record_call, wait_until
from orders.payments.services.developer_events import tell_intents
from orders.payments.services.locking import lock_group, move
from orders.payments.services.merchants import remember_merchants
from orders.payments.services.outcomes import UNPAID, finish_if_ended, give_up, record_closed
from orders.payments.services.queries import believe
from orders.payments.states import AttemptStatus, GroupStatus

LINK_LIFE = timedelta(minutes=30)
CLOSE_FIRST_S, CLOSE_LONGEST_S = 2.0, 300.0
MAX_INTENT_FEN = 10_000_000_000


@dataclass(frozen=True, kw_only=True)
class IntentSpec:
    """One seller's part. `merchant` is the settling seller's uuid, or None for the platform's own part.

    `reference` names the part to the caller; refunds are ordered by it.
    """

    merchant: UUID | None
    amount_fen: int
    description: str
    reference: UUID
    merchant_name: str = ""


def open_group(
    *, reference: UUID, intents: Sequence[IntentSpec], expires_at: datetime, currency: str = "cny"
) -> PaymentGroup:
    """A group to be paid until `expires_at` (business time). Runs in the caller's transaction.

    While a group of this reference is open the same parts return it; other parts raise OpenedDifferently.
    """
    _check(intents, currency=currency)
    with transaction.atomic():
        standing = PaymentGroup.objects.filter(
            reference=reference, status__in=[GroupStatus.OPEN, GroupStatus.CLOSING]
        ).first()
        if standing is not None:
            return _same_parts(standing, intents)
        now = clock.now()
        group: PaymentGroup = PaymentGroup.objects.create(
            reference=reference, currency=currency, expires_at=expires_at, created_at=now
        )
        made = PaymentIntent.objects.bulk_create(
            PaymentIntent(
                group=group,
                reference=spec.reference,
                merchant_uuid=spec.merchant,
                amount_fen=spec.amount_fen,
                description=spec.description[:200],
                created_at=now,
            )
            for spec in intents
        )
        tell_intents("created", made)
        remember_merchants({spec.merchant: spec.merchant_name or spec.description for spec in intents})
    return group


def cancel_group(*, reference: UUID, why: str = "cancelled") -> None:
    """Gives up what is not paid yet; GroupClosed follows once the provider agrees. Over is over.

    Runs in the caller's transaction. A payment that arrives before the provider has agreed still counts.
    """
    with transaction.atomic():
        found = PaymentGroup.objects.filter(reference=reference, status=GroupStatus.OPEN).first()
        if found is not None:
            _start_closing(found.pk, why=why)


def expire_due_groups() -> int:
    """Starts closing every group whose business time is over; returns how many."""
    due = PaymentGroup.objects.filter(status=GroupStatus.OPEN, expires_at__lte=clock.now())
    ids = list(due.order_by("pk").values_list("pk", flat=True)[:500])
    for group_id in ids:
        with transaction.atomic():
            _start_closing(group_id, why="expired")
    return len(ids)


def close_group(group_id: int) -> bool:
    """Asks the provider to close what is open. True once the group has ended. Never inside a transaction."""
    attempts = Attempt.objects.filter(
        intent__group_id=group_id, intent__group__status=GroupStatus.CLOSING, status=AttemptStatus.OPEN
    )
    for attempt in attempts.order_by("pk"):
        state = gateway().close(out_trade_no=attempt.out_trade_no)
        record_call(operation="close", number=attempt.out_trade_no, result=state.status, reason=state.reason)
        if state.status in (TradeStatus.CLOSED, TradeStatus.ABSENT) and state.paid_at is None:
            record_closed(attempt.pk, why="closed")
        else:
            believe(attempt, state)
    with transaction.atomic():
        group = lock_group(group_id)
        if group.status != GroupStatus.CLOSING:
            return True
        finish_if_ended(group)
        if group.status != GroupStatus.CLOSING:
            return True
        next_try = wait_until(tries=group.tries, first_s=CLOSE_FIRST_S, longest_s=CLOSE_LONGEST_S)
        PaymentGroup.objects.filter(pk=group_id).update(tries=group.tries + 1, next_try_at=next_try)
    return False


def payment_of(*, reference: UUID) -> PaymentGroup:
    """The newest group of a reference. Raises NoSuchPayment."""
    found: PaymentGroup | None = PaymentGroup.objects.filter(reference=reference).order_by("-pk").first()
    if found is None:
        raise NoSuchPayment
    return found


def _check(intents: Sequence[IntentSpec], *, currency: str) -> None:
    if currency != "cny":
        raise InvalidInput(N_("只支持人民币"), field="currency")
    if not intents:
        raise InvalidInput(N_("没有需要支付的内容"), field="intents")
    for number, spec in enumerate(intents):
        if not 0 < spec.amount_fen <= MAX_INTENT_FEN:
            raise InvalidInput(N_("金额必须大于零且不超过上限"), field=f"intents[{number}].amount_fen")
    if len({spec.reference for spec in intents}) != len(intents):
        raise InvalidInput(N_("支付单编号重复"), field="intents")


def _same_parts(group: PaymentGroup, intents: Sequence[IntentSpec]) -> PaymentGroup:
    stands = set(group.intents.values_list("reference", "merchant_uuid", "amount_fen"))
    wanted = {(spec.reference, spec.merchant, spec.amount_fen) for spec in intents}
    if group.status != GroupStatus.OPEN or stands != wanted:
        raise OpenedDifferently
    return group


def _start_closing(group_id: int, *, why: str) -> None:
    """open -> closing; a group that was never offered to the provider ends at once."""
    group = lock_group(group_id)
    if not move(group, GroupStatus.CLOSING, why_closed=why[:20], next_try_at=clock.wall()):
        return
    tried = Attempt.objects.filter(intent__group=group, status=AttemptStatus.OPEN).values("intent_id")
    for intent in group.intents.filter(status__in=UNPAID).exclude(pk__in=tried):
        give_up(intent)
    finish_if_ended(group)
