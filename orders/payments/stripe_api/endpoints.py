"""What each address of the API does: read every parameter, refuse the unknown, call one service."""

from django.db import transaction

from marketplace.kernel import clock
from orders.payments.models import Attempt, PaymentIntent, Refund
from orders.payments.services import intents as intent_services
from orders.payments.services import together
from orders.payments.services.developer_events import current_request
from orders.payments.services.groups import MAX_INTENT_FEN
from orders.payments.services.intents import merged_metadata
from orders.payments.services.locking import lock_group
from orders.payments.services.refunds import order_refund, refunded_fen, send_refund
from orders.payments.states import AttemptStatus, IntentStatus
from orders.payments.stripe_api import resources
from orders.payments.stripe_api.errors import ApiError, invalid, missing, needed
from orders.payments.stripe_api.forms import Reader
from orders.payments.stripe_api.parameters import account, created, currency, payment_method, url, uuid_of
from orders.payments.stripe_api.resources import CHARGES, INTENTS, REFUNDS, find, finished, page, uuid_in
from orders.payments.stripe_objects import Json

CANCEL_REASONS = ("duplicate", "fraudulent", "requested_by_customer", "abandoned")
REFUND_REASONS = ("duplicate", "fraudulent", "requested_by_customer")


# payment_intents


def create_intent(reader: Reader, key: str) -> Json:
    amount = reader.integer("amount", needed=True, low=1, high=MAX_INTENT_FEN)
    currency(reader, needed=True)
    confirm, return_url = reader.flag("confirm"), url(reader, "return_url")
    method = payment_method(reader)
    new = intent_services.NewIntent(
        amount_fen=amount or 0,
        uuid=uuid_of(key),
        description=reader.text("description", most=200) or "",
        merchant=account(reader.text("on_behalf_of")),
        metadata=reader.metadata() or {},
        payment_method=method,
        capture_method=reader.choice("capture_method", ("automatic", "automatic_async", "manual"))
        or "automatic",
        label=reader.text("transfer_group", most=100) or "",
    )
    reader.finish()
    if confirm and not return_url:
        raise needed("return_url")
    if confirm and not method:
        raise invalid(
            "A `payment_method` is required to confirm.", param="payment_method", code="parameter_missing"
        )
    if confirm and return_url:
        return _now(intent_services.create_confirmed(new, return_url=return_url))
    return _now(intent_services.create_intent(new))


def update_intent(outside_id: str, reader: Reader, key: str) -> Json:
    intent = find(INTENTS, outside_id, param="intent")
    amount = reader.integer("amount", low=1, high=MAX_INTENT_FEN)
    description, metadata = reader.text("description", most=200), reader.metadata()
    currency(reader)
    method = payment_method(reader)
    reader.finish()
    intent_services.update_intent(
        intent,
        amount_fen=amount,
        description=description,
        metadata=metadata,
        payment_method=method or None,
    )
    return _shown(intent)


def confirm_intent(outside_id: str, reader: Reader, key: str) -> Json:
    seen = together.read_intent(uuid_in(INTENTS, outside_id))
    if seen is None:
        raise missing("payment_intent", outside_id, param="intent")
    return_url, method = url(reader, "return_url"), payment_method(reader)
    reader.finish()
    if not return_url:
        raise needed("return_url")
    if not method and not seen.intent.payment_method:
        raise invalid(
            "A `payment_method` is required to confirm.", param="payment_method", code="parameter_missing"
        )
    return _now(intent_services.confirm_seen(seen, return_url=return_url, payment_method=method))


def capture_intent(outside_id: str, reader: Reader, key: str) -> Json:
    intent = find(INTENTS, outside_id, param="intent")
    amount = reader.integer("amount_to_capture", low=1, high=MAX_INTENT_FEN)
    reader.finish()
    intent_services.capture_intent(intent, amount_fen=amount)
    return _shown(intent)


def cancel_intent(outside_id: str, reader: Reader, key: str) -> Json:
    intent = find(INTENTS, outside_id, param="intent")
    reason = reader.choice("cancellation_reason", CANCEL_REASONS) or ""
    reader.finish()
    intent_services.cancel_intent(intent, reason=reason)
    return _shown(intent)


def list_intents(reader: Reader) -> Json:
    label = reader.text("transfer_group")
    rows = INTENTS.rows()
    rows = rows.filter(group__label=label) if label else rows
    return finished(page(INTENTS, created(rows, reader), reader=reader, url="/v1/payment_intents"), reader)


def _now(intent: PaymentIntent) -> Json:
    """The intent as it was just committed; what was kept as the answer is not rendered twice."""
    request = current_request.get()
    return request.kept if request is not None and request.kept is not None else INTENTS.show(intent)


def _shown(intent: PaymentIntent) -> Json:
    return INTENTS.show(INTENTS.rows().get(pk=intent.pk))


# refunds


def create_refund(reader: Reader, key: str) -> Json:
    """One refund per Idempotency-Key; an unclear answer of the provider leaves it pending."""
    charge_id, intent_id = reader.text("charge"), reader.text("payment_intent")
    amount = reader.integer("amount", low=1, high=MAX_INTENT_FEN)
    reason = reader.choice("reason", REFUND_REASONS) or ""
    metadata = reader.metadata() or {}
    reader.finish()
    intent = _refundable(charge_id, intent_id)
    with transaction.atomic(durable=True):
        lock_group(intent.group_id)
        intent.refresh_from_db()
        if amount is None:
            amount = intent.captured_fen - refunded_fen(intent=intent)
            if amount == 0:
                raise ApiError(
                    400, "Charge has already been refunded.", code="charge_already_refunded", burns_key=True
                )
        ordered = order_refund(
            intent=intent, amount_fen=amount, reason=reason, key=f"api:{key}", metadata=metadata
        )
    if ordered.next_try_at is not None and ordered.next_try_at <= clock.wall():
        send_refund(ordered.pk)  # else it stays pending: the provider wants refunds of one trade apart
    return REFUNDS.show(REFUNDS.rows().get(pk=ordered.pk))


def update_refund(outside_id: str, reader: Reader, key: str) -> Json:
    refund: Refund = find(REFUNDS, outside_id)
    metadata = reader.metadata()
    reader.finish()
    if metadata is not None:
        Refund.objects.filter(pk=refund.pk).update(metadata=merged_metadata(refund.metadata, metadata))
    return REFUNDS.show(find(REFUNDS, outside_id))


def cancel_refund(outside_id: str, reader: Reader, key: str) -> Json:
    """Refused: a refund goes to the provider as it is made, and no customer has to act on it first."""
    find(REFUNDS, outside_id)
    reader.finish()
    raise ApiError(400, "Refunds of Alipay payments cannot be canceled.", code="refund_not_cancelable")


def list_refunds(reader: Reader) -> Json:
    rows = REFUNDS.rows()
    charge_id, intent_id = reader.text("charge"), reader.text("payment_intent")
    if charge_id:
        rows = rows.filter(attempt=find(CHARGES, charge_id, param="charge"))
    if intent_id:
        rows = rows.filter(intent=find(INTENTS, intent_id, param="payment_intent"))
    return finished(page(REFUNDS, created(rows, reader), reader=reader, url="/v1/refunds"), reader)


def _refundable(charge_id: str | None, intent_id: str | None) -> PaymentIntent:
    if bool(charge_id) == bool(intent_id):
        raise invalid(
            "Give exactly one of charge and payment_intent.", param="charge", code="parameter_missing"
        )
    if charge_id:
        attempt: Attempt = find(CHARGES, charge_id, param="charge")
        if attempt.status == AttemptStatus.LATE:
            raise ApiError(400, "Charge has already been refunded.", code="charge_already_refunded")
        return attempt.intent
    intent: PaymentIntent = find(INTENTS, intent_id or "", param="payment_intent")
    if intent.status != IntentStatus.SUCCEEDED:
        raise ApiError(
            400,
            f"This PaymentIntent ({intent_id}) does not have a successful charge to refund.",
            param="payment_intent",
            code="payment_intent_unexpected_state",
        )
    return intent


def retrieve(resource: resources.Resource, outside_id: str) -> Json:
    return resource.show(find(resource, outside_id))


# charges


def list_charges(reader: Reader) -> Json:
    rows, intent_id = CHARGES.rows(), reader.text("payment_intent")
    if intent_id:
        rows = rows.filter(intent=find(INTENTS, intent_id, param="payment_intent"))
    label = reader.text("transfer_group")
    rows = rows.filter(intent__group__label=label) if label else rows
    return finished(
        page(CHARGES, created(rows, reader, at="paid_at"), reader=reader, url="/v1/charges"), reader
    )


def list_charge_refunds(outside_id: str, reader: Reader) -> Json:
    rows = REFUNDS.rows().filter(attempt=find(CHARGES, outside_id, param="charge"))
    return finished(page(REFUNDS, rows, reader=reader, url=f"/v1/charges/{outside_id}/refunds"), reader)
