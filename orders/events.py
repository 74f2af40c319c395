"""What orders tell the rest of the product. Payloads are ids; readers ask for the rest."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID


@dataclass(frozen=True, slots=True)
class OrderPlaced:
    type: ClassVar[str] = "orders.OrderPlaced"
    order: UUID


@dataclass(frozen=True, slots=True)
class OrderPaid:
    type: ClassVar[str] = "orders.OrderPaid"
    order: UUID


@dataclass(frozen=True, slots=True)
class OrderCancelled:
    """`why`: unpaid, buyer, paid_too_late, out_of_stock, unserved, nothing_delivered."""

    type: ClassVar[str] = "orders.OrderCancelled"
    order: UUID
    why: str


@dataclass(frozen=True, slots=True)
class OrderCompleted:
    type: ClassVar[str] = "orders.OrderCompleted"
    order: UUID


@dataclass(frozen=True, slots=True)
class WeighedIn:
    type: ClassVar[str] = "orders.WeighedIn"
    weigh_in: UUID
    lot: UUID
    station: UUID
    unit: UUID
    net_g: int


@dataclass(frozen=True, slots=True)
class GoodsLost:
    """Weighed in and not portioned, beyond the allowed shrinkage: `holder` owes the seller `amount_fen`."""

    type: ClassVar[str] = "orders.GoodsLost"
    lot: UUID
    holder_kind: str
    holder: UUID
    grams: int
    amount_fen: int


@dataclass(frozen=True, slots=True)
class FulfilmentPacked:
    type: ClassVar[str] = "orders.FulfilmentPacked"
    fulfilment: UUID
    unit: UUID


@dataclass(frozen=True, slots=True)
class FulfilmentCollected:
    type: ClassVar[str] = "orders.FulfilmentCollected"
    fulfilment: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class FulfilmentCancelled:
    type: ClassVar[str] = "orders.FulfilmentCancelled"
    fulfilment: UUID
    why: str


@dataclass(frozen=True, slots=True)
class FeeRulesAnnounced:
    """New fees hold from a later day on; placed orders keep theirs."""

    type: ClassVar[str] = "orders.FeeRulesAnnounced"
    rules: UUID


@dataclass(frozen=True, slots=True)
class ClaimGranted:
    """A line was paid for in part or whole because it was bad: others may have the same lot."""

    type: ClassVar[str] = "orders.ClaimGranted"
    claim: UUID
    lot: UUID
