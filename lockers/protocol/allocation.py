"""A compartment's allocation: `reserved → loaded → free`, or `blocked`; and which cell takes which parcel."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from marketplace.kernel.temperature import Band
from marketplace.kernel.transitions import Transitions
from marketplace.kernel.units import Size, fits, larger_or_equal


class AllocationState(StrEnum):
    FREE = "free"
    RESERVED = "reserved"
    LOADED = "loaded"
    BLOCKED = "blocked"


_S = AllocationState
# Blocking keeps the parcel inside: unblocking goes back to what it was, so both ways exist.
MOVES = Transitions(
    {
        _S.FREE: {_S.RESERVED, _S.BLOCKED},
        _S.RESERVED: {_S.LOADED, _S.FREE, _S.BLOCKED},
        _S.LOADED: {_S.FREE, _S.BLOCKED},
        _S.BLOCKED: {_S.FREE, _S.RESERVED, _S.LOADED},
    },
)
LIVE = frozenset({_S.RESERVED, _S.LOADED, _S.BLOCKED})


@dataclass(frozen=True, slots=True)
class Cell:
    door: int
    size: Size
    zone: str
    band: Band


@dataclass(frozen=True, slots=True)
class Need:
    size: Size
    zone: str
    band: Band


def suits(need: Need, cell: Cell) -> bool:
    """Same zone label, large enough, and the cell's °C inside the product's own band."""
    return cell.zone == need.zone and fits(need.size, cell.size) and cell.band.lies_inside(need.band)


def choose_cell(need: Need, free: Iterable[Cell]) -> Cell | None:
    """The smallest suitable cell, lowest door number first.

    A larger cell is given when the fitting size is full; a warmer band never.
    """
    order = larger_or_equal(need.size)
    suitable = [cell for cell in free if suits(need, cell)]
    return min(suitable, key=lambda cell: (order.index(cell.size), cell.door), default=None)
