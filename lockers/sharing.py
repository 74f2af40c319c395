"""Whether a further parcel of one recipient goes into a cell in which his others lie. Pure.

A cell is opened for all that lies in it, so its parcels have one recipient, one period and nothing that must
be kept apart; together they are packed no closer than a single parcel of their size.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from lockers.periods import free_until
from lockers.protocol.allocation import Cell, Need, suits
from marketplace.kernel.units import fits, size_for

#: goods that never lie in one cell, whoever they are for (domain rule 24)
APART = frozenset({frozenset({"food", "pesticide"})})


@dataclass(frozen=True, slots=True)
class Lying:
    """A parcel as its cell sees it. `goods`: food, pesticide or general; `keep_until`: end of their life."""

    need: Need
    goods: str
    volume_ml: int
    weight_g: int
    keep_until: datetime | None = None


def may_join(
    further: Lying, there: Sequence[Lying], cell: Cell, *, at: datetime, free: timedelta | None = None
) -> bool:
    """Whether `further`, left at `at`, may lie in `cell` beside what lies there for the same recipient.

    None of the others may have to leave before it: they stay as long as the one that came last.
    """
    everything = [further, *there]
    together = size_for(sum(each.volume_ml for each in everything), sum(each.weight_g for each in everything))
    until = free_until(cell.zone, at, keep_until=further.keep_until, free=free)
    return (
        all(suits(each.need, cell) for each in everything)
        and fits(together, cell.size)
        and not any(pair <= {each.goods for each in everything} for pair in APART)
        and all(each.keep_until is None or each.keep_until >= until for each in there)
    )
