"""What each address of the API does: read every parameter, refuse the unknown, call one service."""

import hashlib
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from marketplace.kernel import clock
from orders.payments.models import Attempt, Event, PaymentIntent, Refund, WebhookEndpoint
from orders.payments.services import intents as intent_services
from orders.payments.services import together
from orders.payments.services.developer_events import current_request, deliver_again, new_secret
from orders.payments.services.groups import MAX_INTENT_FEN
from orders.payments.services.locking import lock_group
from orders.payments.services.refunds import order_refund, refunded_fen, send_refund
from orders.payments.states import AttemptStatus, IntentStatus
from orders.payments.stripe_api import resources
from orders.payments.stripe_api.errors import ApiError, invalid, missing
from orders.payments.stripe_api.forms import Reader
from orders.payments.stripe_api.resources import (
    CHARGES,
    ENDPOINTS,
    EVENTS,
    INTENTS,
    REFUNDS,
    find,
    page,
    uuid_in,
)
from orders.payments.stripe_objects import Json, charge_balance, endpoint_object, refund_balance

CANCEL_REASONS = ("duplicate", "fraudulent", "requested_by_customer", "abandoned")
REFUND_REASONS = ("duplicate", "fraudulent", "requested_by_customer")
ENDPOINT_URL_MAX = 500
EVENT_TYPE = re.compile(r"\*|[a-z_]+(\.[a-z_]+)+")


# payment_intents


def create_intent(reader: Reader, key: str) -> Json:
    amount = reader.integer("amount", needed=True, low=1, high=MAX_INTENT_FEN)
    if reader.choice("currency", ("cny", "CNY"), needed=True) is None or amount is None:
        raise invalid("Missing required param: currency.", param="currency", code="parameter_missing")
    confirm, return_url = reader.flag("confirm"), _url(reader, "return_url")
    method = _payment_method(reader)
    new = intent_services.NewIntent(
        amount_fen=amount,
        uuid=_uuid_of(key),
        description=reader.text("description", most=200) or "",
        merchant=_account(reader.text("on_behalf_of")),
        metadata=reader.metadata() or {},
        payment_method=method,
        capture_method=reader.choice("capture_method", ("automatic", "automatic_async", "manual"))
        or "automatic",
        label=reader.text("transfer_group", most=100) or "",
    )
    reader.finish()
    if confirm and not return_url:
        raise invalid("A `return_url` is required to confirm.", param="return_url", code="parameter_missing")
    if confirm and not method:
        raise invalid("A `payment_method` is required to confirm.", param="payment_method")
    if confirm and return_url:
        return _now(intent_services.create_confirmed(new, return_url=return_url))
    return _now(intent_services.create_intent(new))


def update_intent(outside_id: str, reader: Reader, key: str) -> Json:
    intent = find(INTENTS, outside_id, param="intent")
    amount = reader.integer("amount", low=1, high=MAX_INTENT_FEN)
    description, metadata = reader.text("description", most=200), reader.metadata()
    reader.choice("currency", ("cny", "CNY"))
    method = _payment_method(reader)
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
    return_url, method = _url(reader, "return_url"), _payment_method(reader)
    reader.finish()
    if not return_url:
        raise invalid("A `return_url` is required to confirm.", param="return_url", code="parameter_missing")
    if not method and not seen.intent.payment_method:
        raise invalid("A `payment_method` is required to confirm.", param="payment_method")
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
    return _finished(page(INTENTS, _created(rows, reader), reader=reader, url="/v1/payment_intents"), reader)


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
    send_refund(ordered.pk)
    return REFUNDS.show(REFUNDS.rows().get(pk=ordered.pk))


def update_refund(outside_id: str, reader: Reader, key: str) -> Json:
    refund: Refund = find(REFUNDS, outside_id)
    metadata = reader.metadata()
    reader.finish()
    if metadata is not None:
        kept = {k: v for k, v in (refund.metadata | dict(metadata)).items() if v != ""}
        Refund.objects.filter(pk=refund.pk).update(metadata=kept)
    return REFUNDS.show(find(REFUNDS, outside_id))


def list_refunds(reader: Reader) -> Json:
    rows = REFUNDS.rows()
    charge_id, intent_id = reader.text("charge"), reader.text("payment_intent")
    if charge_id:
        rows = rows.filter(attempt=find(CHARGES, charge_id, param="charge"))
    if intent_id:
        rows = rows.filter(intent=find(INTENTS, intent_id, param="payment_intent"))
    return _finished(page(REFUNDS, _created(rows, reader), reader=reader, url="/v1/refunds"), reader)


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
        raise ApiError(400, "This PaymentIntent has no successful charge to refund.", param="payment_intent")
    return intent


# charges, balance transactions


def list_charges(reader: Reader) -> Json:
    rows, intent_id = CHARGES.rows(), reader.text("payment_intent")
    if intent_id:
        rows = rows.filter(intent=find(INTENTS, intent_id, param="payment_intent"))
    label = reader.text("transfer_group")
    rows = rows.filter(intent__group__label=label) if label else rows
    return _finished(page(CHARGES, rows, reader=reader, url="/v1/charges"), reader)


def list_balance_transactions(reader: Reader) -> Json:
    """Of one kind or source: `type=charge` or `type=refund` (charges unless named)."""
    kind = reader.choice("type", ("charge", "refund")) or "charge"
    after = reader.text("starting_after")
    resource = CHARGES if kind == "charge" else REFUNDS
    rows = resource.rows() if kind == "charge" else resource.rows().filter(status="succeeded")
    if after:
        rows = rows.filter(
            pk__lt=find(resource, after.replace("txn_", f"{resource.prefix}_"), param="starting_after").pk
        )
    show: Callable[..., Json] = charge_balance if kind == "charge" else refund_balance
    listed = page(resource, rows, reader=reader, url="/v1/balance_transactions", show=show)
    return _finished(listed, reader)


# events, webhook endpoints


def list_events(reader: Reader) -> Json:
    rows, event_type, types = EVENTS.rows(), reader.text("type"), reader.texts("types")
    if event_type:
        pattern = re.escape(event_type).replace(r"\*", ".*")
        rows = rows.filter(type__regex=f"^{pattern}$")
    if types:
        rows = rows.filter(type__in=types)
    return _finished(page(EVENTS, _created(rows, reader), reader=reader, url="/v1/events"), reader)


def retry_event(outside_id: str, reader: Reader, key: str) -> Json:
    """Sends an event again to one endpoint, or to all that want it."""
    event: Event = find(EVENTS, outside_id)
    endpoint_id = reader.text("webhook_endpoint")
    reader.finish()
    if endpoint_id:
        targets = [find(ENDPOINTS, endpoint_id, param="webhook_endpoint")]
    else:
        targets = [e for e in WebhookEndpoint.objects.filter(status="enabled") if e.wants(event.type)]
    for endpoint in targets:
        deliver_again(event, endpoint)
    return EVENTS.show(find(EVENTS, outside_id))


def create_endpoint(reader: Reader, key: str) -> Json:
    """The answer is the only one that ever shows the secret."""
    url, events = _url(reader, "url", needed=True), _event_types(reader, needed=True)
    description, metadata = reader.text("description", most=200) or "", reader.metadata() or {}
    reader.text("api_version")
    reader.finish()
    endpoint = WebhookEndpoint.objects.create(
        url=url or "",
        enabled_events=events,
        description=description,
        metadata=dict(metadata),
        secret=new_secret(),
        created_at=clock.now(),
    )
    return endpoint_object(endpoint, with_secret=True)


def update_endpoint(outside_id: str, reader: Reader, key: str) -> Json:
    endpoint: WebhookEndpoint = find(ENDPOINTS, outside_id)
    url, events = _url(reader, "url"), _event_types(reader)
    description, metadata = reader.text("description", most=200), reader.metadata()
    disabled = reader.choice("disabled", ("true", "false"))
    reader.finish()
    endpoint.url = url or endpoint.url
    endpoint.enabled_events = events or endpoint.enabled_events
    endpoint.description = endpoint.description if description is None else description
    endpoint.status = {"true": "disabled", "false": "enabled"}.get(disabled or "", endpoint.status)
    if metadata is not None:
        endpoint.metadata = {k: v for k, v in (endpoint.metadata | dict(metadata)).items() if v != ""}
    endpoint.save()
    return endpoint_object(endpoint)


def delete_endpoint(outside_id: str) -> Json:
    find(ENDPOINTS, outside_id).delete()
    return {"id": outside_id, "object": "webhook_endpoint", "deleted": True}


def list_endpoints(reader: Reader) -> Json:
    return _finished(page(ENDPOINTS, ENDPOINTS.rows(), reader=reader, url="/v1/webhook_endpoints"), reader)


def retrieve(resource: resources.Resource, outside_id: str) -> Json:
    return resource.show(find(resource, outside_id))


# readers shared by several addresses


def _uuid_of(key: str) -> UUID:
    """A call that died after its work finds that work again under its Idempotency-Key."""
    return UUID(bytes=hashlib.sha256(key.encode()).digest()[:16], version=4)


def _payment_method(reader: Reader) -> str:
    """`alipay` if any of the ways to name it is used; nothing else is offered here."""
    types = reader.texts("payment_method_types")
    if types and types != ["alipay"]:
        raise invalid("payment_method_types must be ['alipay']", param="payment_method_types[0]")
    data, named = reader.object("payment_method_data"), reader.text("payment_method")
    reader.object("payment_method_options")
    reader.object("automatic_payment_methods")
    if data and data.get("type") != "alipay":
        raise invalid("payment_method_data[type] must be alipay", param="payment_method_data[type]")
    if named and not named.startswith("pm_"):
        raise missing("payment_method", named, param="payment_method")
    return "alipay" if data or named else ""


def _account(outside_id: str | None) -> UUID | None:
    if not outside_id:
        return None
    try:
        return UUID(hex=outside_id.removeprefix("acct_"))
    except ValueError:
        raise missing("account", outside_id, param="on_behalf_of") from None


def _url(reader: Reader, name: str, *, needed: bool = False) -> str | None:
    text = reader.text(name, most=ENDPOINT_URL_MAX, needed=needed)
    if text and (urlsplit(text).scheme not in ("http", "https") or not urlsplit(text).hostname):
        raise invalid(
            f"Invalid URL: {name} must start with http:// or https://", param=name, code="url_invalid"
        )
    return text


def _event_types(reader: Reader, *, needed: bool = False) -> list[str]:
    events = reader.texts("enabled_events")
    if needed and not events:
        raise invalid(
            "Missing required param: enabled_events.", param="enabled_events", code="parameter_missing"
        )
    if not all(EVENT_TYPE.fullmatch(event) for event in events):
        raise invalid("Invalid event type", param="enabled_events")
    return events


def _created(rows: "QuerySet[Any]", reader: Reader) -> "QuerySet[Any]":
    """`created[gte]=<unix seconds>` and its siblings."""
    asked = reader.object("created")
    for sign in ("gt", "gte", "lt", "lte"):
        if sign in asked:
            if not str(asked[sign]).isdigit():
                raise invalid(
                    "Invalid integer: created", param=f"created[{sign}]", code="parameter_invalid_integer"
                )
            rows = rows.filter(**{f"created_at__{sign}": datetime.fromtimestamp(int(asked[sign]), UTC)})
    return rows


def _finished(shown: Json, reader: Reader) -> Json:
    reader.finish()
    return shown
