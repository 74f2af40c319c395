from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.cycles import closes_at, next_delivery_date
from marketplace.kernel import clock

MONDAY = date(2026, 3, 2)


@pytest.mark.parametrize(
    ("now", "delivered"),
    [
        (clock.at(MONDAY, 0), date(2026, 3, 3)),
        (clock.at(MONDAY, 17, 59), date(2026, 3, 3)),
        (clock.at(MONDAY, 18), date(2026, 3, 4)),
        (clock.at(MONDAY, 23, 59), date(2026, 3, 4)),
    ],
)
def test_orders_until_18_are_delivered_the_next_day(now: datetime, delivered: date) -> None:
    assert next_delivery_date(now) == delivered


@given(st.integers(0, 7 * 24 * 60))
def test_the_next_delivery_day_is_the_first_whose_cycle_is_open(minutes: int) -> None:
    now = clock.at(MONDAY, 0) + timedelta(minutes=minutes)
    day = next_delivery_date(now)
    assert closes_at(day - timedelta(days=1)) <= now < closes_at(day)
