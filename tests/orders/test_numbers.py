from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.kernel.errors import InvalidInput
from orders.numbers import luhn_digit, order_number, parse_order_number

DAYS = st.dates(min_value=date(2020, 1, 1), max_value=date(2068, 12, 31))


def test_known_numbers():
    assert luhn_digit("7992739871") == 3  # the example of ISO/IEC 7812-1
    assert order_number(date(2026, 11, 23), 42) == "261123-000042-6"


@given(DAYS, st.integers(1, 10**9))
def test_a_number_reads_back(day, serial):
    assert parse_order_number(order_number(day, serial)) == (f"{day:%y%m%d}", serial)


@given(DAYS, st.integers(1, 999_999), st.data())
def test_one_misread_digit_is_noticed(day, serial, data):
    number = order_number(day, serial)
    place = data.draw(st.sampled_from([i for i, char in enumerate(number) if char.isdigit()]))
    wrong = data.draw(st.sampled_from([d for d in "0123456789" if d != number[place]]))
    with pytest.raises(InvalidInput) as refused:
        parse_order_number(number[:place] + wrong + number[place + 1 :])
    assert refused.value.field == "number"


@pytest.mark.parametrize("text", ["", "42", "261123-42-7", "261123-000042-x", "261123 000042 6"])
def test_other_texts_are_no_numbers(text):
    with pytest.raises(InvalidInput):
        parse_order_number(text)


def test_serials_start_at_one():
    with pytest.raises(ValueError):
        order_number(date(2026, 11, 23), 0)
