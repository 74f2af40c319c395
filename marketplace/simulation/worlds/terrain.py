"""Where things may stand: inside the county's outline, nearer to the own township than to any other."""

import math
import random
from collections.abc import Sequence
from functools import cached_property

from marketplace.kernel.geo import LonLat, great_circle_m, point_in_ring
from marketplace.simulation.worlds.nouns import County, Township

#: villages lie up to this far from their township's point
VILLAGE_RADIUS_M = 6_000
_M_PER_DEGREE = 111_195.0
_TRIES = 400


class Terrain:
    """One county's ground."""

    def __init__(self, county: County, townships: Sequence[Township]) -> None:
        self.county = county
        self._points = {t.code: t.at for t in townships if t.county == county.code and t.at is not None}

    @cached_property
    def known_townships(self) -> tuple[str, ...]:
        """Codes of the townships that have a point."""
        return tuple(self._points)

    def point(self, township: str) -> LonLat:
        return self._points[township]

    def holds(self, point: LonLat) -> bool:
        """Whether the point lies inside the county's outline."""
        return any(point_in_ring(point, ring) for ring in self.county.outline)

    def nearest_township(self, point: LonLat) -> str:
        return min(self._points, key=lambda code: great_circle_m(self._points[code], point))

    def scatter(self, rng: random.Random, township: str, radius_m: int = VILLAGE_RADIUS_M) -> LonLat:
        """A point around the township's own, uniform in area, inside the county, nearest to this township."""
        centre = self._points[township]
        for attempt in range(_TRIES):
            point = _near(rng, centre, radius_m * (1 - attempt / _TRIES))
            if self.holds(point) and self.nearest_township(point) == township:
                return point
        return centre

    def around(self, rng: random.Random, centre: LonLat, nearest_m: int, farthest_m: int) -> LonLat:
        """A point of the town around `centre`, inside the county."""
        for _ in range(_TRIES):
            point = _near(rng, centre, farthest_m)
            if self.holds(point) and great_circle_m(centre, point) >= nearest_m:
                return point
        return centre


def _near(rng: random.Random, centre: LonLat, radius_m: float) -> LonLat:
    distance, angle = radius_m * math.sqrt(rng.random()), rng.uniform(0, 2 * math.pi)
    return LonLat(
        round(
            centre.lon + distance * math.cos(angle) / (_M_PER_DEGREE * math.cos(math.radians(centre.lat))), 6
        ),
        round(centre.lat + distance * math.sin(angle) / _M_PER_DEGREE, 6),
    )
