"""Events for developers, written in the transaction of the change with a row per endpoint that wants them."""

import secrets
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass

from marketplace.kernel import clock
from marketplace.kernel.ids import uuid7
from orders.payments.models import Attempt, Event, PaymentIntent, Refund, WebhookDelivery, WebhookEndpoint
from orders.payments.stripe_objects import Json, charge_object, intent_object, refund_object


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """The API call that is being answered: events that it causes name it."""

    request_id: str
    idempotency_key: str = ""


current_request: ContextVar[ApiRequest | None] = ContextVar("current_request", default=None)


def tell_intents(event_type: str, intents: Sequence[PaymentIntent], *, complete: bool = False) -> None:
    """`payment_intent.<event_type>` for each; read again unless they are `complete` as they stand."""
    if complete:
        record_events([shown_intent(event_type, row) for row in intents])
        return
    fresh = PaymentIntent.objects.filter(pk__in=[intent.pk for intent in intents])
    rows = fresh.select_related("group", "pre_authorisation").prefetch_related("attempts").order_by("pk")
    record_events([(f"payment_intent.{event_type}", intent_object(row)) for row in rows])


def shown_intent(event_type: str, intent: PaymentIntent) -> tuple[str, Json]:
    """What an event will say of the intent as it stands now."""
    return f"payment_intent.{event_type}", intent_object(intent)


def tell_charge(event_type: str, attempt: Attempt) -> None:
    fresh = Attempt.objects.select_related("intent__group").prefetch_related("refunds").get(pk=attempt.pk)
    record_events([(f"charge.{event_type}", charge_object(fresh))])


def tell_refund(event_type: str, refund: Refund) -> None:
    fresh = Refund.objects.select_related("intent__group", "attempt").get(pk=refund.pk)
    record_events([(f"refund.{event_type}", refund_object(fresh))])


def new_secret() -> str:
    return "whsec_" + secrets.token_urlsafe(32).replace("-", "a").replace("_", "b")


def deliver_again(event: Event, endpoint: WebhookEndpoint) -> None:
    """Sends an event once more, whatever became of it before."""
    WebhookDelivery.objects.update_or_create(
        event=event,
        endpoint=endpoint,
        defaults={"status": "pending", "tries": 0, "next_try_at": clock.wall()},
    )


def record_events(facts: Sequence[tuple[str, Json]]) -> None:
    """(type, object) of each: a row per event and per endpoint that wants it, in the change's transaction."""
    request = current_request.get()
    now = clock.now()
    events = Event.objects.bulk_create(
        Event(
            uuid=uuid7(),
            type=event_type,
            object_id=shown["id"],
            data=shown,
            request_id=request.request_id if request else "",
            idempotency_key=request.idempotency_key if request else "",
            created_at=now,
        )
        for event_type, shown in facts
    )
    endpoints = list(WebhookEndpoint.objects.filter(status="enabled"))
    if endpoints:
        WebhookDelivery.objects.bulk_create(
            WebhookDelivery(event=event, endpoint=endpoint, next_try_at=clock.wall())
            for event in events
            for endpoint in endpoints
            if endpoint.wants(event.type)
        )
