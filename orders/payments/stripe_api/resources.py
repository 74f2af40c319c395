"""Objects by their outside ids, pages of them, and `expand`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import QuerySet

from orders.payments import stripe_objects as objects
from orders.payments.models import Attempt, Event, PaymentIntent, Refund, WebhookEndpoint
from orders.payments.states import AttemptStatus
from orders.payments.stripe_api.errors import invalid, missing
from orders.payments.stripe_api.forms import Reader
from orders.payments.stripe_objects import Json

PAID = (AttemptStatus.SUCCEEDED, AttemptStatus.LATE)


@dataclass(frozen=True)
class Resource:
    """One kind of object: its id prefix, its rows with everything that rendering reads, and its rendering."""

    prefix: str
    name: str
    rows: Callable[[], "QuerySet[Any]"]
    show: Callable[[Any], Json]
    one: "Callable[[], QuerySet[Any]] | None" = None
    """What a single row is read with, where reading the rest only when it is asked for costs less."""


def _intent() -> "QuerySet[PaymentIntent]":
    return PaymentIntent.objects.select_related("group")


def _intents() -> "QuerySet[PaymentIntent]":
    return PaymentIntent.objects.select_related("group", "pre_authorisation").prefetch_related("attempts")


def _charges() -> "QuerySet[Attempt]":
    rows = Attempt.objects.filter(status__in=PAID)
    return rows.select_related("intent__group").prefetch_related("refunds")


def _refunds() -> "QuerySet[Refund]":
    return Refund.objects.select_related("intent__group", "attempt")


def _show_event(event: Event) -> Json:
    pending = sum(1 for delivery in event.deliveries.all() if delivery.status == "pending")
    return objects.event_object(event, pending=pending)


INTENTS = Resource("pi", "payment_intent", _intents, objects.intent_object, _intent)
CHARGES = Resource("ch", "charge", _charges, objects.charge_object)
REFUNDS = Resource("re", "refund", _refunds, objects.refund_object)
EVENTS = Resource("evt", "event", lambda: Event.objects.prefetch_related("deliveries"), _show_event)
ENDPOINTS = Resource("we", "webhook_endpoint", WebhookEndpoint.objects.all, objects.endpoint_object)
#: a payment by Alipay has no saved method: the intent's own is shown where somebody looks for one
METHODS = Resource(
    "pm", "payment_method", lambda: _intent().exclude(payment_method=""), objects.method_object
)


def uuid_in(resource: Resource, outside_id: str) -> UUID | None:
    """None for an id of another kind or shape."""
    prefix, _, tail = outside_id.partition("_")
    try:
        return UUID(hex=tail) if prefix == resource.prefix else None
    except ValueError:
        return None


def find(resource: Resource, outside_id: str, *, param: str = "id") -> Any:
    """The row. Raises 404 resource_missing, also for an id of another kind or shape."""
    rows = (resource.one or resource.rows)()
    try:
        return rows.get(uuid=uuid_in(resource, outside_id))
    except ObjectDoesNotExist:
        raise missing(resource.name, outside_id, param=param) from None


def limits(reader: Reader) -> tuple[int, str | None, str | None]:
    """`limit`, and one of `starting_after` and `ending_before`."""
    limit = reader.integer("limit", low=1, high=100) or 10
    after, before = reader.text("starting_after"), reader.text("ending_before")
    if after and before:
        raise invalid("Use only one of starting_after and ending_before", param="starting_after")
    return limit, after, before


def page(resource: Resource, rows: "QuerySet[Any]", *, reader: Reader, url: str) -> Json:
    """A list object, newest first."""
    limit, after, before = limits(reader)
    if before:
        mark = find(resource, before, param="ending_before")
        found = list(rows.filter(pk__gt=mark.pk).order_by("pk")[: limit + 1])
        has_more, found = len(found) > limit, found[:limit][::-1]
    else:
        if after:
            rows = rows.filter(pk__lt=find(resource, after, param="starting_after").pk)
        found = list(rows.order_by("-pk")[: limit + 1])
        has_more, found = len(found) > limit, found[:limit]
    return {"object": "list", "url": url, "has_more": has_more, "data": [resource.show(row) for row in found]}


def finished(shown: Json, reader: Reader) -> Json:
    reader.finish()
    return shown
