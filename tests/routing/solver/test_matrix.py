"""The vectorised great circle against geopy."""

from __future__ import annotations

import random

import pytest
from geopy.distance import geodesic, great_circle

from routing.solver.errors import ProblemError
from routing.solver.matrix import estimate, great_circle_m


def _points(count: int) -> list[tuple[float, float]]:
    rng = random.Random(7)
    return [(rng.uniform(113.88, 116.15), rng.uniform(27.55, 29.10)) for _ in range(count)]


def test_great_circle_agrees_with_geopy() -> None:
    spots = _points(12)
    table = great_circle_m(lon=[p[0] for p in spots], lat=[p[1] for p in spots])
    for i, (lon_a, lat_a) in enumerate(spots):
        for j, (lon_b, lat_b) in enumerate(spots):
            assert table[i, j] == pytest.approx(great_circle((lat_a, lon_a), (lat_b, lon_b)).m, abs=0.5)
            exact = geodesic((lat_a, lon_a), (lat_b, lon_b)).m
            assert table[i, j] == pytest.approx(exact, rel=0.0036)


def test_estimate_is_whole_symmetric_and_scaled() -> None:
    spots = _points(6)
    lon, lat = [p[0] for p in spots], [p[1] for p in spots]
    matrix = estimate(lon=lon, lat=lat, detour=1.4, speed_kmh=36)
    assert (matrix.distance_m == matrix.distance_m.T).all()
    assert (matrix.distance_m == matrix.distance_m.round()).all()
    assert (matrix.distance_m.diagonal() == 0).all()
    straight = great_circle_m(lon=lon, lat=lat)
    assert matrix.distance_m[0, 1] == pytest.approx(1.4 * straight[0, 1], abs=0.5)
    assert matrix.time_s[0, 1] == pytest.approx(matrix.distance_m[0, 1] / 10, abs=0.5)


def test_a_detour_below_one_is_refused() -> None:
    with pytest.raises(ProblemError) as caught:
        estimate(lon=[1.0], lat=[1.0], detour=0.9)
    assert caught.value.path == "matrix.detour"
