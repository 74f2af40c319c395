"""Opening and closing order cycles."""

from collections.abc import Iterable
from datetime import date
from uuid import UUID

from django.db import transaction

from catalog.cycles import closes_at, next_delivery_date
from catalog.events import CycleClosed
from catalog.models import OrderCycle
from marketplace.kernel import clock
from marketplace.outbox.publishing import publish
from marketplace.places.models import Hub


def open_cycles(*, date: date, hubs: Iterable[Hub]) -> list[OrderCycle]:
    """The cycles of that delivery day, made where they are missing."""
    return [
        OrderCycle.objects.get_or_create(
            hub=hub, delivery_date=date, defaults={"closes_at": closes_at(date)}
        )[0]
        for hub in hubs
    ]


def open_next_cycles() -> int:
    """Due work: every hub has a cycle for the next delivery day, so that each day closes even without orders.

    Gives how many were made.
    """
    day = next_delivery_date(clock.now())
    missing = Hub.objects.exclude(cycles__delivery_date=day)
    return len(open_cycles(date=day, hubs=missing))


def next_cycle(*, hub_uuid: UUID) -> OrderCycle:
    """The cycle that an order placed now belongs to. Raises NotFound for an unknown hub."""
    hub = Hub.by_uuid(hub_uuid, field="hub_id")
    return open_cycles(date=next_delivery_date(clock.now()), hubs=[hub])[0]


def close_due_cycles() -> list[OrderCycle]:
    """Due work: close what is due and say so, once each: the conditional UPDATE lets one sweep win."""
    closed = []
    for cycle in (
        OrderCycle.objects.select_related("hub")
        .filter(closed_at=None, closes_at__lte=clock.now())
        .order_by("closes_at", "pk")
    ):
        with transaction.atomic():
            if not OrderCycle.objects.filter(pk=cycle.pk, closed_at=None).update(closed_at=clock.now()):
                continue
            publish(
                CycleClosed(cycle=cycle.uuid, hub=cycle.hub.uuid, delivery_date=cycle.delivery_date),
                aggregate_kind="order_cycle",
                aggregate_uuid=cycle.uuid,
            )
            closed.append(cycle)
    return closed
