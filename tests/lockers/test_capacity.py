"""Counting, pure: against a brute force that really places parcels into cells."""

from datetime import date, timedelta
from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from lockers.capacity import expected_on, fits, room_for
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
    # 40 parcels, each still there with probability 0.1: 4 expected, 9 at the bound
    assert expected_on(DAY, {yesterday: {need(S): 40}}) == {need(S): 9}
    assert expected_on(DAY, {yesterday: {need(S): 1}}) == {need(S): 1}
    assert (
        expected_on(DAY, {DAY + timedelta(days=1): {need(S): 5}, DAY - timedelta(days=9): {need(S): 5}}) == {}
    )
