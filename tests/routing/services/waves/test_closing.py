"""Ways around what is closed, and what nothing reaches."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.kernel.geo import LonLat
from routing.services.waves.closing import Area, corners, detour, meets
from routing.solver.matrix import Matrix, estimate

#: hub, two stations east of it in a row, one north
HUB, NEAR, FAR, NORTH = LonLat(115.0, 28.0), LonLat(115.1, 28.0), LonLat(115.2, 28.0), LonLat(115.0, 28.2)
PLACES = [HUB, NEAR, FAR, NORTH]


def matrix(points: list[LonLat]) -> Matrix:
    return estimate(lon=[p.lon for p in points], lat=[p.lat for p in points], detour=1.0)


def closed(areas: list[Area], roads: list[tuple[int, int]], places: list[LonLat] = PLACES):
    points = [*places, *corners(areas)]
    return detour(points, matrix(points), places=len(places), areas=areas, roads=roads)


def test_nothing_closed_changes_nothing() -> None:
    found = closed([], [])
    assert (found.closed, found.cut_off) == (frozenset(), frozenset())
    assert np.array_equal(found.matrix.distance_m, matrix(PLACES).distance_m)


def test_a_place_within_the_area_is_cut_off() -> None:
    found = closed([Area(NEAR, 2_000)], [])
    assert found.cut_off == {1}
    assert {pair for pair in found.closed if 1 not in pair} == set()
    assert (0, 1) in found.closed
    assert (1, 0) in found.closed


def test_ways_past_the_area_go_around_it() -> None:
    found, straight = closed([Area(NEAR, 2_000)], []), matrix(PLACES)
    around, before = found.matrix.distance_m[0, 2], straight.distance_m[0, 2]
    assert before < around < 1.5 * before
    assert found.matrix.time_s[0, 2] == pytest.approx(around / (35 / 3.6), abs=3)
    for a, b in ((0, 3), (3, 0), (2, 3)):  # these do not come near
        assert found.matrix.distance_m[a, b] == straight.distance_m[a, b]


def test_a_closed_road_is_driven_by_way_of_another_place() -> None:
    found, straight = closed([], [(0, 2)]), matrix(PLACES)
    assert found.matrix.distance_m[0, 2] == straight.distance_m[0, 1] + straight.distance_m[1, 2]
    assert found.matrix.distance_m[2, 0] == found.matrix.distance_m[0, 2]
    assert found.closed == frozenset()


def test_the_only_road_closed_leaves_no_way() -> None:
    found = closed([], [(0, 1)], [HUB, NEAR])
    assert found.closed == {(0, 1), (1, 0)}
    assert found.cut_off == {1}


def test_two_roads_closed_at_once_cut_a_place_off() -> None:
    found = closed([], [(0, 2), (1, 2)], [HUB, NEAR, FAR])
    assert found.cut_off == {2}
    assert found.matrix.distance_m[0, 1] == matrix(PLACES).distance_m[0, 1]


def test_the_hub_within_the_area_cuts_off_everything() -> None:
    assert closed([Area(HUB, 1_000)], []).cut_off == {1, 2, 3}


@settings(max_examples=50, deadline=None)
@given(
    spots=st.lists(st.tuples(st.floats(-0.2, 0.2), st.floats(-0.2, 0.2)), min_size=2, max_size=6),
    middle=st.tuples(st.floats(-0.2, 0.2), st.floats(-0.2, 0.2)),
    radius_m=st.integers(100, 12_000),
)
def test_no_way_becomes_shorter_and_ends_inside_are_cut_off(spots, middle, radius_m) -> None:
    places = [LonLat(115 + x, 28 + y) for x, y in spots]
    area = Area(LonLat(115 + middle[0], 28 + middle[1]), radius_m)
    found, straight, blocked = closed([area], [], places), matrix(places), meets(places, area)
    inside = {k for k in range(len(places)) if blocked[k, k]}
    for a in range(len(places)):
        for b in range(len(places)):
            if a == b:
                continue
            assert ((a, b) in found.closed) == (a in inside or b in inside)
            assert found.matrix.distance_m[a, b] >= straight.distance_m[a, b] - 1
            if not blocked[a, b]:
                assert found.matrix.distance_m[a, b] == straight.distance_m[a, b]
    assert math.isfinite(found.matrix.distance_m.sum())
