"""Offering a group to the provider: attempts are committed first, then the page to pay on is asked for."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, overload
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import prefetch_related_objects

from marketplace.kernel import clock
from marketplace.kernel.errors import N_, InvalidInput
from marketplace.kernel.ids import uuid7
from orders.payments.errors import NotPayable, ProviderAway
from orders.payments.gateways.base import GatewayError, TradeOrder
from orders.payments.gateways.registry import gateway
from orders.payments.models import Attempt, PaymentGroup, PaymentIntent
from orders.payments.services.calls import record_call
from orders.payments.services.developer_events import tell_intents
from orders.payments.services.locking import hold_group
from orders.payments.services.merchants import registered_ids
from orders.payments.services.queries import FIRST_QUERY_S
from orders.payments.states import INTENT_MOVES, AttemptStatus, GroupStatus, IntentStatus

LINK_LIFE = timedelta(minutes=30)
CONFIRMABLE = (IntentStatus.REQUIRES_CONFIRMATION, IntentStatus.REQUIRES_ACTION)


@dataclass(frozen=True, slots=True)
class NextAction:
    """Where the buyer goes to pay."""

    url: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A page for the only trade of a group, signed before the lock is taken; nobody has seen it yet."""

    order: TradeOrder
    expires_at: datetime
    url: str


@dataclass(frozen=True, slots=True)
class Started:
    """What is committed and may be offered. Without `url` the page is still to be asked for."""

    orders: list[TradeOrder]
    intents: list[PaymentIntent]
    expires_at: datetime
    url: str = ""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The intent that a developer confirms, and the method that he names with it (or none)."""

    intent: PaymentIntent
    payment_method: str = ""


def confirm_group(*, group: PaymentGroup, return_url: str = "") -> NextAction:
    """Asks the provider for the page where the buyer pays. Never inside a transaction; at most a few seconds.

    Repeating it is safe: an unpaid attempt keeps its number. `return_url` is a path of ours.
    Raises NotPayable, ProviderAway (nothing is lost: try again), MerchantNotRegistered.
    """
    started = start_attempts(group, return_to=own_path(return_url))
    return NextAction(_page(group, started))


def confirm_part(*, intent: PaymentIntent, return_url: str, payment_method: str = "") -> PaymentIntent | None:
    """As `confirm_group` for one intent of the payment API: its group's last one makes the page appear.

    Who holds the secret key names any page to come back to. `payment_method` is set in the same breath. Gives
    the intent as it was committed, page and all, or None if it has to be read again.
    """
    confirmed = Confirmed(intent, payment_method)
    started = start_attempts(intent.group, return_to=return_url, confirmed=confirmed)
    if started is None:
        return None
    if started.url:
        return next(row for row in started.intents if row.pk == intent.pk)
    _page(intent.group, started)
    return None


def own_path(return_url: str) -> str:
    """Only a path of ours: the return page must not send buyers anywhere else."""
    path = return_url.removeprefix(str(settings.PUBLIC_URL)) or "/"
    if not path.startswith("/") or path.startswith(("//", "/\\")) or "\n" in path or "\r" in path:
        raise InvalidInput(N_("返回地址必须是本站地址"), field="returnUrl")
    return path


@overload
def start_attempts(group: PaymentGroup, *, return_to: str) -> Started: ...


@overload
def start_attempts(group: PaymentGroup, *, return_to: str, confirmed: Confirmed) -> Started | None: ...


def start_attempts(
    group: PaymentGroup, *, return_to: str, confirmed: Confirmed | None = None
) -> Started | None:
    """One open attempt per intent, committed before the provider hears of them: a crash leaves its number.

    With `confirmed` that intent is marked so, and nothing starts (None) while others of the group are not.
    """
    # One intent of the payment API is mostly alone; whether it is shows under the lock.
    alone = confirmed is not None and not group.label
    parts = [confirmed.intent] if confirmed and alone else list(group.intents.order_by("pk"))
    while True:
        merchants = registered_ids(part.merchant_uuid for part in parts)
        draft = _draft(group, parts[0], merchants) if len(parts) == 1 else None
        with transaction.atomic(durable=True):
            intents = _locked_parts(group.pk)
            if [intent.pk for intent in intents] == [part.pk for part in parts]:
                return _start(intents, merchants, draft, return_to=return_to, confirmed=confirmed)
        parts = intents  # another joined meanwhile: his merchant must be registered first


def _locked_parts(group_id: int) -> list[PaymentIntent]:
    """The group's intents as they stand under its lock, each with the group."""
    hold_group(group_id)
    found = PaymentIntent.objects.filter(group_id=group_id).select_related("group").order_by("pk")
    intents = list(found)
    for intent in intents[1:]:
        intent.group = intents[0].group
    return intents


def _start(
    intents: list[PaymentIntent],
    merchants: dict[UUID, str],
    draft: Draft | None,
    *,
    return_to: str,
    confirmed: Confirmed | None,
) -> Started | None:
    """Under the group's lock; every intent's merchant is registered."""
    group = intents[0].group
    if not _may_start(group, intents, confirmed):
        return None
    prefetch_related_objects([i for i in intents if i.status == IntentStatus.REQUIRES_ACTION], "attempts")
    draft = _still_fits(draft, intents)
    group.link_expires_at, group.return_url = draft.expires_at if draft else _link_expiry(group), return_to
    group.pay_url = draft.url if draft else group.pay_url
    group.save(update_fields=["link_expires_at", "return_url", "pay_url"])
    started = [intent for intent in intents if _open_attempt(intent) is None]
    made = _make_attempts(started, merchants, draft)
    _require_action(started, confirmed)
    if started:
        tell_intents("requires_action", started, complete=True)
    orders = [_order(intent, made.get(intent.pk) or _open_attempt(intent)) for intent in intents]
    return Started(orders, intents, group.link_expires_at, draft.url if draft else "")


def offered_attempt(intent: PaymentIntent, *, return_url: str) -> Attempt:
    """The unsaved attempt of an intent that is alone, its page signed; in memory it requires_action."""
    merchants = registered_ids([intent.merchant_uuid])
    group, draft = intent.group, _draft(intent.group, intent, merchants)
    group.link_expires_at, group.pay_url, group.return_url = draft.expires_at, draft.url, return_url
    intent.status, intent.confirmed_at = IntentStatus.REQUIRES_ACTION, clock.now()
    return _attempt(intent, merchants, draft.order.out_trade_no)


def _draft(group: PaymentGroup, part: PaymentIntent, merchants: dict[UUID, str]) -> Draft:
    order = TradeOrder(
        out_trade_no=new_number(),
        amount_fen=part.amount_fen,
        subject=part.subject,
        seller_id=gateway().seller_id,
        sub_merchant_id=merchants.get(part.merchant_uuid, "") if part.merchant_uuid else "",
    )
    expires_at = _link_expiry(group)
    return Draft(order, expires_at, _link(group, [order], expires_at))


def _still_fits(draft: Draft | None, intents: list[PaymentIntent]) -> Draft | None:
    """Somebody may have started, or changed the amount, between the signing and the lock."""
    if draft is None or len(intents) != 1 or _open_attempt(intents[0]) is not None:
        return None
    same = (intents[0].amount_fen, intents[0].subject) == (draft.order.amount_fen, draft.order.subject)
    return draft if same else None


def _may_start(group: PaymentGroup, intents: list[PaymentIntent], confirmed: Confirmed | None) -> bool:
    """Under the lock; the confirmed intent takes its method and its moment. Raises NotPayable."""
    if group.status != GroupStatus.OPEN or (confirmed is None and group.expires_at <= clock.now()):
        raise NotPayable
    if confirmed is None:
        return True
    this = next((intent for intent in intents if intent.pk == confirmed.intent.pk), None)
    if this is None:
        raise NotPayable
    if confirmed.payment_method and this.status == IntentStatus.REQUIRES_PAYMENT_METHOD:
        this.payment_method, this.status = confirmed.payment_method, IntentStatus.REQUIRES_CONFIRMATION
    if this.status not in CONFIRMABLE:
        raise NotPayable
    this.confirmed_at = clock.now()
    if len(intents) > 1 or this.status == IntentStatus.REQUIRES_ACTION:  # else it is part of the move
        this.save(update_fields=["status", "payment_method", "confirmed_at"])
    return all(intent.confirmed_at is not None for intent in intents)


def _make_attempts(
    started: list[PaymentIntent], merchants: dict[UUID, str], draft: Draft | None
) -> dict[int, Attempt]:
    made = Attempt.objects.bulk_create(
        _attempt(intent, merchants, draft.order.out_trade_no if draft else new_number()) for intent in started
    )
    return {attempt.intent_id: attempt for attempt in made}


def _attempt(intent: PaymentIntent, merchants: dict[UUID, str], number: str) -> Attempt:
    return Attempt(
        intent=intent,
        out_trade_no=number,
        amount_fen=intent.amount_fen,
        seller_id=gateway().seller_id,
        sub_merchant_id=merchants.get(intent.merchant_uuid, "") if intent.merchant_uuid else "",
        next_query_at=clock.wall() + timedelta(seconds=FIRST_QUERY_S),
        created_at=clock.now(),
    )


def _require_action(started: list[PaymentIntent], confirmed: Confirmed | None) -> None:
    """Guarded, as every move: intents that were not started stay what they are. Raises NotPayable."""
    if not started:
        return
    changes: dict[str, Any] = {"status": IntentStatus.REQUIRES_ACTION}
    if confirmed is not None and [intent.pk for intent in started] == [confirmed.intent.pk]:
        changes |= {"payment_method": started[0].payment_method, "confirmed_at": started[0].confirmed_at}
    sources = INTENT_MOVES.sources(IntentStatus.REQUIRES_ACTION)
    rows = PaymentIntent.objects.filter(pk__in=[intent.pk for intent in started], status__in=sources)
    if rows.update(**changes) != len(started):
        raise NotPayable
    for intent in started:
        intent.status = IntentStatus.REQUIRES_ACTION


def _page(group: PaymentGroup, started: Started) -> str:
    """The page to pay on: signed already, or asked for now."""
    if started.url:
        return started.url
    merge_no = _merge_no(started.orders)
    try:
        url = _link(group, started.orders, started.expires_at)
    except GatewayError as error:
        record_call(operation="pay_link", number=merge_no, result="refused" if error.permanent else "unknown",
                    reason=str(error))  # fmt: skip
        raise ProviderAway from error
    record_call(operation="pay_link", number=merge_no, result="done")
    PaymentGroup.objects.filter(pk=group.pk, status=GroupStatus.OPEN).update(pay_url=url)
    return url


def _link(group: PaymentGroup, orders: list[TradeOrder], expires_at: datetime) -> str:
    return gateway().pay_link(
        merge_no=_merge_no(orders),
        trades=orders,
        return_url=f"{settings.PUBLIC_URL}/payments/alipay/return?group={group.uuid}",
        notify_url=f"{settings.PUBLIC_URL}/payments/alipay/notify",
        expires_at=expires_at,
    )


def new_number() -> str:
    """Ours for one trade at the provider."""
    return "Y" + uuid7().hex


def _merge_no(orders: list[TradeOrder]) -> str:
    return "M" + hashlib.sha256("".join(order.out_trade_no for order in orders).encode()).hexdigest()[:31]


def _open_attempt(intent: PaymentIntent) -> Attempt | None:
    """An intent that waits for a confirmation has none: attempt and intent move in one transaction."""
    if intent.status in (IntentStatus.REQUIRES_PAYMENT_METHOD, IntentStatus.REQUIRES_CONFIRMATION):
        return None
    return next((a for a in intent.attempts.all() if a.status == AttemptStatus.OPEN), None)


def _order(intent: PaymentIntent, attempt: Attempt | None) -> TradeOrder:
    if attempt is None:
        raise NotPayable
    return TradeOrder(
        out_trade_no=attempt.out_trade_no,
        amount_fen=attempt.amount_fen,
        subject=intent.subject,
        seller_id=attempt.seller_id,
        sub_merchant_id=attempt.sub_merchant_id,
    )


def _link_expiry(group: PaymentGroup) -> datetime:
    """Wire time; a link keeps its own for as long as anybody could still open it."""
    standing = group.link_expires_at
    if standing is not None and standing > clock.wall() + timedelta(minutes=1):
        return standing
    return clock.wall() + LINK_LIFE
