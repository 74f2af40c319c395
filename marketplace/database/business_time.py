"""The shared row behind `kernel.clock`: how testers and the simulation move the day for all processes."""

from datetime import datetime, timedelta

from django.db import connection

from marketplace.database.models import ClockSetting
from marketplace.kernel import clock


def read_setting() -> clock.Setting:
    with connection.cursor() as cursor:  # every request and every event begins with it: no ORM in between
        cursor.execute("SELECT offset_s, frozen_at FROM database_clocksetting")
        row = cursor.fetchone()
    if row is None:
        return clock.Setting()
    return clock.Setting(offset=timedelta(seconds=row[0]), frozen_at=row[1])


def set_business_time(*, at: datetime | None, frozen: bool) -> clock.Setting:
    """Move business time to `at` (None: where it is now) and let it stand or run on from there."""
    clock.refresh()
    target = at or clock.now()
    offset_s = (target - clock.wall()).total_seconds()
    ClockSetting.objects.update_or_create(
        singleton=True, defaults={"offset_s": offset_s, "frozen_at": target if frozen else None}
    )
    with connection.cursor() as cursor:
        cursor.execute("NOTIFY business_time")
    clock.refresh()
    return read_setting()
