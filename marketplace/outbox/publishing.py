"""publish(): put a fact into the transaction that made it true."""

import dataclasses
from datetime import date, datetime
from typing import Any, ClassVar, Protocol
from uuid import UUID

from django.db import connection, transaction

from marketplace.database.locks import lock_key
from marketplace.kernel import clock, ids
from marketplace.kernel.correlation import correlation_id
from marketplace.outbox.models import OutboxEvent


class Event(Protocol):
    """A frozen dataclass in the past tense, with a stable type name "<app label>.<Class>"."""

    type: ClassVar[str]
    __dataclass_fields__: ClassVar[dict[str, Any]]


def publish(
    event: Event,
    *,
    aggregate_kind: str,
    aggregate_uuid: UUID,
    actor_uuid: UUID | None = None,
    occurred_at: datetime | None = None,
) -> OutboxEvent:
    """Record the event in the caller's transaction; it is delivered after the commit.

    Events of one aggregate get consecutive `seq` and are delivered in that order. Two transactions that
    publish for one aggregate at once would draw the same seq: an advisory lock makes the second wait.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("publish() needs the transaction of the change it reports")
    lock_key(f"{aggregate_kind}:{aggregate_uuid}")
    with transaction.atomic():
        last = (
            OutboxEvent.objects.filter(aggregate_kind=aggregate_kind, aggregate_uuid=aggregate_uuid)
            .order_by("-seq")
            .values_list("seq", flat=True)
            .first()
        )
        row: OutboxEvent = OutboxEvent.objects.create(
            type=event.type,
            version=getattr(event, "version", 1),
            aggregate_kind=aggregate_kind,
            aggregate_uuid=aggregate_uuid,
            seq=(last or 0) + 1,
            occurred_at=occurred_at or clock.now(),
            recorded_at=clock.wall(),
            actor_uuid=actor_uuid,
            correlation_id=correlation_id.get() or ids.uuid7(),
            payload={
                field: _plain(getattr(event, field))
                for field in event.__dataclass_fields__
                if field not in ("type", "version")
            },
        )
    with connection.cursor() as cursor:
        cursor.execute("NOTIFY outbox")
    return row


def _plain(value: Any) -> Any:
    """JSON values only: uuids and times become text."""
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return value
