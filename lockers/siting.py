"""Where another cabinet would save most (G13). Pure.

A place without cabinet is worth the parcels that people fetched there times the way to the nearest cabinet; a
place whose cells were full, the parcels it turned away times the way to the next cabinet.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from marketplace.kernel.geo import LonLat, great_circle_m


@dataclass(frozen=True, slots=True)
class Demand:
    """A place in the period: parcels fetched by hand there, and parcels that its cabinet was too full for."""

    place: UUID
    name: str
    at: LonLat
    has_cabinet: bool
    fetched: int
    turned_away: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """`kind`: new where there is none, more beside a full one. `saved_km`: ways of a period, one way each."""

    demand: Demand
    kind: str
    nearest_m: int | None
    saved_km: float


def rank(places: Sequence[Demand]) -> list[Candidate]:
    """The places where a cabinet saves people most ways, the best first; those that save nothing are left
    out. Without any other cabinet the way counts as `FAR_M`.
    """
    return sorted(
        (each for each in (_judge(one, places) for one in places) if each.saved_km > 0),
        key=lambda each: (-each.saved_km, each.demand.name),
    )


#: what a way counts as where no cabinet is at all: a day's errand
FAR_M = 20_000


def nearest_m(one: Demand, places: Sequence[Demand]) -> int | None:
    """Great circle to the nearest other place with a cabinet."""
    ways = [
        great_circle_m(one.at, other.at) for other in places if other.has_cabinet and other.place != one.place
    ]
    return round(min(ways)) if ways else None


def _judge(one: Demand, places: Sequence[Demand]) -> Candidate:
    way = nearest_m(one, places)
    parcels = one.turned_away if one.has_cabinet else one.fetched
    saved = parcels * (FAR_M if way is None else way) / 1000
    return Candidate(one, "more" if one.has_cabinet else "new", way, round(saved, 1))


@dataclass(frozen=True, slots=True)
class ReachBand:
    """How many buyers have so far to the nearest cabinet; `to_m` None: or further. Rounded to fives."""

    from_m: int
    to_m: int | None
    buyers: int


#: what people call next door, a walk, a ride; metres
REACH_EDGES_M = (0, 500, 1_000, 2_000, 5_000)
#: no figure stands for fewer people, and none tells that one came or went
LEAST_BUYERS, ROUND_TO = 10, 5


def reach_bands(ways_m: Sequence[int], *, least: int = LEAST_BUYERS) -> list[ReachBand]:
    """The buyers' ways in bands without gaps, nearest first; a band with fewer than `least` joins the next,
    the last the one before. Nothing at all for fewer than `least` buyers.
    """
    bands: list[tuple[int, int | None, int]] = []
    start, gathered = 0, 0
    ends = (*REACH_EDGES_M[1:], None)
    for low, high in zip(REACH_EDGES_M, ends, strict=True):
        gathered += sum(low <= way and (high is None or way < high) for way in ways_m)
        if gathered >= least:
            bands.append((start, high, gathered))
            start, gathered = high or 0, 0
    if bands and bands[-1][1] is not None:
        low, _, count = bands.pop()
        bands.append((low, None, count + gathered))
    return [ReachBand(low, high, ROUND_TO * round(count / ROUND_TO)) for low, high, count in bands]
