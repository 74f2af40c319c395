"""What the catalogue tells the rest of the product."""

from dataclasses import dataclass
from datetime import date
from typing import ClassVar
from uuid import UUID


@dataclass(frozen=True, slots=True)
class LotListed:
    type: ClassVar[str] = "catalog.LotListed"
    lot: UUID


@dataclass(frozen=True, slots=True)
class LotWithdrawn:
    """`why`: seller, consent_revoked, undone, expired."""

    type: ClassVar[str] = "catalog.LotWithdrawn"
    lot: UUID
    why: str


@dataclass(frozen=True, slots=True)
class CycleClosed:
    """No more orders for this day from this hub: plans, harvest lists and shortages may start."""

    type: ClassVar[str] = "catalog.CycleClosed"
    cycle: UUID
    hub: UUID
    delivery_date: date


@dataclass(frozen=True, slots=True)
class StockFellShort:
    """Goods left the shelf that were promised to somebody: `quantity` of the reserved goods are not there."""

    type: ClassVar[str] = "catalog.StockFellShort"
    shortage: UUID
    lot: UUID
    place: UUID
    quantity: int
