from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockers.periods import FREE, LONGER, Extension, extension, free_until, remind_at

NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)
ZONES = st.sampled_from(sorted(FREE))
HOURS = st.integers(-100, 200).map(lambda hours: NOON + timedelta(hours=hours))


def test_cold_goods_have_the_shorter_period() -> None:
    assert {zone: free_until(zone, NOON, keep_until=None) - NOON for zone in FREE} == {
        "ambient": timedelta(hours=72),
        "cool": timedelta(hours=24),
        "chilled": timedelta(hours=24),
        "frozen": timedelta(hours=24),
    }


@given(ZONES, HOURS)
def test_no_period_goes_past_the_goods_own_life(zone: str, keep_until: datetime) -> None:
    until = free_until(zone, NOON, keep_until=keep_until)
    assert NOON <= until <= NOON + FREE[zone]
    assert until <= max(NOON, keep_until)
    longer = extension(zone, until, extensions=0, keep_until=keep_until)
    assert longer.until is None or until < longer.until <= min(keep_until, until + LONGER[zone])
    assert (longer.until is None) == (longer.reason == "shelf_life")


def test_it_is_longer_once() -> None:
    once = extension("ambient", NOON, extensions=0, keep_until=None)
    assert once == Extension(NOON + timedelta(hours=24))
    assert extension("ambient", NOON, extensions=1, keep_until=None) == Extension(None, "used_up")


@pytest.mark.parametrize(("hours", "after"), [(72, 60), (24, 12), (10, 5), (0, 0)])
def test_the_reminder_comes_twelve_hours_before_the_end_or_at_half(hours: int, after: int) -> None:
    assert remind_at(NOON, NOON + timedelta(hours=hours)) == NOON + timedelta(hours=after)
