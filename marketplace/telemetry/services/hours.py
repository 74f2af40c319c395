"""Hourly roll-ups, recomputed whole from stored readings: late and repeated ones change nothing else."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from django.db import connection, transaction

from marketplace.kernel import clock
from marketplace.telemetry.cold import GAP_S, evaluate
from marketplace.telemetry.models import Probe, Reading, ReadingHour, RollUpMark
from marketplace.telemetry.services.readings import samples_of

HOUR = timedelta(hours=1)
#: arrivals this close to the mark are looked at twice: their transaction may have committed after we read
OVERLAP = timedelta(minutes=10)
_TOUCHED = """
SELECT DISTINCT probe_id, date_trunc('hour', at, 'UTC') FROM telemetry_reading
WHERE received_at >= %s AND received_at < %s
"""


def roll_up_hours() -> int:
    """Recompute the hours into which readings came since the last call; how many hours that were."""
    upto = clock.wall()
    with transaction.atomic():
        mark = RollUpMark.objects.select_for_update().first()
        since = datetime.min.replace(tzinfo=UTC) if mark is None else mark.upto - OVERLAP
        with connection.cursor() as cursor:
            cursor.execute(_TOUCHED, [since, upto])
            touched = cursor.fetchall()
        recompute_hours(touched)
        RollUpMark.objects.update_or_create(pk=1 if mark is None else mark.pk, defaults={"upto": upto})
    return len(touched)


def recompute_hours(touched: Iterable[tuple[int, datetime]]) -> None:
    """Each (probe id, hour) from the rows of that hour and the one that still held at its start.

    The hour before is done too where it exists: its last reading held until the first one of this hour.
    """
    by_probe: dict[int, set[datetime]] = defaultdict(set)
    for probe_id, hour in touched:
        by_probe[probe_id] |= {hour - HOUR, hour}
    probes = Probe.objects.in_bulk(by_probe)
    rows = [_hour(probes[pk], hour) for pk, hours in sorted(by_probe.items()) for hour in sorted(hours)]
    found = [row for row in rows if row is not None]
    ReadingHour.objects.bulk_create(
        found,
        update_conflicts=True,
        unique_fields=["probe_id", "hour"],
        update_fields=[
            "readings", "lowest_c", "highest_c", "mean_c", "mkt_c", "known_s", "unknown_s", "outside_s",
            "unverified",
        ],
        batch_size=1000,
    )  # fmt: skip


def _hour(probe: Probe, start: datetime) -> ReadingHour | None:
    """None for an hour without a reading of its own."""
    hold = timedelta(seconds=GAP_S)
    around = Reading.objects.filter(probe=probe, at__gte=start - hold, at__lt=start + HOUR + hold)
    readings = list(around.order_by("at", "boot", "seq").select_related("probe"))
    inside = [each for each in readings if start <= each.at < start + HOUR]
    if not inside:
        return None
    # Up to the next reading, or to the hour's last one while nothing came after it.
    end = start + HOUR if readings[-1].at >= start + HOUR else inside[-1].at
    verdict = evaluate(
        samples_of(readings),
        max_c=probe.max_c,
        min_c=probe.min_c,
        start_s=start.timestamp(),
        end_s=end.timestamp(),
    )
    return ReadingHour(
        probe=probe,
        hour=start,
        readings=len(inside),
        lowest_c=min(each.c for each in inside),
        highest_c=max(each.c for each in inside),
        mean_c=verdict.mean_c,
        mkt_c=verdict.mkt_c,
        known_s=verdict.known_s,
        unknown_s=verdict.unknown_s,
        outside_s=verdict.above_s + verdict.below_s,
        unverified=sum(not probe.calibrated_at(each.at) for each in inside),
    )
