from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from catalog.freshness import days_left, expires_on, is_expired

MONDAY = date(2026, 3, 2)


def test_three_days_of_shelf_life_from_monday_end_on_thursday() -> None:
    assert expires_on(harvested_on=MONDAY, shelf_life_days=3) == date(2026, 3, 5)
    assert days_left(expires_on=date(2026, 3, 5), today=MONDAY) == 3
    assert not is_expired(expires_on=date(2026, 3, 5), today=date(2026, 3, 4))
    assert is_expired(expires_on=date(2026, 3, 5), today=date(2026, 3, 5))


def test_goods_that_do_not_spoil_have_no_date() -> None:
    assert expires_on(harvested_on=MONDAY, shelf_life_days=None) is None
    assert days_left(expires_on=None, today=MONDAY) is None
    assert not is_expired(expires_on=None, today=MONDAY)


@given(st.integers(0, 4000), st.integers(-10, 5000))
def test_a_lot_is_expired_exactly_when_no_day_is_left(shelf_life: int, age: int) -> None:
    expiry = expires_on(harvested_on=MONDAY, shelf_life_days=shelf_life)
    today = MONDAY + timedelta(days=age)
    assert is_expired(expires_on=expiry, today=today) == (days_left(expires_on=expiry, today=today) == 0)
