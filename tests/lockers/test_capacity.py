"""Counting, pure: against a brute force that really places parcels into cells."""

import cmath
import math
import random
from datetime import date, timedelta
from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from lockers.capacity import STAYS, expected_on, fits, measured_stays, room_for, still_there
from lockers.protocol.allocation import Cell, Need, suits
from marketplace.kernel.temperature import Band
from marketplace.kernel.units import Size

S, M, L = Size.S, Size.M, Size.L
WIDE, MEAT, CHILL = Band(-100, 100), Band(0, 4), Band(2, 8)
DAY = date(2026, 11, 24)


def cell(size: Size, zone: str = "chilled", band: Band = MEAT) -> Cell:
    return Cell(0, size, zone, band)


def need(size: Size, zone: str = "chilled", band: Band = WIDE) -> Need:
    return Need(size, zone, band)


CELLS = st.dictionaries(
    st.builds(cell, st.sampled_from([S, M, L]), st.sampled_from(["chilled", "ambient"]),
    st.sampled_from([MEAT, CHILL])), st.integers(1, 2), max_size=4,
)  # fmt: skip
NEEDS = st.dictionaries(
    st.builds(need, st.sampled_from([S, M, L]), st.sampled_from(["chilled", "ambient"]),
    st.sampled_from([WIDE, MEAT])), st.integers(1, 2), max_size=3,
)  # fmt: skip


def placeable(needs: dict[Need, int], cells: dict[Cell, int]) -> bool:
    parcels = [each for each, count in needs.items() for _ in range(count)]
    doors = [each for each, count in cells.items() for _ in range(count)]
    if len(parcels) > len(doors):
        return False
    return any(
        all(suits(parcel, door) for parcel, door in zip(parcels, chosen, strict=True))
        for chosen in permutations(doors, len(parcels))
    )


@settings(max_examples=200, deadline=None)
@given(needs=NEEDS, cells=CELLS)
def test_counting_agrees_with_placing(needs: dict[Need, int], cells: dict[Cell, int]) -> None:
    assert fits(needs, cells) == placeable(needs, cells)


@settings(max_examples=100, deadline=None)
@given(extra=st.builds(need, st.sampled_from([S, M, L])), needs=NEEDS, cells=CELLS)
def test_room_is_the_most_that_still_fits(
    extra: Need, needs: dict[Need, int], cells: dict[Cell, int]
) -> None:
    room = room_for(extra, needs, cells)
    if fits(needs, cells):
        assert fits({**needs, extra: needs.get(extra, 0) + room}, cells)
        assert not fits({**needs, extra: needs.get(extra, 0) + room + 1}, cells)
    else:
        assert room == 0


def test_small_parcels_take_large_cells_and_not_the_other_way_round() -> None:
    cells = {cell(S): 2, cell(L): 1}
    assert room_for(need(S), {}, cells) == 3
    assert room_for(need(L), {need(S): 2}, cells) == 1
    assert room_for(need(L), {need(S): 3}, cells) == 0
    assert room_for(need(M, band=Band(7, 10)), {}, cells) == 0


def test_of_yesterdays_parcels_some_are_still_there_at_the_stated_risk() -> None:
    yesterday = DAY - timedelta(days=1)
    assert expected_on(DAY, {DAY: {need(S): 7}}) == {need(S): 7}
    # 40 parcels, each still there with probability 0.1: more than 9 of them in 0.5 % of days, than 8 in 1.6 %
    assert expected_on(DAY, {yesterday: {need(S): 40}}) == {need(S): 9}
    # of 100 with 0.03 more than 7 in 1.06 %: a bell curve would have said 7
    assert expected_on(DAY, {yesterday - timedelta(days=1): {need(S): 100}}) == {need(S): 8}
    assert expected_on(DAY, {yesterday: {need(S): 1}}) == {need(S): 1}
    assert (
        expected_on(DAY, {DAY + timedelta(days=1): {need(S): 5}, DAY - timedelta(days=9): {need(S): 5}}) == {}
    )


COUNTS = st.lists(st.tuples(st.integers(1, 40), st.floats(0.01, 0.6)), min_size=1, max_size=3)


@settings(max_examples=60, deadline=None)
@given(groups=COUNTS, risk=st.sampled_from([0.01, 0.005]))
def test_the_bound_is_the_smallest_that_keeps_the_risk(groups: list[tuple[int, float]], risk: float) -> None:
    """Against the distribution worked out another way: by the characteristic function."""
    bound = still_there(tuple(sorted(groups)), risk)
    n = sum(count for count, _ in groups)
    steps = [cmath.exp(2j * cmath.pi * k / (n + 1)) for k in range(n + 1)]
    spectrum = [math.prod(((1 - p) + p * step) ** count for count, p in groups) for step in steps]
    odds = [(sum(spectrum[k] * steps[k] ** -j for k in range(n + 1)) / (n + 1)).real for j in range(n + 1)]
    assert sum(odds[bound + 1 :]) <= risk + 1e-9
    assert bound == 0 or sum(odds[bound:]) > risk - 1e-9


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), counts=st.lists(st.integers(0, 30), min_size=6, max_size=6))
def test_simulated_days_are_overfull_no_oftener_than_stated(seed: int, counts: list[int]) -> None:
    """Parcels of three sizes came on two days; each stays as the shares say. 2,000 such days are drawn."""
    draw = random.Random(seed)
    arrivals = {
        DAY - timedelta(days=back): {
            need(size): counts[3 * (back - 1) + n] for n, size in enumerate((S, M, L))
        }
        for back in (1, 2)
    }
    expected = expected_on(DAY, arrivals)
    days, over = 2_000, 0
    for _ in range(days):
        there = {need(size): 0 for size in (S, M, L)}
        for arrived, needs in arrivals.items():
            share = STAYS[(DAY - arrived).days]
            for each, count in needs.items():
                there[each] += sum(draw.random() < share for _ in range(count))
        over += any(there[each] > expected.get(each, 0) for each in there)
    # 1 % of 2,000 is 20; more than 35 happens once in a thousand runs of a rule that keeps its risk
    assert over <= 35


@settings(max_examples=100)
@given(st.lists(st.integers(0, 5), min_size=60, max_size=400))
def test_measured_shares_fall_and_lie_above_what_was_seen(days: list[int]) -> None:
    shares = measured_stays(days, least=60)
    assert list(shares) == [0, 1, 2, 3]
    assert list(shares.values()) == sorted(shares.values(), reverse=True)
    for n, share in shares.items():
        assert share >= sum(1 for left in days if left >= n) / len(days)


def test_few_parcels_say_nothing() -> None:
    assert measured_stays([0] * 59, least=60) is STAYS
    assert measured_stays([0] * 60, least=60) == {0: 1.0, 1: 0.0, 2: 0.0, 3: 0.0}
