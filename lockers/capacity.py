"""Whether parcels fit into cells, counted. Pure.

Cells and parcels are counted by class; a parcel class goes into any cell class that suits it (nested sizes,
same zone label, cell's °C inside the product's band). By Hall's theorem all fit when no set of parcel classes
is larger than the cells that suit any of them; counting size by size would be wrong.

For a day, what counts is what is expected to be there: parcels that arrive on it for certain, and of those
that came n days before the share that is still there, measured where enough parcels were. Of that share as
many are counted on as are exceeded with probability RISK at most.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import lru_cache
from itertools import combinations

from lockers.protocol.allocation import Cell, Need, suits

#: that more parcels lie in a place's cells than were counted on
RISK = 0.01
Stays = Mapping[int, float]
#: share of parcels still in their cell n days after they came, until enough dwell times are measured (guess)
STAYS: Stays = {0: 1.0, 1: 0.10, 2: 0.03, 3: 0.0}
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


def expected_on(day: date, arrivals: Mapping[date, Needs], stays: Stays = STAYS) -> dict[Need, int]:
    """Parcels per class to be counted on in their cells when those of `day` arrive.

    The chance that any class has more of them than this is at most RISK: each of m uncertain classes gets an
    m-th of it, and its exact quantile, not a bell curve's, which is too low for few parcels.
    """
    certain: dict[Need, int] = {}
    chances: dict[Need, list[tuple[int, float]]] = {}
    for arrived, needs in arrivals.items():
        share = stays.get((day - arrived).days, 0.0)
        for need, count in needs.items():
            if share >= 1.0:
                certain[need] = certain.get(need, 0) + count
            elif share > 0.0 and count > 0:
                chances.setdefault(need, []).append((count, share))
    risk = RISK / max(1, len(chances))
    return {
        need: total
        for need in {**certain, **chances}
        if (total := certain.get(need, 0) + still_there(tuple(sorted(chances.get(need, []))), risk)) > 0
    }


@lru_cache(maxsize=4096)
def still_there(groups: tuple[tuple[int, float], ...], risk: float) -> int:
    """The smallest k that as many parcels pass with probability `risk` at most.

    `groups`: (parcels, share of them that stays), each parcel for itself (a Poisson binomial sum).
    """
    if not groups:
        return 0
    odds = [1.0]
    for count, share in groups:
        for _ in range(count):
            odds = [
                (odds[k] * (1 - share) if k < len(odds) else 0.0) + (odds[k - 1] * share if k else 0.0)
                for k in range(len(odds) + 1)
            ]
    beyond = 0.0
    for k in range(len(odds) - 1, -1, -1):
        beyond += odds[k]
        if beyond > risk:
            return k
    return 0


def measured_stays(days: Sequence[int], *, least: int) -> Stays:
    """Shares from dwell times: on which day after its own (0: the same) each parcel left its cell.

    Each share is the upper end of its 95 % interval (Wilson), so that few parcels never make bold; fewer than
    `least` parcels say nothing and leave STAYS. Shares fall with the days, since a parcel leaves once.
    """
    if len(days) < least:
        return STAYS
    shares = {0: 1.0}
    for n in range(1, HORIZON_DAYS + 1):
        stayed = sum(1 for left in days if left >= n)
        shares[n] = min(shares[n - 1], _wilson_upper(stayed, len(days))) if stayed else 0.0
    return shares


def _wilson_upper(hits: int, of: int, z: float = 1.645) -> float:
    share = hits / of
    spread = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return min(1.0, (share + z * z / (2 * of) + spread) / (1 + z * z / of))


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
