"""What developers ask about their own integration: events, and the endpoints that hear of them."""

import re

from marketplace.kernel import clock
from orders.payments.models import Event, WebhookDelivery, WebhookEndpoint
from orders.payments.services.developer_events import SENT, deliver_again, new_secret
from orders.payments.services.intents import merged_metadata
from orders.payments.stripe_api.errors import invalid
from orders.payments.stripe_api.forms import Reader
from orders.payments.stripe_api.parameters import created, url, uuid_of
from orders.payments.stripe_api.resources import ENDPOINTS, EVENTS, find, finished, page
from orders.payments.stripe_objects import API_VERSION, Json, endpoint_object

UNSENT = ("pending", "failed")


def list_events(reader: Reader) -> Json:
    rows, event_type, types = EVENTS.rows(), reader.text("type"), reader.texts("types")
    if event_type:
        pattern = re.escape(event_type).replace(r"\*", ".*")
        rows = rows.filter(type__regex=f"^{pattern}$")
    if types:
        rows = rows.filter(type__in=types)
    delivered = reader.choice("delivery_success", ("true", "false"))
    if delivered:
        undelivered = WebhookDelivery.objects.filter(status__in=UNSENT).values("event_id")
        rows = rows.exclude(pk__in=undelivered) if delivered == "true" else rows.filter(pk__in=undelivered)
    return finished(page(EVENTS, created(rows, reader), reader=reader, url="/v1/events"), reader)


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
    address, events = url(reader, "url", needed=True), _event_types(reader, needed=True)
    description, metadata = reader.text("description", most=200) or "", reader.metadata() or {}
    _our_version(reader)
    reader.finish()
    endpoint, _ = WebhookEndpoint.objects.get_or_create(
        uuid=uuid_of(key),
        defaults={
            "url": address or "",
            "enabled_events": events,
            "description": description,
            "metadata": dict(metadata),
            "secret": new_secret(),
            "created_at": clock.now(),
        },
    )
    return endpoint_object(endpoint, with_secret=True)


def update_endpoint(outside_id: str, reader: Reader, key: str) -> Json:
    endpoint: WebhookEndpoint = find(ENDPOINTS, outside_id)
    address, events = url(reader, "url"), _event_types(reader)
    description, metadata = reader.text("description", most=200), reader.metadata()
    disabled = reader.choice("disabled", ("true", "false"))
    reader.finish()
    endpoint.url = address or endpoint.url
    endpoint.enabled_events = events or endpoint.enabled_events
    endpoint.description = endpoint.description if description is None else description
    endpoint.status = {"true": "disabled", "false": "enabled"}.get(disabled or "", endpoint.status)
    if metadata is not None:
        endpoint.metadata = merged_metadata(endpoint.metadata, metadata)
    endpoint.save()
    return endpoint_object(endpoint)


def delete_endpoint(outside_id: str) -> Json:
    find(ENDPOINTS, outside_id).delete()
    return {"id": outside_id, "object": "webhook_endpoint", "deleted": True}


def list_endpoints(reader: Reader) -> Json:
    return finished(page(ENDPOINTS, ENDPOINTS.rows(), reader=reader, url="/v1/webhook_endpoints"), reader)


def _event_types(reader: Reader, *, needed: bool = False) -> list[str]:
    """Only what is ever sent: who waits for anything else would wait in vain."""
    events = reader.texts("enabled_events")
    if needed and not events:
        raise invalid(
            "Missing required param: enabled_events.", param="enabled_events", code="parameter_missing"
        )
    for number, event in enumerate(events):
        if event != "*" and event not in SENT:
            raise invalid(f"Events of type {event!r} are not sent here.", param=f"enabled_events[{number}]")
    return events


def _our_version(reader: Reader) -> None:
    version = reader.text("api_version")
    if version and version != API_VERSION:
        raise invalid(f"Events are sent in version {API_VERSION} only.", param="api_version")
