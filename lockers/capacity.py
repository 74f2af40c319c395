"""Whether parcels fit into cells, counted. Pure.

Cells and parcels are counted by class; a parcel class goes into any cell class that suits it (nested sizes,
same zone label, cell's °C inside the product's band). By Hall's theorem all fit when no set of parcel classes
is larger than the cells that suit any of them; counting size by size would be wrong.

For a day, what counts is what is expected to be there: parcels that arrive on it for certain, and of those
that came n days before the share that is still there. A share of many parcels is taken at the upper bound
that is exceeded with probability RISK.
"""

import math
from collections.abc import Iterator, Mapping
from datetime import date
from itertools import combinations

from lockers.protocol.allocation import Cell, Need, suits

RISK = 0.01
_Z_AT_RISK = 2.326
#: share of parcels still in their cell n days after they came (guess until enough dwell times are measured)
STAYS: Mapping[int, float] = {0: 1.0, 1: 0.10, 2: 0.03, 3: 0.0}
#: how many days ahead an arrival may still be in the way
HORIZON_DAYS = max(STAYS)

Needs = Mapping[Need, int]
Cells = Mapping[Cell, int]  # classes: `door` is 0


def fits(needs: Needs, cells: Cells) -> bool:
    """Whether all parcels find a cell at once."""
    return all(slack >= 0 for _, slack in _slacks(needs, cells))


def room_for(need: Need, needs: Needs, cells: Cells) -> int:
    """How many more parcels of one class fit beside `needs`; 0 when those alone do not fit."""
    into = _suitable(need, cells)
    if not into or not fits(needs, cells):
        return 0
    return min(slack for classes, slack in _slacks({need: 0, **needs}, cells) if into in classes)


def expected_on(day: date, arrivals: Mapping[date, Needs]) -> dict[Need, int]:
    """Parcels per class expected in their cells when those of `day` arrive, at the stated risk."""
    mean: dict[Need, float] = {}
    variance: dict[Need, float] = {}
    for arrived, needs in arrivals.items():
        share = STAYS.get((day - arrived).days, 0.0)
        for need, count in needs.items():
            mean[need] = mean.get(need, 0.0) + count * share
            variance[need] = variance.get(need, 0.0) + count * share * (1 - share)
    return {
        need: min(_total(need, day, arrivals), math.ceil(mean[need] + _Z_AT_RISK * math.sqrt(variance[need])))
        for need in mean
        if mean[need] > 0
    }


def _total(need: Need, day: date, arrivals: Mapping[date, Needs]) -> int:
    days = range(HORIZON_DAYS + 1)
    return sum(needs.get(need, 0) for arrived, needs in arrivals.items() if (day - arrived).days in days)


def _slacks(needs: Needs, cells: Cells) -> Iterator[tuple[frozenset[frozenset[Cell]], int]]:
    """Per set of parcel classes of one zone: cells that suit any of them, minus the parcels.

    Parcel classes that the same cells suit count as one, so that a zone has a handful of them.
    """
    for zone in sorted({need.zone for need in needs}):
        parcels: dict[frozenset[Cell], int] = {}
        for need, count in needs.items():
            if need.zone == zone:
                into = _suitable(need, cells)
                parcels[into] = parcels.get(into, 0) + count
        for size in range(1, len(parcels) + 1):
            for chosen in combinations(parcels, size):
                room = sum(cells[cell] for cell in frozenset[Cell]().union(*chosen))
                yield frozenset(chosen), room - sum(parcels[into] for into in chosen)


def _suitable(need: Need, cells: Cells) -> frozenset[Cell]:
    return frozenset(cell for cell in cells if suits(need, cell))
