"""Sending events to developers' endpoints, signed as Stripe signs them, until they answer 2xx."""

import hashlib
import hmac
import logging

import httpx
import orjson

from marketplace.kernel import clock
from orders.payments.models import WebhookDelivery
from orders.payments.services.calls import wait_until
from orders.payments.stripe_objects import event_object

log = logging.getLogger(__name__)
TIMEOUT_S = 10.0
FIRST_WAIT_S, LONGEST_WAIT_S = 5.0, 8 * 3600.0
MAX_TRIES = 16  # about three days


def signature(*, secret: str, timestamp: int, payload: bytes) -> str:
    """The `Stripe-Signature` header: HMAC-SHA256 over `<t>.<raw body>`."""
    signed = f"{timestamp}.".encode() + payload
    return f"t={timestamp},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


def send_webhook(delivery_id: int) -> bool:
    """One try. Never inside a transaction; receivers drop repeats by the event's id. True once delivered."""
    delivery = WebhookDelivery.objects.select_related("event", "endpoint").get(pk=delivery_id)
    if delivery.status != "pending" or delivery.endpoint.status != "enabled":
        return str(delivery.status) == "delivered"
    pending = delivery.event.deliveries.filter(status="pending").count()
    payload = orjson.dumps(event_object(delivery.event, pending=pending))
    result = _post(delivery.endpoint.url, delivery.endpoint.secret, payload)
    done = result.isdigit() and 200 <= int(result) < 300
    tries = delivery.tries + 1
    status = "delivered" if done else "failed" if tries >= MAX_TRIES else "pending"
    next_try = wait_until(tries=delivery.tries, first_s=FIRST_WAIT_S, longest_s=LONGEST_WAIT_S)
    WebhookDelivery.objects.filter(pk=delivery.pk, status="pending").update(
        status=status, tries=tries, last_result=result[:100],
        next_try_at=next_try if status == "pending" else None,
    )  # fmt: skip
    return done


def _post(url: str, secret: str, payload: bytes) -> str:
    """The HTTP status as text, or why there is none; redirects are not followed."""
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Yinong/1.0",
        "Stripe-Signature": signature(
            secret=secret, timestamp=int(clock.wall().timestamp()), payload=payload
        ),
    }
    try:
        answer = httpx.post(url, content=payload, headers=headers, timeout=TIMEOUT_S, trust_env=False)
    except httpx.HTTPError as error:
        log.info("webhook to %s failed: %s", url, type(error).__name__)
        return type(error).__name__
    return str(answer.status_code)
