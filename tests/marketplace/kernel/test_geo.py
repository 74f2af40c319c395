import pytest
from geopy.distance import geodesic
from hypothesis import given
from hypothesis import strategies as st

from marketplace.kernel.errors import InvalidInput
from marketplace.kernel.geo import (
    LonLat,
    gcj02_to_wgs84,
    great_circle_m,
    point_in_ring,
    require_in_china,
    wgs84_to_gcj02,
)

YICHUN = st.builds(LonLat, st.floats(113.8, 116.2), st.floats(27.5, 29.2))


@given(a=YICHUN, b=YICHUN)
def test_great_circle_agrees_with_the_geodesic(a: LonLat, b: LonLat) -> None:
    exact = geodesic((a.lat, a.lon), (b.lat, b.lon)).m
    assert great_circle_m(a, b) == pytest.approx(exact, rel=0.0056, abs=0.01)


def test_the_map_shift_matches_a_published_pair() -> None:
    shifted = wgs84_to_gcj02(LonLat(116.404, 39.915))
    assert (shifted.lon, shifted.lat) == pytest.approx((116.41024449916938, 39.91640428150164), abs=1e-9)


@given(point=YICHUN)
def test_the_map_shift_comes_back_within_a_millimetre(point: LonLat) -> None:
    assert great_circle_m(point, gcj02_to_wgs84(wgs84_to_gcj02(point))) < 0.001


@pytest.mark.parametrize(
    "point", [LonLat(28.7, 115.4), LonLat(2.35, 48.85), LonLat(float("nan"), 28), LonLat(115, float("inf"))]
)
def test_points_outside_china_are_refused(point: LonLat) -> None:
    with pytest.raises(InvalidInput) as refused:
        require_in_china(point, "plot.lon")
    assert refused.value.field == "plot.lon"


def test_point_in_ring() -> None:
    ring = [[0, 0], [4, 0], [4, 4], [0, 4], [0, 0]]
    assert point_in_ring(LonLat(1, 1), ring)
    assert not point_in_ring(LonLat(5, 1), ring)
