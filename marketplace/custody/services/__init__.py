"""The doors of custody: make a unit, hand it over, take portions out of it, block it, close it."""

from marketplace.custody.services.portions import transform
from marketplace.custody.services.units import (
    Content,
    Holder,
    block_units,
    close_unit,
    create_unit,
    hand_over,
    unblock_units,
    units_held_by,
)

__all__ = [
    "Content",
    "Holder",
    "block_units",
    "close_unit",
    "create_unit",
    "hand_over",
    "transform",
    "unblock_units",
    "units_held_by",
]
