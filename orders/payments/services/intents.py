"""Single intents for developers: create, change, confirm, capture and cancel one at a time.

An intent lives in a group, alone or beside others of the same `label` (Stripe's transfer_group); a group is
paid in one act, so its page appears when its last intent is confirmed, and cancelling one cancels all.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from django.db import IntegrityError, transaction

from marketplace.kernel import clock
from marketplace.kernel.errors import N_, InvalidInput
from marketplace.kernel.ids import uuid7
from orders.payments.errors import NotPayable
from orders.payments.models import PaymentGroup, PaymentIntent
from orders.payments.services import together
from orders.payments.services.confirming import CONFIRMABLE, confirm_part, offered_attempt
from orders.payments.services.developer_events import shown_intent, tell_intents
from orders.payments.services.freezes import capture_frozen, start_freeze
from orders.payments.services.groups import MAX_INTENT_FEN, cancel_group, close_group
from orders.payments.services.locking import lock_group
from orders.payments.services.merchants import remember_merchants
from orders.payments.services.together import Seen
from orders.payments.states import GroupStatus, IntentStatus

OPEN_FOR = timedelta(hours=24)
CHANGEABLE = (IntentStatus.REQUIRES_PAYMENT_METHOD, IntentStatus.REQUIRES_CONFIRMATION)
METHOD = "alipay"
METADATA_MAX_KEYS = 50


@dataclass(frozen=True, kw_only=True)
class NewIntent:
    amount_fen: int
    uuid: UUID = field(default_factory=uuid7)
    description: str = ""
    merchant: UUID | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    payment_method: str = ""
    capture_method: str = "automatic"
    label: str = ""


def create_intent(new: NewIntent, *, last: bool = True) -> PaymentIntent:
    """An intent in a group of its own, or in its label's open group; the same `uuid` is the same intent.

    `last`: an API call that creates it is thereby answered.
    """
    _check(new)
    remember_merchants({new.merchant: new.description or "merchant"})
    try:
        return _beside_others(new) if new.label else _alone(new, last=last)
    except IntegrityError:  # its uuid is taken: a call that died after its work, or one beside this
        return _made_before(new)


def _alone(new: NewIntent, *, last: bool) -> PaymentIntent:
    intent = _row(new, _new_group(""))
    together.create(intent, attempt=None, facts=[shown_intent("created", intent)], last=last)
    return intent


def _beside_others(new: NewIntent) -> PaymentIntent:
    with transaction.atomic():
        intent = _row(new, _group_of(new.label))
        intent.save(force_insert=True)
        tell_intents("created", [intent], complete=True)
    return intent


def create_confirmed(new: NewIntent, *, return_url: str) -> PaymentIntent:
    """`create_intent` and `confirm_intent` in one statement, for an intent alone in its group.

    Never inside a transaction. Raises as both; what was made before a refusal or a crash is found again.
    """
    _check(new)
    if new.capture_method == "manual" or new.label or not new.payment_method:
        return confirm_intent(create_intent(new, last=False), return_url=return_url)
    remember_merchants({new.merchant: new.description or "merchant"})
    intent = _row(new, _new_group(""))
    made = shown_intent("created", intent)
    attempt = offered_attempt(intent, return_url=return_url)  # nobody has seen it yet
    try:
        together.create(intent, attempt=attempt, facts=[made, shown_intent("requires_action", intent)])
    except IntegrityError:
        return confirm_intent(_made_before(new), return_url=return_url)
    return intent


def _made_before(new: NewIntent) -> PaymentIntent:
    found: PaymentIntent = PaymentIntent.objects.select_related("group").get(uuid=new.uuid)
    return found


def _check(new: NewIntent) -> None:
    _check_amount(new.amount_fen)
    if new.capture_method == "manual" and new.label:
        raise InvalidInput(N_("预授权只用于单独的支付单"), field="capture_method")


def _row(new: NewIntent, group: PaymentGroup) -> PaymentIntent:
    return PaymentIntent(
        uuid=new.uuid,
        group=group,
        reference=uuid7(),
        merchant_uuid=new.merchant,
        amount_fen=new.amount_fen,
        description=new.description,
        metadata=dict(new.metadata),
        payment_method=new.payment_method,
        capture_method=new.capture_method,
        status=_before_confirming(new.payment_method),
        created_at=clock.now(),
    )


def update_intent(
    intent: PaymentIntent,
    *,
    amount_fen: int | None = None,
    description: str | None = None,
    metadata: Mapping[str, str] | None = None,
    payment_method: str | None = None,
) -> None:
    """Amount and method only before it was confirmed: a number at the provider never changes its amount.

    In `metadata` an empty value removes its key, and an empty mapping all of them. Raises NotPayable,
    InvalidInput.
    """
    with transaction.atomic():
        lock_group(intent.group_id)
        intent.refresh_from_db()
        if amount_fen is not None and amount_fen != intent.amount_fen:
            _check_amount(amount_fen)
            if intent.status not in CHANGEABLE or intent.attempts.exists():
                raise NotPayable
            intent.amount_fen = amount_fen
        if payment_method is not None and intent.status in CHANGEABLE:
            intent.payment_method = payment_method
            intent.status = _before_confirming(payment_method)
        if description is not None:
            intent.description = description
        if metadata is not None:
            intent.metadata = merged_metadata(intent.metadata, metadata)
        intent.save()


def confirm_seen(seen: Seen, *, return_url: str, payment_method: str = "") -> PaymentIntent:
    """`confirm_intent` of an intent read without a lock: one statement if it is alone and unchanged."""
    intent = seen.intent
    method = intent.payment_method or payment_method
    if (
        seen.alone and method and not intent.group.label and intent.group.status == GroupStatus.OPEN
        and intent.capture_method != "manual" and intent.status in CHANGEABLE
    ):  # fmt: skip
        intent.payment_method = method
        attempt = offered_attempt(intent, return_url=return_url)
        if together.offer(seen, attempt=attempt, facts=[shown_intent("requires_action", intent)]):
            return intent
        intent = _read_again(intent)
    return confirm_intent(intent, return_url=return_url, payment_method=payment_method)


def confirm_intent(intent: PaymentIntent, *, return_url: str, payment_method: str = "") -> PaymentIntent:
    """The last intent of a group makes the provider's page appear. Not in a transaction; safe to repeat.

    Gives the intent as it stands committed, with its group and attempts.
    Raises NotPayable, ProviderAway, MerchantNotRegistered.
    """
    if intent.capture_method != "manual":
        part = confirm_part(intent=intent, return_url=return_url, payment_method=payment_method)
        return part or _read_again(intent)
    if payment_method and intent.payment_method != payment_method:
        update_intent(intent, payment_method=payment_method)
    with transaction.atomic(durable=True):
        group = lock_group(intent.group_id)
        intent.refresh_from_db()
        if group.status != GroupStatus.OPEN or intent.status not in CONFIRMABLE:
            raise NotPayable
        PaymentIntent.objects.filter(pk=intent.pk).update(confirmed_at=clock.now())
        PaymentGroup.objects.filter(pk=group.pk).update(return_url=return_url)
    start_freeze(intent)
    return _read_again(intent)


def capture_intent(intent: PaymentIntent, *, amount_fen: int | None = None) -> None:
    """Never inside a transaction. Raises NotPayable, InvalidInput, ProviderAway."""
    capture_frozen(intent=intent, amount_fen=intent.amount_fen if amount_fen is None else amount_fen)


def cancel_intent(intent: PaymentIntent, *, reason: str = "") -> None:
    """Gives up the intent's whole group, and asks the provider at once. Never inside a transaction.

    Raises NotPayable if it is paid or over. Until the provider agrees the intent shows as processing.
    """
    with transaction.atomic(durable=True):
        group = lock_group(intent.group_id)
        if group.status not in (GroupStatus.OPEN, GroupStatus.CLOSING):
            raise NotPayable
        PaymentIntent.objects.filter(pk=intent.pk).update(cancellation_reason=reason)
        cancel_group(reference=group.reference, why=reason or "cancelled")
    close_group(group.pk)


def _read_again(intent: PaymentIntent) -> PaymentIntent:
    rows = PaymentIntent.objects.select_related("group", "pre_authorisation").prefetch_related("attempts")
    found: PaymentIntent = rows.get(pk=intent.pk)
    return found


def _group_of(label: str) -> PaymentGroup:
    if label:
        found = PaymentGroup.objects.filter(label=label, status=GroupStatus.OPEN).order_by("-pk").first()
        if found is not None and not found.intents.exclude(confirmed_at=None).exists():
            return lock_group(found.pk)
    made = _new_group(label)
    made.save(force_insert=True)
    return made


def _new_group(label: str) -> PaymentGroup:
    now = clock.now()
    return PaymentGroup(reference=uuid7(), label=label, expires_at=now + OPEN_FOR, created_at=now)


def _before_confirming(payment_method: str) -> IntentStatus:
    return IntentStatus.REQUIRES_CONFIRMATION if payment_method else IntentStatus.REQUIRES_PAYMENT_METHOD


def merged_metadata(standing: Mapping[str, str], change: Mapping[str, str]) -> dict[str, str]:
    """An empty value removes its key, an empty `change` all of them. Raises InvalidInput if too many."""
    kept = {key: value for key, value in {**standing, **change}.items() if value != ""} if change else {}
    if len(kept) > METADATA_MAX_KEYS:
        raise InvalidInput(field="metadata")
    return kept


def _check_amount(amount_fen: int) -> None:
    if not 0 < amount_fen <= MAX_INTENT_FEN:
        raise InvalidInput(N_("金额必须大于零且不超过上限"), field="amount")
