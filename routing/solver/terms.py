"""The vocabulary that problem, plan, search and check share."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Zone(StrEnum):
    """Temperature zone: a label; the °C stand on the compartment and on the shipment."""

    AMBIENT = "ambient"
    COOL = "cool"
    CHILLED = "chilled"
    FROZEN = "frozen"


class Size(IntEnum):
    """Size class of a parcel or cell, nested: what fits S fits M, what fits M fits L."""

    S = 0
    M = 1
    L = 2


class Direction(StrEnum):
    """`down`: hub to option. `up`: option to hub. `pair`: a place of the loop to an option."""

    DOWN = "down"
    UP = "up"
    PAIR = "pair"


class Goods(StrEnum):
    """What decides who may travel together: pesticide never with food, neutral with either."""

    NEUTRAL = "neutral"
    FOOD = "food"
    PESTICIDE = "pesticide"


#: Goods that never share a trip or a cabinet (domain rule 24).
CONFLICTS = frozenset({frozenset({Goods.FOOD, Goods.PESTICIDE})})

#: Where a shipment with a cold budget may ride when the van lacks its zone, warmer ones last.
FALLBACK_ZONES: dict[Zone, tuple[Zone, ...]] = {
    Zone.AMBIENT: (),
    Zone.COOL: (Zone.AMBIENT,),
    Zone.CHILLED: (Zone.COOL, Zone.AMBIENT),
    Zone.FROZEN: (Zone.CHILLED, Zone.COOL, Zone.AMBIENT),
}


class Reason(StrEnum):
    """Why a shipment stays unserved; the order is how close it came to a place in the plan."""

    NO_OPTION = "no_option"
    NO_CELL = "no_cell"
    ACCESS = "access"
    SEGREGATION = "segregation"
    CAPACITY = "capacity"
    WINDOW = "window"
    COLD_BUDGET = "cold_budget"
    SHIFT = "shift"
    NOT_WORTH = "not_worth"
