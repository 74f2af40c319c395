"""One mutex per order: its row. Everything that changes an order, a line or a fulfilment holds it.

Race: the buyer cancels while the payment notification arrives, or two packers pack one parcel. The second
waits for the first, re-reads, and leaves quietly or is refused by name; an event that comes twice finds the
work done.
"""

from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from marketplace.kernel.errors import NotFound
from orders.models import Fulfilment, Line, Order
from orders.states import (
    FULFILMENT_MOVES,
    LINE_MOVES,
    ORDER_MOVES,
    FulfilmentStatus,
    LineStatus,
    OrderStatus,
)


@dataclass(slots=True)
class LockedOrder:
    """An order under its lock, with its parts as they are now."""

    order: Order
    lines: list[Line]
    fulfilments: list[Fulfilment]

    def lines_of(self, fulfilment: Fulfilment) -> list[Line]:
        return [line for line in self.lines if line.fulfilment_id == fulfilment.pk]

    def fulfilment(self, uuid: UUID) -> Fulfilment:
        return next(part for part in self.fulfilments if part.uuid == uuid)

    def line(self, uuid: UUID) -> Line:
        return next(line for line in self.lines if line.uuid == uuid)

    def move_order(self, new: OrderStatus, **changes: object) -> None:
        ORDER_MOVES.check(self.order.status, new)
        _save(self.order, status=new, **changes)

    def move_line(self, line: Line, new: LineStatus, **changes: object) -> None:
        LINE_MOVES.check(line.status, new)
        _save(line, status=new, **changes)

    def move_fulfilment(self, part: Fulfilment, new: FulfilmentStatus, **changes: object) -> None:
        FULFILMENT_MOVES.check(part.status, new)
        _save(part, status=new, **changes)


def lock_order(*, uuid: UUID, field: str = "order_id") -> LockedOrder:
    """The order, locked until the transaction ends. Raises NotFound."""
    return _locked(Order.objects.filter(uuid=uuid), field)


def lock_order_of_fulfilment(*, uuid: UUID, field: str = "fulfilment_id") -> LockedOrder:
    return _locked(Order.objects.filter(fulfilments__uuid=uuid), field)


def lock_order_of_line(*, uuid: UUID, field: str = "line_id") -> LockedOrder:
    return _locked(Order.objects.filter(lines__uuid=uuid), field)


def save(row: Order | Line | Fulfilment, **changes: object) -> None:
    """Change fields that are no state."""
    _save(row, **changes)


def _locked(orders: object, field: str) -> LockedOrder:
    if not connection.in_atomic_block:
        raise RuntimeError("locking an order needs a transaction")
    order = orders.select_for_update(of=("self",)).first()  # type: ignore[attr-defined]
    if order is None:
        raise NotFound(field=field)
    fulfilments = Fulfilment.objects.filter(order=order).select_related("destination", "origin_hub__place")
    lines = Line.objects.filter(order=order).select_related("lot__product", "origin_station__place")
    return LockedOrder(
        order=order,
        lines=list(lines.order_by("pk")),
        fulfilments=list(fulfilments.order_by("pk")),
    )


def _save(row: Order | Line | Fulfilment, **changes: object) -> None:
    for name, value in changes.items():
        setattr(row, name, value)
    row.save(update_fields=list(changes))
