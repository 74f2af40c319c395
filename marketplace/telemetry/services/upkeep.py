"""What keeps the tables of readings as they must be; polled every second, does something now and then."""

import time

from django.db import OperationalError

from marketplace.kernel import clock
from marketplace.telemetry.services.alarms import notice_silence
from marketplace.telemetry.services.hours import roll_up_hours
from marketplace.telemetry.services.partitions import Week, drop_old_weeks, make_weeks

ROLL_UP_EVERY_S = 300.0
SILENCE_EVERY_S = 20.0
WEEKS_EVERY_S = 3600.0


class Upkeep:
    """Remembers when it was last done, per process: doing it twice does no harm."""

    def __init__(self) -> None:
        self._rolled_up_s = self._weeks_s = self._listened_s = float("-inf")
        self._week: Week | None = None

    def __call__(self) -> None:
        """Who fell silent; weeks before they are needed, then hours, then what is no longer kept."""
        now_s, week = time.monotonic(), Week.of(clock.now())
        weeks_due = week != self._week or now_s - self._weeks_s >= WEEKS_EVERY_S
        if now_s - self._listened_s >= SILENCE_EVERY_S:
            notice_silence()
            self._listened_s = now_s
        try:
            if weeks_due:
                make_weeks()
                self._week, self._weeks_s = week, now_s
            if now_s - self._rolled_up_s >= ROLL_UP_EVERY_S:
                roll_up_hours()
                self._rolled_up_s = now_s
            if weeks_due:
                drop_old_weeks()
        except OperationalError as error:
            # A long query holds the table (lock_timeout): at the next turn.
            if getattr(error.__cause__, "sqlstate", None) != "55P03":
                raise


keep_readings = Upkeep()
