"""Metres and seconds between places.

The great circle is computed for all pairs at once on the mean earth radius; it lies within 0.6 % of the
WGS-84 geodesic everywhere and within 0.36 % at Yichun's latitude, most where the way runs north. geopy is
the judge in the tests.
Road distance = great circle x detour; a road server's table takes its place where one is configured.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from routing.solver import guards
from routing.solver.errors import ProblemError
from routing.solver.guards import Number

#: IUGG mean radius R1, metres.
EARTH_RADIUS_M = 6_371_008.8

#: Estimates of domain (d): road = 1.4 x straight line, 35 km/h in the country, 25 in town.
DEFAULT_DETOUR = 1.4
COUNTRY_KMH = 35.0
TOWN_KMH = 25.0

Floats = NDArray[np.float64]


class Matrix:
    """Square, read-only tables `distance_m[i, j]` and `time_s[i, j]` in the order of the places."""

    __slots__ = ("distance_m", "time_s")

    def __init__(self, distance_m: Any, time_s: Any) -> None:
        self.distance_m = _table(distance_m, "distance_m")
        self.time_s = _table(time_s, "time_s")
        if self.distance_m.shape != self.time_s.shape:
            raise ProblemError("differs in size from distance_m", path="matrix.time_s")

    @property
    def size(self) -> int:
        """Number of places."""
        return int(self.distance_m.shape[0])


def great_circle_m(*, lon: Sequence[float] | Floats, lat: Sequence[float] | Floats) -> Floats:
    """Great-circle metres between all pairs of points given in decimal degrees (WGS-84)."""
    lam, phi = np.radians(np.asarray(lon, float)), np.radians(np.asarray(lat, float))
    half = np.sin((phi[:, None] - phi[None, :]) / 2) ** 2
    half += np.cos(phi)[:, None] * np.cos(phi)[None, :] * np.sin((lam[:, None] - lam[None, :]) / 2) ** 2
    return np.asarray(2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(np.clip(half, 0.0, 1.0))), np.float64)


def estimate(
    *,
    lon: Sequence[float],
    lat: Sequence[float],
    detour: Number = DEFAULT_DETOUR,
    speed_kmh: Number = COUNTRY_KMH,
) -> Matrix:
    """Whole metres and seconds by great circle x detour at one speed: an estimate, not a road network."""
    guards.number(detour, "matrix.detour", low=1.0)
    guards.number(speed_kmh, "matrix.speed_kmh", low=1.0, high=300.0)
    distance_m = np.rint(great_circle_m(lon=lon, lat=lat) * detour)
    return Matrix(distance_m, np.rint(distance_m / (speed_kmh / 3.6)))


def _table(values: Any, label: str) -> Floats:
    """A private read-only copy; names the first cell that is missing, negative or infinite."""
    if not isinstance(values, np.ndarray):
        values = _rows(values, label)
    table = np.array(values, dtype=np.float64)
    if table.ndim != 2 or table.shape[0] != table.shape[1]:
        raise ProblemError(f"is not square: {table.shape}", path=f"matrix.{label}")
    wrong = np.argwhere(~np.isfinite(table) | (table < 0))
    if len(wrong):
        i, j = (int(k) for k in wrong[0])
        raise ProblemError(f"is not a finite number >= 0: {table[i, j]}", path=f"matrix.{label}[{i}][{j}]")
    table.setflags(write=False)
    return table


def _rows(values: Any, label: str) -> list[list[Number]]:
    """Nested lists, each cell proved to be a number."""
    if not isinstance(values, (list, tuple)):
        raise ProblemError("is not a list of rows", path=f"matrix.{label}")
    for i, row in enumerate(values):
        if not isinstance(row, (list, tuple)):
            raise ProblemError("is not a list", path=f"matrix.{label}[{i}]")
        if len(row) != len(values):
            message = f"has {len(row)} cells instead of {len(values)}"
            raise ProblemError(message, path=f"matrix.{label}[{i}]")
        for j, cell in enumerate(row):
            if isinstance(cell, bool) or not isinstance(cell, (int, float)):
                raise ProblemError(f"missing cell: {cell!r}", path=f"matrix.{label}[{i}][{j}]")
    return [list(row) for row in values]
