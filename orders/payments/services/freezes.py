"""Pre-authorisation: money frozen for a weighed sale, captured once and at most in full, the rest released.

Frozen money is no revenue and not in clearing: two mirrored accounts show it until it is paid or released.
"""

import logging
from datetime import timedelta

from django.conf import settings
from django.db import transaction

from marketplace.kernel import clock
from marketplace.kernel.errors import N_, InvalidInput
from marketplace.kernel.ids import uuid7
from orders.ledger.accounts import AccountKind
from orders.ledger.models import LedgerTransaction
from orders.ledger.services import credit, debit, post, reverse
from orders.payments.errors import NotPayable, ProviderAway
from orders.payments.gateways import base
from orders.payments.gateways.base import TradeOrder, TradeStatus
from orders.payments.gateways.registry import gateway
from orders.payments.models import Attempt, PaymentGroup, PaymentIntent, PreAuthorisation
from orders.payments.services.calls import record_call, wait_until
from orders.payments.services.developer_events import tell_intents
from orders.payments.services.locking import lock_group, move
from orders.payments.services.outcomes import finish_if_ended, record_closed, record_paid
from orders.payments.services.queries import FIRST_QUERY_S, query_attempt
from orders.payments.states import AttemptStatus, FreezeStatus, GroupStatus, IntentStatus

log = logging.getLogger(__name__)
LONGEST_TRY_S = 300.0
#: how long a frozen sum waits for its capture before it is given up
FROZEN_FOR = timedelta(days=7)


def start_freeze(intent: PaymentIntent) -> PreAuthorisation:
    """The freeze of an intent, with the link where the buyer agrees. Not in a transaction; safe to repeat."""
    fresh = _signed_freeze(intent)  # before the lock; whoever was faster has made his own
    with transaction.atomic(durable=True):
        group = lock_group(intent.group_id)
        if group.status != GroupStatus.OPEN or group.expires_at <= clock.now():
            raise NotPayable
        freeze: PreAuthorisation | None = PreAuthorisation.objects.filter(intent=intent).first()
        if freeze is None:
            freeze = fresh
            freeze.save()
        if move(intent, IntentStatus.REQUIRES_ACTION):
            tell_intents("requires_action", [intent])
    return freeze


def _signed_freeze(intent: PaymentIntent) -> PreAuthorisation:
    freeze = PreAuthorisation(
        intent=intent,
        freeze_no="F" + uuid7().hex,
        request_no="F" + uuid7().hex,
        payee_id=gateway().seller_id,
        created_at=clock.now(),
        next_try_at=clock.wall() + timedelta(seconds=FIRST_QUERY_S),
    )
    freeze.link = gateway().freeze_link(
        freeze_no=freeze.freeze_no,
        request_no=freeze.request_no,
        amount_fen=intent.amount_fen,
        subject=intent.subject,
        payee_id=freeze.payee_id,
        notify_url=f"{settings.PUBLIC_URL}/payments/alipay/notify",
    )
    return freeze


def query_freeze(freeze_id: int) -> None:
    """Asks what became of a freeze and acts on it; releases what was given up. Not in a transaction."""
    freeze = PreAuthorisation.objects.select_related("intent").get(pk=freeze_id)
    if freeze.status not in (FreezeStatus.WAITING, FreezeStatus.RELEASING):
        return
    state = gateway().query_freeze(freeze_no=freeze.freeze_no, request_no=freeze.request_no)
    record_call(operation="query_freeze", number=freeze.freeze_no, result=state.status, reason=state.reason)
    if state.status is base.FreezeStatus.FROZEN and state.frozen_fen == freeze.intent.amount_fen:
        _record_frozen(freeze.pk, auth_no=state.auth_no, frozen_fen=freeze.intent.amount_fen)
        freeze.refresh_from_db()
        if freeze.status == FreezeStatus.RELEASING:
            _release(freeze, amount_fen=state.rest_fen)
        return
    if freeze.status == FreezeStatus.RELEASING and state.status in (
        base.FreezeStatus.ABSENT,
        base.FreezeStatus.CLOSED,
    ):
        _record_released(freeze.pk)
        return
    if state.status is base.FreezeStatus.CLOSED:
        with transaction.atomic():
            lock_group(freeze.intent.group_id)
            if move(freeze.intent, IntentStatus.REQUIRES_PAYMENT_METHOD, last_payment_error="freeze_refused"):
                tell_intents("payment_failed", [freeze.intent])
    _try_later(freeze)


def capture_frozen(*, intent: PaymentIntent, amount_fen: int) -> None:
    """Takes `amount_fen` of the frozen sum, once; the provider releases the rest. Not in a transaction.

    Raises InvalidInput, NotPayable, ProviderAway (then a query of the attempt will tell).
    """
    attempt = _start_capture(intent, amount_fen)
    freeze = PreAuthorisation.objects.get(intent=intent)  # the one that came with the intent may be older
    order = TradeOrder(
        out_trade_no=attempt.out_trade_no,
        amount_fen=attempt.amount_fen,
        subject=intent.subject,
        seller_id=attempt.seller_id,
    )
    state = gateway().capture(
        trade=order, auth_no=freeze.auth_no, notify_url=f"{settings.PUBLIC_URL}/payments/alipay/notify"
    )
    record_call(operation="capture", number=attempt.out_trade_no, result=state.status, reason=state.reason)
    if state.status is not TradeStatus.PAID:
        refused = state.status is TradeStatus.ABSENT
        state = query_attempt(attempt.pk)
        if refused and state.status is TradeStatus.ABSENT:  # no trade was made and none will be
            record_closed(attempt.pk, why="capture_refused")
            raise NotPayable
        if state.status is not TradeStatus.PAID:
            raise ProviderAway
        return
    record_paid(attempt.pk, trade_no=state.trade_no, paid_at=state.paid_at, buyer_id=state.buyer_id)


def give_up_freeze(freeze: PreAuthorisation) -> None:
    """Under the group's lock: whatever is frozen, or still will be, is going to be released."""
    move(freeze, FreezeStatus.RELEASING, next_try_at=clock.wall(), tries=0)


def end_freeze(group: PaymentGroup, freeze: PreAuthorisation, *, captured_fen: int) -> None:
    """Under the group's lock, beside the capture's own posting: nothing is frozen any more."""
    released_fen = freeze.frozen_fen - captured_fen
    if move(
        freeze,
        FreezeStatus.CAPTURED,
        captured_fen=captured_fen,
        released_fen=released_fen,
        next_try_at=None,
    ):
        _unpost(group, freeze, memo="captured")


def hear_of_freeze(freeze: PreAuthorisation) -> None:
    """A notification: ask now. One that comes after the release means that the buyer agreed too late."""
    if freeze.status == FreezeStatus.RELEASED and not freeze.auth_no:
        move(freeze, FreezeStatus.RELEASING, tries=0)
    PreAuthorisation.objects.filter(
        pk=freeze.pk, status__in=[FreezeStatus.WAITING, FreezeStatus.RELEASING]
    ).update(next_try_at=clock.wall())


def _start_capture(intent: PaymentIntent, amount_fen: int) -> Attempt:
    with transaction.atomic(durable=True):
        lock_group(intent.group_id)
        intent.refresh_from_db()
        open_attempt = intent.attempts.filter(status=AttemptStatus.OPEN).first()
        if intent.status != IntentStatus.REQUIRES_CAPTURE:
            raise NotPayable
        if not 0 < amount_fen <= intent.amount_fen or (
            open_attempt and open_attempt.amount_fen != amount_fen
        ):
            raise InvalidInput(N_("扣款金额不能超过冻结金额"), field="amount_to_capture")
        if open_attempt is not None:
            found: Attempt = open_attempt
            return found
        made: Attempt = Attempt.objects.create(
            intent=intent,
            out_trade_no="Y" + uuid7().hex,
            amount_fen=amount_fen,
            seller_id=intent.pre_authorisation.payee_id,
            next_query_at=clock.wall() + timedelta(seconds=FIRST_QUERY_S),
            created_at=clock.now(),
        )
        return made


def _record_frozen(freeze_id: int, *, auth_no: str, frozen_fen: int) -> None:
    """Frozen by the buyer; what was given up meanwhile is only noted, to be released."""
    with transaction.atomic():
        freeze = PreAuthorisation.objects.select_related("intent").get(pk=freeze_id)
        group = lock_group(freeze.intent.group_id)
        freeze.refresh_from_db()
        if freeze.auth_no:
            return
        PreAuthorisation.objects.filter(pk=freeze.pk).update(auth_no=auth_no, frozen_fen=frozen_fen)
        intent = freeze.intent
        post(
            kind="frozen",
            key=freeze.freeze_no,
            occurred_at=clock.now(),
            source=group.provider,
            reference=str(intent.reference),
            memo=intent.description,
            entries=[
                debit(AccountKind.FROZEN_MIRROR, frozen_fen, intent.merchant_uuid),
                credit(AccountKind.FROZEN, frozen_fen, intent.merchant_uuid),
            ],
        )
        if move(freeze, FreezeStatus.FROZEN, next_try_at=None):
            move(intent, IntentStatus.REQUIRES_CAPTURE)
            keeps_until = max(group.expires_at, clock.now() + FROZEN_FOR)
            PaymentGroup.objects.filter(pk=group.pk).update(expires_at=keeps_until)
            tell_intents("amount_capturable_updated", [intent])


def _release(freeze: PreAuthorisation, *, amount_fen: int) -> None:
    answer = gateway().unfreeze(
        auth_no=freeze.auth_no, request_no="U" + freeze.uuid.hex, amount_fen=amount_fen, reason="取消"
    )
    record_call(operation="unfreeze", number=freeze.freeze_no, result=answer.outcome, reason=answer.sub_code)
    if answer.outcome is base.Outcome.DONE:
        _record_released(freeze.pk)
    else:
        _try_later(freeze)


def _record_released(freeze_id: int) -> None:
    with transaction.atomic():
        freeze = PreAuthorisation.objects.select_related("intent").get(pk=freeze_id)
        group = lock_group(freeze.intent.group_id)
        freeze.refresh_from_db()
        if move(freeze, FreezeStatus.RELEASED, released_fen=freeze.frozen_fen, next_try_at=None):
            _unpost(group, freeze, memo="released")
            finish_if_ended(group)


def _unpost(group: PaymentGroup, freeze: PreAuthorisation, *, memo: str) -> None:
    frozen = LedgerTransaction.objects.filter(
        provider=group.provider, kind="frozen", external_id=freeze.freeze_no
    ).first()
    if frozen is not None:
        reverse(frozen, occurred_at=clock.now(), source=group.provider, key=freeze.freeze_no, memo=memo)


def _try_later(freeze: PreAuthorisation) -> None:
    next_try = wait_until(tries=freeze.tries, first_s=FIRST_QUERY_S, longest_s=LONGEST_TRY_S)
    PreAuthorisation.objects.filter(pk=freeze.pk, status=freeze.status).update(
        tries=freeze.tries + 1, next_try_at=next_try
    )
