"""Delivering events: at least once, in order per aggregate, handlers idempotent by (event, handler)."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from marketplace.kernel import clock
from marketplace.kernel.correlation import correlation_id
from marketplace.kernel.errors import TryAgain
from marketplace.outbox.models import HandlerRun, OutboxEvent

log = logging.getLogger(__name__)
MAX_ATTEMPTS = 6


@dataclass(frozen=True, slots=True)
class DeliveredEvent:
    """What a handler gets. `payload` holds JSON values: uuids are text."""

    uuid: UUID
    type: str
    version: int
    aggregate_kind: str
    aggregate_uuid: UUID
    seq: int
    occurred_at: datetime
    actor_uuid: UUID | None
    correlation_id: UUID
    payload: Mapping[str, Any]


Handler = Callable[[DeliveredEvent], None]
Wiring = Mapping[str, Sequence[Handler]]


def handler_name(handler: Handler) -> str:
    return f"{handler.__module__}.{handler.__qualname__}"


def pending() -> Any:
    """Events that may be delivered now: not waiting, and none of their aggregate before them."""
    open_event = Q(delivered_at=None, set_aside_at=None)
    earlier = OutboxEvent.objects.filter(
        open_event,
        aggregate_kind=OuterRef("aggregate_kind"),
        aggregate_uuid=OuterRef("aggregate_uuid"),
        seq__lt=OuterRef("seq"),
    )
    due = Q(retry_at=None) | Q(retry_at__lte=clock.wall())
    return OutboxEvent.objects.filter(open_event & due & ~Exists(earlier)).order_by("id")


def deliver_next(wiring: Wiring) -> bool:
    """Deliver one event; False when none is ready.

    The row is locked with SKIP LOCKED while its handlers run, so several drains may work side by side and a
    killed one leaves the event pending. Each handler runs in a savepoint with its HandlerRun row.
    """
    with transaction.atomic():
        row = pending().select_for_update(skip_locked=True, of=("self",)).first()
        if row is None:
            return False
        clock.refresh()
        _deliver(row, wiring.get(row.type, ()))
    return True


def _deliver(row: OutboxEvent, handlers: Sequence[Handler]) -> None:
    event = DeliveredEvent(
        uuid=row.uuid,
        type=row.type,
        version=row.version,
        aggregate_kind=row.aggregate_kind,
        aggregate_uuid=row.aggregate_uuid,
        seq=row.seq,
        occurred_at=row.occurred_at,
        actor_uuid=row.actor_uuid,
        correlation_id=row.correlation_id,
        payload=row.payload,
    )
    done = set(row.runs.values_list("handler", flat=True)) if row.attempts else set()
    for handler in handlers:
        name = handler_name(handler)
        if name in done:
            continue
        token = correlation_id.set(row.correlation_id)
        try:
            with transaction.atomic():
                handler(event)
                HandlerRun.objects.create(event=row, handler=name, ran_at=clock.wall())
        except TryAgain as error:
            _retry(row, name, error, give_up=False)
            return
        except Exception as error:
            log.exception("handler failed: event %s type %s handler %s", row.uuid, row.type, name)
            _retry(row, name, error, give_up=True)
            return
        finally:
            correlation_id.reset(token)
    row.delivered_at = clock.wall()
    row.save(update_fields=["delivered_at"])


def _retry(row: OutboxEvent, handler: str, error: Exception, *, give_up: bool) -> None:
    row.attempts = min(row.attempts + 1, 1000)
    row.last_error = f"{handler}: {type(error).__name__}: {error}"[:2000]
    if give_up and row.attempts >= MAX_ATTEMPTS:
        row.set_aside_at = clock.wall()
    else:
        row.retry_at = clock.wall() + timedelta(seconds=min(60.0, 0.2 * 2 ** min(row.attempts, 10)))
    row.save(update_fields=["attempts", "last_error", "set_aside_at", "retry_at"])


def deliver_all(wiring: Wiring, *, at_most: int = 100_000) -> int:
    """Deliver until nothing is ready; gives the count. Tests call this instead of running the drain."""
    count = 0
    while count < at_most and deliver_next(wiring):
        count += 1
    return count


def replay(event_uuid: UUID) -> None:
    """Give a set-aside event another life; handlers that already ran stay done."""
    OutboxEvent.objects.filter(uuid=event_uuid, set_aside_at__isnull=False).update(
        set_aside_at=None, attempts=1, retry_at=None
    )


def undelivered() -> int:
    return OutboxEvent.objects.filter(delivered_at=None, set_aside_at=None).count()


def set_aside() -> Any:
    return OutboxEvent.objects.filter(set_aside_at__isnull=False).order_by("id")
