"""Opening, confirming and closing what a buyer pays at once."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction

from marketplace.kernel import clock
from marketplace.kernel.errors import N_, InvalidInput
from marketplace.kernel.ids import uuid7
from orders.payments.errors import NoSuchPayment, NotPayable, OpenedDifferently, ProviderAway
from orders.payments.gateways.base import GatewayError, TradeOrder, TradeStatus
from orders.payments.gateways.registry import gateway
from orders.payments.models import Attempt, PaymentGroup, PaymentIntent
from orders.payments.services.calls import record_call, wait_until
from orders.payments.services.locking import lock_group, move
from orders.payments.services.merchants import registered_ids, remember_merchants
from orders.payments.services.outcomes import UNPAID, finish_if_ended, record_closed
from orders.payments.services.queries import FIRST_QUERY_S, believe
from orders.payments.states import AttemptStatus, GroupStatus, IntentStatus

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


@dataclass(frozen=True, slots=True)
class NextAction:
    """Where the buyer goes to pay."""

    url: str


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
        PaymentIntent.objects.bulk_create(
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
        remember_merchants({spec.merchant: spec.merchant_name or spec.description for spec in intents})
    return group


def confirm_group(*, group: PaymentGroup, return_url: str = "") -> NextAction:
    """Asks the provider for the page where the buyer pays. Never inside a transaction; at most a few seconds.

    Repeating it is safe: an unpaid attempt keeps its number. `return_url` is a path of ours.
    Raises NotPayable, ProviderAway (nothing is lost: try again), MerchantNotRegistered.
    """
    path = _own_path(return_url)
    merchants = registered_ids(group.intents.values_list("merchant_uuid", flat=True))
    orders = _start_attempts(group.pk, merchants=merchants)
    link_expires_at = _link_expiry(group.pk)
    numbers = [order.out_trade_no for order in orders]
    merge_no = "M" + hashlib.sha256("".join(numbers).encode()).hexdigest()[:31]
    try:
        url = gateway().pay_link(
            merge_no=merge_no,
            trades=orders,
            return_url=f"{settings.PUBLIC_URL}/payments/alipay/return?group={group.uuid}",
            notify_url=f"{settings.PUBLIC_URL}/payments/alipay/notify",
            expires_at=link_expires_at,
        )
    except GatewayError as error:
        record_call(operation="pay_link", number=merge_no, result="refused" if error.permanent else "unknown",
                    reason=str(error))  # fmt: skip
        raise ProviderAway from error
    record_call(operation="pay_link", number=merge_no, result="done")
    PaymentGroup.objects.filter(pk=group.pk, status=GroupStatus.OPEN).update(pay_url=url, return_url=path)
    return NextAction(url)


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


def _own_path(return_url: str) -> str:
    """Only a path of ours: the return page must not send buyers anywhere else."""
    path = return_url.removeprefix(str(settings.PUBLIC_URL)) or "/"
    if not path.startswith("/") or path.startswith(("//", "/\\")) or "\n" in path or "\r" in path:
        raise InvalidInput(N_("返回地址必须是本站地址"), field="returnUrl")
    return path


def _start_attempts(group_id: int, *, merchants: dict[UUID, str]) -> list[TradeOrder]:
    """One open attempt per intent, committed before the provider hears of it: a crash leaves its number."""
    with transaction.atomic(durable=True):
        group = lock_group(group_id)
        if group.status != GroupStatus.OPEN or group.expires_at <= clock.now():
            raise NotPayable
        if group.link_expires_at is None or group.link_expires_at <= clock.wall() + timedelta(minutes=1):
            group.link_expires_at = clock.wall() + LINK_LIFE
            group.save(update_fields=["link_expires_at"])
        seller_id = gateway().seller_id
        orders = []
        for intent in group.intents.order_by("pk"):
            attempt = intent.attempts.filter(status=AttemptStatus.OPEN).first()
            if attempt is None:
                attempt = Attempt.objects.create(
                    intent=intent,
                    out_trade_no="Y" + uuid7().hex,
                    amount_fen=intent.amount_fen,
                    seller_id=seller_id,
                    sub_merchant_id=merchants.get(intent.merchant_uuid, "") if intent.merchant_uuid else "",
                    next_query_at=clock.wall() + timedelta(seconds=FIRST_QUERY_S),
                    created_at=clock.now(),
                )
                move(intent, IntentStatus.REQUIRES_ACTION)
            orders.append(
                TradeOrder(
                    out_trade_no=attempt.out_trade_no,
                    amount_fen=attempt.amount_fen,
                    subject=intent.description,
                    seller_id=attempt.seller_id,
                    sub_merchant_id=attempt.sub_merchant_id,
                )
            )
    return orders


def _link_expiry(group_id: int) -> datetime:
    found: PaymentGroup = PaymentGroup.objects.get(pk=group_id)
    if found.link_expires_at is None:
        raise NotPayable
    return found.link_expires_at


def _start_closing(group_id: int, *, why: str) -> None:
    """open -> closing; a group that was never offered to the provider ends at once."""
    group = lock_group(group_id)
    if not move(group, GroupStatus.CLOSING, why_closed=why[:20], next_try_at=clock.wall()):
        return
    tried = Attempt.objects.filter(intent__group=group, status=AttemptStatus.OPEN).values("intent_id")
    for intent in group.intents.filter(status__in=UNPAID).exclude(pk__in=tried):
        move(intent, IntentStatus.CANCELED, canceled_at=clock.now())
    finish_if_ended(group)
