"""The rhythm: orders until 18:00, delivered the next day. No Django."""

from datetime import date, datetime, timedelta
from typing import Final

from marketplace.kernel import clock

CUT_OFF_HOUR: Final = 18


def closes_at(delivery_date: date) -> datetime:
    """18:00 in Yichun on the day before."""
    return clock.at(delivery_date - timedelta(days=1), CUT_OFF_HOUR)


def next_delivery_date(now: datetime) -> date:
    """The first day whose cycle is still open at `now`; at 18:00 sharp it has moved on."""
    tomorrow = now.astimezone(clock.SHANGHAI).date() + timedelta(days=1)
    return tomorrow if now < closes_at(tomorrow) else tomorrow + timedelta(days=1)
