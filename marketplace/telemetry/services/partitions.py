"""Readings in partitions of a week: made before they are needed, dropped when nobody may ask any more.

A partition holds the weeks of the devices' own clocks (Reading.ts). What a wrong clock puts outside the weeks
that exist lies in the default partition, and goes from there by its time of arrival.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from django.conf import settings
from django.db import connection, transaction

from marketplace.kernel import clock
from marketplace.telemetry.models import Reading, ReadingHour, RollUpMark

log = structlog.get_logger()
WEEK = timedelta(days=7)
#: weeks made before and after the present one: a backlog of days and clocks that run ahead find their place
BEHIND, AHEAD = 2, 4
PARENT = "telemetry_reading"
DEFAULT = "telemetry_reading_other"
_NAME = re.compile(rf"{PARENT}_(\d{{8}})")
# Waiting for a long query's lock would make all ingest wait behind us: try again at the next turn instead.
_PATIENCE = "SET LOCAL lock_timeout = '2s'"
# What a query needs of a plain table that is to become a partition.
_MAKE = "CREATE TABLE {name} (LIKE {parent} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES)"
_MOVE = """
WITH moved AS (DELETE FROM {default} WHERE ts >= '{low}' AND ts < '{high}' RETURNING *)
INSERT INTO {name} SELECT * FROM moved
"""
_ATTACH = "ALTER TABLE {parent} ATTACH PARTITION {name} FOR VALUES FROM ('{low}') TO ('{high}')"


@dataclass(frozen=True, slots=True)
class Week:
    start: datetime

    @classmethod
    def of(cls, at: datetime) -> "Week":
        day = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return cls(day - timedelta(days=day.weekday()))

    @property
    def end(self) -> datetime:
        return self.start + WEEK

    @property
    def table(self) -> str:
        return f"{PARENT}_{self.start:%Y%m%d}"


def weeks() -> list[Week]:
    """Those that have a partition, the oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass", [PARENT]
        )
        names = [match for (name,) in cursor.fetchall() if (match := _NAME.fullmatch(name))]
    return sorted(
        (Week(datetime.strptime(match[1], "%Y%m%d").replace(tzinfo=UTC)) for match in names),
        key=lambda week: week.start,
    )


def make_weeks() -> list[Week]:
    """The partitions around now that are missing; rows of theirs that lie in the default one move over."""
    present = Week.of(clock.now())
    wanted = [Week(present.start + number * WEEK) for number in range(-BEHIND, AHEAD + 1)]
    known = set(weeks())
    missing = [week for week in wanted if week not in known]
    for week in missing:
        names = {
            "parent": PARENT, "default": DEFAULT, "name": week.table,
            "low": week.start.isoformat(), "high": week.end.isoformat(),
        }  # fmt: skip
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_PATIENCE)
            # Two drains would otherwise make the same table.
            cursor.execute(f"LOCK TABLE {PARENT} IN SHARE UPDATE EXCLUSIVE MODE")
            if week in weeks():
                continue
            for statement in (_MAKE, _MOVE, _ATTACH):
                cursor.execute(statement.format(**names))
    return missing


def drop_old_weeks() -> list[Week]:
    """Partitions whose last reading is older than settings.READINGS_KEPT_DAYS and lies in the hours.

    What the default partition holds goes by its arrival; hours go after settings.READING_HOURS_KEPT_DAYS.
    """
    kept = timedelta(days=settings.READINGS_KEPT_DAYS)
    mark = RollUpMark.objects.first()
    if mark is None:
        return []
    old = [week for week in weeks() if week.end <= clock.now() - kept and _is_rolled_up(week, mark.upto)]
    for week in old:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_PATIENCE)
            cursor.execute(f"DROP TABLE {week.table}")
        log.info("readings.dropped", week=week.start.date().isoformat())
    with connection.cursor() as cursor:
        arrived = min(clock.wall() - kept, mark.upto)
        cursor.execute(f"DELETE FROM {DEFAULT} WHERE received_at < %s", [arrived])
    hours_kept = timedelta(days=settings.READING_HOURS_KEPT_DAYS)
    ReadingHour.objects.filter(hour__lt=clock.now() - hours_kept).delete()
    return old


def _is_rolled_up(week: Week, upto: datetime) -> bool:
    late = Reading.objects.filter(ts__gte=week.start, ts__lt=week.end, received_at__gte=upto)
    return not late.exists()
