"""What no argument may be, whatever it means."""

import math
from datetime import UTC, date, datetime
from typing import Any

import graphene
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.api.arguments import MAX_TEXT, check_arguments, filled
from marketplace.kernel.errors import InvalidInput

GOOD: list[Any] = [
    None,
    "",
    "猕猴桃 5 斤\n下午送\t谢谢",
    "长" * MAX_TEXT,
    0.0,
    -273.15,
    date(1970, 1, 1),
    date(2100, 12, 31),
    datetime(2026, 11, 12, 9, tzinfo=UTC),
    [1, ["a"]],
]
BAD: list[Any] = [
    "a\x00",
    "\x07",
    "\x7f",
    "\x85",
    "\ud800",
    "长" * (MAX_TEXT + 1),
    math.nan,
    math.inf,
    date(1969, 12, 31),
    date(2101, 1, 1),
    datetime(2026, 11, 12, 9),
    datetime(1, 1, 1, tzinfo=UTC),
]


@pytest.mark.parametrize("value", GOOD, ids=lambda value: repr(value)[:20])
def test_what_people_mean_passes(value: Any) -> None:
    check_arguments({"it": value, "within": {"lines": [{"it": value}]}})


@pytest.mark.parametrize("value", BAD, ids=lambda value: ascii(value)[:20])
def test_what_nobody_means_is_refused_where_it_stands(value: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_arguments({"good": 1, "it": value})
    assert refused.value.field == "it"
    with pytest.raises(InvalidInput) as refused:
        check_arguments({"lines": [{"it": 1}, {"it": value}]})
    assert refused.value.field == "lines[1].it"


def test_a_file_may_be_long_and_still_holds_no_nul() -> None:
    csv = "长" * 100_000
    check_arguments({"csv": csv, "operations": [{"csv": csv}]}, files={"csv"})
    with pytest.raises(InvalidInput):
        check_arguments({"csv": csv + "\x00"}, files={"csv"})


@given(st.text())
def test_what_passes_goes_into_postgresql(text: str) -> None:
    try:
        check_arguments({"it": text})
    except InvalidInput:
        return
    assert "\x00" not in text
    assert text.encode().decode() == text


def test_null_asks_for_the_default_where_there_is_one() -> None:
    declared = {
        "first": graphene.Argument(graphene.Int, default_value=20),
        "zone": graphene.Argument(graphene.String),
    }
    assert filled({"first": None, "zone": None}, declared) == {"first": 20, "zone": None}
    assert filled({"first": 0}, declared) == {"first": 0}
