"""Closed roads in the matrix: ways around, places that nothing reaches.

A straight way that meets a closed circle is closed; so is the road between two places. What is left open
carries the ways around: through other places without stopping there, and along corners just outside each
circle (all pairs' shortest ways: Floyd 1962, Warshall 1962). Pure numpy; the caller gives a matrix over
places and corners.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marketplace.kernel.geo import LonLat
from routing.solver.matrix import EARTH_RADIUS_M, Matrix

Flags = NDArray[np.bool_]
#: corners of the way around a circle, and how much further out they lie
CORNERS, WIDER = 8, 1.25


@dataclass(frozen=True, slots=True)
class Area:
    middle: LonLat
    radius_m: float


@dataclass(frozen=True, slots=True)
class Detoured:
    """`matrix`: of the places alone; `closed`: ordered pairs (indices) that no way connects; `cut_off`:
    places that the first one does not reach, or that do not reach it.
    """

    matrix: Matrix
    closed: frozenset[tuple[int, int]]
    cut_off: frozenset[int]


def corners(areas: Sequence[Area]) -> list[LonLat]:
    """Points around each area that lie in no other."""
    found = []
    for area in areas:
        for k in range(CORNERS):
            angle = 2 * math.pi * k / CORNERS
            # an octagon around the circle: its corners lie further out than its sides
            out = area.radius_m * WIDER / math.cos(math.pi / CORNERS)
            point = _moved(area.middle, out * math.cos(angle), out * math.sin(angle))
            if not any(_metres(point, other.middle) <= other.radius_m for other in areas):
                found.append(point)
    return found


def detour(
    points: Sequence[LonLat],
    matrix: Matrix,
    *,
    places: int,
    areas: Sequence[Area],
    roads: Sequence[tuple[int, int]],
) -> Detoured:
    """`points`: the places, the hub first, then `corners(areas)`; `roads`: pairs closed both ways."""
    blocked = np.zeros((len(points), len(points)), bool)
    for area in areas:
        blocked |= meets(points, area)
    for a, b in roads:
        blocked[a, b] = blocked[b, a] = True
    np.fill_diagonal(blocked, False)
    metres = np.where(blocked, math.inf, matrix.distance_m)
    seconds = np.where(blocked, math.inf, matrix.time_s)
    for via in range(len(points)):
        around = metres[:, via, None] + metres[None, via, :]
        shorter = around < metres
        metres = np.where(shorter, around, metres)
        seconds = np.where(shorter, seconds[:, via, None] + seconds[None, via, :], seconds)
    # Only what is blocked takes a way around: a road server's own numbers stand.
    told = blocked[:places, :places]
    metres, seconds = metres[:places, :places], seconds[:places, :places]
    gone = told & np.isinf(metres)
    use = told & ~gone
    kept_m, kept_s = matrix.distance_m[:places, :places], matrix.time_s[:places, :places]
    return Detoured(
        matrix=Matrix(np.where(use, np.rint(metres), kept_m), np.where(use, np.rint(seconds), kept_s)),
        closed=frozenset((int(a), int(b)) for a, b in np.argwhere(gone)),
        cut_off=frozenset(int(k) for k in np.flatnonzero(gone[0] | gone[:, 0])),
    )


def meets(points: Sequence[LonLat], area: Area) -> Flags:
    """Whether the straight way between each pair comes closer to the middle than the radius."""
    flat = np.array([_flat(point, area.middle) for point in points])
    here, there = flat[:, None, :], flat[None, :, :]
    way = there - here
    length = np.maximum((way**2).sum(axis=2), 1e-9)
    share = np.clip(-(here * way).sum(axis=2) / length, 0.0, 1.0)
    nearest = here + share[:, :, None] * way
    return np.asarray((nearest**2).sum(axis=2) < area.radius_m**2, bool)


def _flat(point: LonLat, middle: LonLat) -> tuple[float, float]:
    """Metres east and north of the middle; good for a county."""
    east = math.radians(point.lon - middle.lon) * math.cos(math.radians(middle.lat)) * EARTH_RADIUS_M
    return east, math.radians(point.lat - middle.lat) * EARTH_RADIUS_M


def _metres(point: LonLat, middle: LonLat) -> float:
    return math.hypot(*_flat(point, middle))


def _moved(middle: LonLat, east_m: float, north_m: float) -> LonLat:
    lat = middle.lat + math.degrees(north_m / EARTH_RADIUS_M)
    lon = middle.lon + math.degrees(east_m / EARTH_RADIUS_M / math.cos(math.radians(middle.lat)))
    return LonLat(lon, lat)
