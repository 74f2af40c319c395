"""Events for developers, written in the transaction of the change with a row per endpoint that wants them."""

import secrets
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import orjson
from django.db import connection

from marketplace.kernel import clock
from marketplace.kernel.ids import uuid7
from orders.payments.models import Attempt, Event, PaymentIntent, Refund, WebhookDelivery, WebhookEndpoint
from orders.payments.stripe_objects import Json, charge_object, intent_object, refund_object

#: A part of a statement, since events go with every change of money and what they cost is paid each time.
TELL = """
told AS (
    INSERT INTO payments_event (request_id, idempotency_key, created_at, uuid, type, object_id, data)
    SELECT %s, %s, %s, fact.uuid, fact.type, fact.object_id, fact.data::jsonb
    FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[])
        WITH ORDINALITY AS fact (uuid, type, object_id, data, place){beside}
    ORDER BY fact.place
    RETURNING id, type
),
delivered AS (
    INSERT INTO payments_webhookdelivery
        (uuid, event_id, endpoint_id, status, tries, next_try_at, last_result)
    SELECT gen_random_uuid(), told.id, endpoint.id, 'pending', 0, %s, ''
    FROM told JOIN payments_webhookendpoint endpoint
        ON endpoint.status = 'enabled' AND endpoint.enabled_events ?| ARRAY['*', told.type]
)
"""

#: every type that is ever told
SENT = frozenset(
    {
        *(f"payment_intent.{fact}" for fact in (
            "created", "requires_action", "amount_capturable_updated", "succeeded", "payment_failed",
            "canceled",
        )),
        *(f"charge.{fact}" for fact in ("succeeded", "refunded")),
        *(f"refund.{fact}" for fact in ("created", "updated", "failed")),
    }
)  # fmt: skip

Fact = tuple[str, Json]
"""An event's type, and the object as it is then."""


@dataclass(slots=True)
class ApiRequest:
    """The API call that is being answered: events that it causes name it."""

    request_id: str
    idempotency_key: str = ""
    plain: bool = False
    """It is answered with the object as it is, nothing expanded: a service may keep the answer itself."""
    kept: Json | None = None
    """The answer, once a service has kept it under the key together with its work."""


current_request: ContextVar[ApiRequest | None] = ContextVar("current_request", default=None)


def tell_intents(event_type: str, intents: Sequence[PaymentIntent], *, complete: bool = False) -> None:
    """`payment_intent.<event_type>` for each; read again unless they are `complete` as they stand."""
    if complete:
        record_events([shown_intent(event_type, row) for row in intents])
        return
    fresh = PaymentIntent.objects.filter(pk__in=[intent.pk for intent in intents])
    rows = fresh.select_related("group", "pre_authorisation").prefetch_related("attempts").order_by("pk")
    record_events([(f"payment_intent.{event_type}", intent_object(row)) for row in rows])


def shown_intent(event_type: str, intent: PaymentIntent) -> Fact:
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


def record_events(facts: Sequence[Fact]) -> None:
    """A row per event and per endpoint that wants it, in the change's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(f"WITH {TELL.format(beside='')} SELECT FROM told", told(facts))


def told(facts: Sequence[Fact]) -> list[Any]:
    """The parameters of TELL."""
    request = current_request.get() or ApiRequest(request_id="")
    return [
        request.request_id, request.idempotency_key, clock.now(),
        [uuid7() for _ in facts],
        [event_type for event_type, _ in facts],
        [shown["id"] for _, shown in facts],
        [orjson.dumps(shown).decode() for _, shown in facts],
        clock.wall(),
    ]  # fmt: skip
