"""Offering a group to the provider: attempts are committed first, then the page to pay on is asked for."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction

from marketplace.kernel import clock
from marketplace.kernel.errors import N_, InvalidInput
from marketplace.kernel.ids import uuid7
from orders.payments.errors import NotPayable, ProviderAway
from orders.payments.gateways.base import GatewayError, TradeOrder
from orders.payments.gateways.registry import gateway
from orders.payments.models import Attempt, PaymentGroup
from orders.payments.services.calls import record_call
from orders.payments.services.developer_events import tell_intents
from orders.payments.services.locking import lock_group, move
from orders.payments.services.merchants import registered_ids
from orders.payments.services.queries import FIRST_QUERY_S
from orders.payments.states import AttemptStatus, GroupStatus, IntentStatus

LINK_LIFE = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class NextAction:
    """Where the buyer goes to pay."""

    url: str


def confirm_group(*, group: PaymentGroup, return_url: str = "") -> NextAction:
    """Asks the provider for the page where the buyer pays. Never inside a transaction; at most a few seconds.

    Repeating it is safe: an unpaid attempt keeps its number. `return_url` is a path of ours.
    Raises NotPayable, ProviderAway (nothing is lost: try again), MerchantNotRegistered.
    """
    return _offer(group, return_to=own_path(return_url))


def offer_to_developer(*, group: PaymentGroup, return_url: str) -> NextAction:
    """As `confirm_group`, for the payment API: who holds the secret key names any page to come back to."""
    return _offer(group, return_to=return_url)


def _offer(group: PaymentGroup, *, return_to: str) -> NextAction:
    merchants = registered_ids(group.intents.values_list("merchant_uuid", flat=True))
    orders = start_attempts(group.pk, merchants=merchants)
    link_expires_at = link_expiry(group.pk)
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
    PaymentGroup.objects.filter(pk=group.pk, status=GroupStatus.OPEN).update(
        pay_url=url, return_url=return_to
    )
    return NextAction(url)


def own_path(return_url: str) -> str:
    """Only a path of ours: the return page must not send buyers anywhere else."""
    path = return_url.removeprefix(str(settings.PUBLIC_URL)) or "/"
    if not path.startswith("/") or path.startswith(("//", "/\\")) or "\n" in path or "\r" in path:
        raise InvalidInput(N_("返回地址必须是本站地址"), field="returnUrl")
    return path


def start_attempts(group_id: int, *, merchants: dict[UUID, str]) -> list[TradeOrder]:
    """One open attempt per intent, committed before the provider hears of it: a crash leaves its number."""
    with transaction.atomic(durable=True):
        group = lock_group(group_id)
        if group.status != GroupStatus.OPEN or group.expires_at <= clock.now():
            raise NotPayable
        if group.link_expires_at is None or group.link_expires_at <= clock.wall() + timedelta(minutes=1):
            group.link_expires_at = clock.wall() + LINK_LIFE
            group.save(update_fields=["link_expires_at"])
        seller_id = gateway().seller_id
        orders, started = [], []
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
                started.append(intent)
            orders.append(
                TradeOrder(
                    out_trade_no=attempt.out_trade_no,
                    amount_fen=attempt.amount_fen,
                    subject=intent.subject,
                    seller_id=attempt.seller_id,
                    sub_merchant_id=attempt.sub_merchant_id,
                )
            )
        if started:
            tell_intents("requires_action", started)
    return orders


def link_expiry(group_id: int) -> datetime:
    found: PaymentGroup = PaymentGroup.objects.get(pk=group_id)
    if found.link_expires_at is None:
        raise NotPayable
    return found.link_expires_at
