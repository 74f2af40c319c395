"""The states of an order and its parts, and the moves between them. No Django.

An order's own state follows from its fulfilments once it is paid (`status_from_parts`); only payment, closing
and cancelling move it directly.

    order       awaiting_payment -> paid -> completed | cancelled        awaiting_payment -> closed
    line        reserved -> firm -> packed -> collected                  any before collected -> refunded
    fulfilment  reserved -> firm -> planned -> packed -> ready -> collected
                planned falls back to firm when a plan is replaced or leaves it unserved

A fulfilment is `ready` once it stands in a cabinet or on a station's shelf. Whether it is held (cold breach)
is a flag beside the state, so that a release puts it back where it was.
"""

from collections.abc import Collection
from enum import StrEnum

from marketplace.kernel.transitions import Transitions


class OrderStatus(StrEnum):
    AWAITING_PAYMENT = "awaiting_payment"
    PAID = "paid"
    COMPLETED = "completed"
    CLOSED = "closed"  # never paid: the window passed or the buyer left
    CANCELLED = "cancelled"  # paid, and paid back in full


class LineStatus(StrEnum):
    RESERVED = "reserved"
    FIRM = "firm"
    PACKED = "packed"
    COLLECTED = "collected"
    REFUNDED = "refunded"  # nothing of it reaches the buyer; all of it is paid back
    CLOSED = "closed"


class FulfilmentStatus(StrEnum):
    RESERVED = "reserved"
    FIRM = "firm"
    PLANNED = "planned"
    PACKED = "packed"
    READY = "ready"
    COLLECTED = "collected"
    CANCELLED = "cancelled"


ORDER_MOVES = Transitions(
    {
        OrderStatus.AWAITING_PAYMENT: {OrderStatus.PAID, OrderStatus.CLOSED},
        OrderStatus.PAID: {OrderStatus.COMPLETED, OrderStatus.CANCELLED},
        OrderStatus.COMPLETED: set(),
        OrderStatus.CLOSED: set(),
        OrderStatus.CANCELLED: set(),
    }
)

LINE_MOVES = Transitions(
    {
        LineStatus.RESERVED: {LineStatus.FIRM, LineStatus.CLOSED},
        LineStatus.FIRM: {LineStatus.PACKED, LineStatus.REFUNDED},
        LineStatus.PACKED: {LineStatus.COLLECTED, LineStatus.REFUNDED},
        LineStatus.COLLECTED: set(),
        LineStatus.REFUNDED: set(),
        LineStatus.CLOSED: set(),
    }
)

FULFILMENT_MOVES = Transitions(
    {
        FulfilmentStatus.RESERVED: {FulfilmentStatus.FIRM, FulfilmentStatus.CANCELLED},
        FulfilmentStatus.FIRM: {
            FulfilmentStatus.PLANNED,
            FulfilmentStatus.PACKED,
            FulfilmentStatus.CANCELLED,
        },
        FulfilmentStatus.PLANNED: {
            FulfilmentStatus.FIRM,
            FulfilmentStatus.PACKED,
            FulfilmentStatus.CANCELLED,
        },
        FulfilmentStatus.PACKED: {FulfilmentStatus.READY, FulfilmentStatus.CANCELLED},
        FulfilmentStatus.READY: {FulfilmentStatus.COLLECTED, FulfilmentStatus.CANCELLED},
        FulfilmentStatus.COLLECTED: set(),
        FulfilmentStatus.CANCELLED: set(),
    }
)

#: an order in these states still owes or is owed something
OPEN_ORDERS = frozenset({OrderStatus.AWAITING_PAYMENT, OrderStatus.PAID})
#: goods of these fulfilments have not been portioned yet
BEFORE_PACKING = frozenset({FulfilmentStatus.FIRM, FulfilmentStatus.PLANNED})


def status_from_parts(parts: Collection[str]) -> OrderStatus:
    """The state of a paid order, given the states of its fulfilments.

    Completed once every part has ended and one of them was collected; cancelled once all were cancelled.
    """
    states = {FulfilmentStatus(part) for part in parts}
    if not states:
        raise ValueError("an order has at least one fulfilment")
    if states == {FulfilmentStatus.CANCELLED}:
        return OrderStatus.CANCELLED
    if states <= {FulfilmentStatus.CANCELLED, FulfilmentStatus.COLLECTED}:
        return OrderStatus.COMPLETED
    return OrderStatus.PAID
