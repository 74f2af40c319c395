"""publish(): put a fact into the transaction that made it true."""

import dataclasses
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, ClassVar, Protocol
from uuid import UUID

from django.db import connection, transaction

from marketplace.database.locks import lock_keys
from marketplace.kernel import clock, ids
from marketplace.kernel.correlation import correlation_id
from marketplace.outbox.models import OutboxEvent

_LAST_SEQS = """
SELECT wanted, coalesce((SELECT max(seq) FROM outbox_outboxevent
                          WHERE aggregate_kind = %s AND aggregate_uuid = wanted), 0)
  FROM unnest(%s::uuid[]) AS wanted
"""


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
    [row] = publish_all(
        [(event, aggregate_uuid)],
        aggregate_kind=aggregate_kind,
        actor_uuid=actor_uuid,
        occurred_at=occurred_at,
    )
    return row


def publish_all(
    events: Sequence[tuple[Event, UUID]],
    *,
    aggregate_kind: str,
    actor_uuid: UUID | None = None,
    occurred_at: datetime | None = None,
) -> list[OutboxEvent]:
    """publish() for many (event, aggregate): the same rows in the same order, in four statements."""
    if not connection.in_atomic_block:
        raise RuntimeError("publish() needs the transaction of the change it reports")
    if not events:
        return []
    uuids = list(dict.fromkeys(uuid for _, uuid in events))
    lock_keys([f"{aggregate_kind}:{uuid}" for uuid in uuids])
    with transaction.atomic():
        seqs, rows = _last_seqs(aggregate_kind, uuids), list[OutboxEvent]()
        for event, uuid in events:
            seqs[uuid] += 1
            rows.append(
                OutboxEvent(
                    type=event.type,
                    version=getattr(event, "version", 1),
                    aggregate_kind=aggregate_kind,
                    aggregate_uuid=uuid,
                    seq=seqs[uuid],
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
            )
        OutboxEvent.objects.bulk_create(rows)
    with connection.cursor() as cursor:
        cursor.execute("NOTIFY outbox")
    return rows


def _last_seqs(aggregate_kind: str, uuids: Sequence[UUID]) -> dict[UUID, int]:
    """By aggregate, 0 for one without events. Each is one look at the end of the index."""
    with connection.cursor() as cursor:
        cursor.execute(_LAST_SEQS, [aggregate_kind, list(uuids)])
        return dict(cursor.fetchall())


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
