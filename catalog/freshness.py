"""Dates of a lot. A lot is good up to, and not including, its expiry day. No Django."""

from datetime import date, timedelta


def expires_on(*, harvested_on: date, shelf_life_days: int | None) -> date | None:
    """Harvest day plus shelf life; None for goods that do not spoil."""
    return None if shelf_life_days is None else harvested_on + timedelta(days=shelf_life_days)


def days_left(*, expires_on: date | None, today: date) -> int | None:
    """Days until expiry, never negative; None for goods that do not spoil."""
    return None if expires_on is None else max((expires_on - today).days, 0)


def is_expired(*, expires_on: date | None, today: date) -> bool:
    return expires_on is not None and expires_on <= today
