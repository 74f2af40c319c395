import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.kernel.errors import InvalidInput
from marketplace.kernel.money import format_yuan, line_amount_fen, parse_yuan, round_half_up, split_fen

FEN = st.integers(min_value=-(10**12), max_value=10**12)


@pytest.mark.parametrize(
    ("numerator", "denominator", "rounded"), [(5, 10, 1), (4, 10, 0), (-5, 10, -1), (15, 10, 2), (0, 7, 0)]
)
def test_halves_round_away_from_zero(numerator: int, denominator: int, rounded: int) -> None:
    assert round_half_up(numerator, denominator) == rounded


def test_a_weighed_line_costs_price_times_kilograms() -> None:
    assert line_amount_fen(1300, 1235) == 1606  # 13.00 a kg, 1.235 kg = 16.055, half up


@given(total=FEN, shares=st.lists(st.integers(0, 2500), min_size=1, max_size=4))
def test_a_split_always_adds_up(total: int, shares: list[int]) -> None:
    named = {f"party{index}": share for index, share in enumerate(shares)}
    parts = split_fen(total, named, "party0")
    assert sum(parts.values()) == total
    assert set(parts) == set(named)


@given(fen=st.integers(0, 10**13 - 1))
def test_yuan_text_round_trips(fen: int) -> None:
    assert parse_yuan(format_yuan(fen)) == fen


@pytest.mark.parametrize("text", ["", "1.234", "-1", "1e3", "٣", ".5", "01", "12,5", "NaN"])
def test_other_texts_are_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_yuan(text, "price")
    assert refused.value.field == "price"
