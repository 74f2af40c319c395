"""Which place gets the next cabinet: the pure ranking."""

from itertools import pairwise
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from lockers.siting import FAR_M, LEAST_BUYERS, ROUND_TO, Demand, nearest_m, rank, reach_bands
from marketplace.kernel.geo import LonLat


def demand(
    *, lon: float = 115.4, lat: float = 28.7, cabinet: bool = False, fetched: int = 0, turned_away: int = 0
) -> Demand:
    return Demand(uuid4(), f"{lon},{lat}", LonLat(lon, lat), cabinet, fetched, turned_away)


def test_far_and_busy_comes_before_near_and_busy_and_quiet_places_are_left_out() -> None:
    full = demand(cabinet=True, turned_away=3)
    far, near = demand(lon=115.6, fetched=10), demand(lon=115.41, fetched=10)
    quiet = demand(lon=115.7)
    ranked = rank([full, quiet, near, far])
    assert [(each.demand, each.kind) for each in ranked] == [(far, "new"), (full, "more"), (near, "new")]
    assert ranked[1].nearest_m is None
    assert ranked[1].saved_km == 3 * FAR_M / 1000
    assert 19_000 < (ranked[0].nearest_m or 0) < 20_000
    assert nearest_m(full, [full]) is None


places = st.lists(
    st.builds(
        demand,
        lon=st.floats(114, 116),
        lat=st.floats(27, 29),
        cabinet=st.booleans(),
        fetched=st.integers(0, 500),
        turned_away=st.integers(0, 50),
    ),
    max_size=12,
)


@given(places)
def test_the_order_is_by_what_is_saved_and_does_not_hang_on_the_order_of_the_rows(
    demands: list[Demand],
) -> None:
    ranked = rank(demands)
    saved = [each.saved_km for each in ranked]
    assert saved == sorted(saved, reverse=True)
    assert all(saved)
    assert {each.demand.place for each in rank(demands[::-1])} == {each.demand.place for each in ranked}


@given(st.lists(st.integers(0, 20_000), max_size=120))
def test_no_band_stands_for_a_few_and_none_is_left_out(ways: list[int]) -> None:
    bands = reach_bands(ways)
    if len(ways) < LEAST_BUYERS:
        assert bands == []
        return
    assert (bands[0].from_m, bands[-1].to_m) == (0, None)
    assert all(one.to_m == after.from_m for one, after in pairwise(bands))
    for band in bands:
        true = sum(band.from_m <= way and (band.to_m is None or way < band.to_m) for way in ways)
        assert true >= LEAST_BUYERS
        assert band.buyers % ROUND_TO == 0
        assert abs(band.buyers - true) < ROUND_TO
