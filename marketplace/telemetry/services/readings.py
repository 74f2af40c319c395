"""Taking readings in, and reading them out."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import BooleanField, Exists, ExpressionWrapper, OuterRef, Q, Subquery

from marketplace.kernel import clock
from marketplace.telemetry.cold import GAP_S, Sample, Verdict, evaluate
from marketplace.telemetry.models import Alarm, Breach, ClockTrust, Probe, Reading

_INSERT = """
INSERT INTO telemetry_reading
    (probe_id, ts, at, c, raw_c, door_open, trust, device, boot, seq, received_at)
SELECT probe, ts, at, c, raw_c, door_open, trust, device, boot, seq, %s
FROM unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[], %s::float8[], %s::float8[], %s::bool[],
            %s::text[], %s::text[], %s::bigint[], %s::bigint[])
    AS row (probe, ts, at, c, raw_c, door_open, trust, device, boot, seq)
ON CONFLICT (device, boot, seq, ts) DO NOTHING
"""

_MARK = """
UPDATE telemetry_probe
SET review_since = least(review_since, row.since), outside_at = greatest(outside_at, row.outside)
FROM unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[]) AS row (probe, since, outside)
WHERE id = row.probe
"""
#: a reading outside the band says nothing about what comes later than this
_HOLDS = timedelta(seconds=GAP_S)


@dataclass(frozen=True, slots=True)
class NewReading:
    """As the wire says it; `at` is where the message was placed in business time, `ts` the device's clock
    (`at` when left out).
    """

    device: str
    boot: int
    seq: int
    probe: str
    at: datetime
    raw_c: float
    door_open: bool = False
    trust: str = ClockTrust.GOOD
    ts: datetime | None = None


class ProbeFacts(NamedTuple):
    """What taking a reading in needs to know of its probe."""

    pk: int
    offset_c: float
    min_c: float
    max_c: float
    outside_at: datetime | None
    in_trouble: bool  # a breach or an alarm of its is open


Probes = Mapping[tuple[str, str], ProbeFacts]  # by (device, label)


def probe_facts(devices: Collection[str]) -> dict[tuple[str, str], ProbeFacts]:
    open_breach = Breach.objects.filter(probe=OuterRef("pk"), ended_at=None, withdrawn_at=None)
    open_alarm = Alarm.objects.filter(probe=OuterRef("pk"), kind__in=["high", "low"], cleared_at=None)
    rows = Probe.objects.filter(device__in=list(devices)).values_list(
        "device",
        "label",
        "pk",
        "offset_c",
        "min_c",
        "max_c",
        "outside_at",
        ExpressionWrapper(Q(Exists(open_breach)) | Q(Exists(open_alarm)), BooleanField()),
    )
    return {(device, label): ProbeFacts(*facts) for device, label, *facts in rows}


def ingest_readings(readings: Sequence[NewReading], probes: Probes | None = None) -> int:
    """Insert what is new, in the caller's transaction; how many rows that were.

    A probe is marked for review, in the same transaction, when a reading can change its breaches: one outside
    the band, or one that may end, part or lengthen a stretch outside it. A reading of a probe that nobody
    registered is left out: its sender is asked first (KeyError).
    """
    if not readings:
        return 0
    if probes is None:
        probes = probe_facts({each.device for each in readings})
    found = [probes[each.device, each.probe] for each in readings]
    corrected = [each.raw_c + probe.offset_c for each, probe in zip(readings, found, strict=True)]
    columns: list[Any] = [
        clock.wall(),
        _array(probe.pk for probe in found),
        _array((each.ts or each.at).isoformat() for each in readings),
        _array(each.at.isoformat() for each in readings),
        _array(corrected),
        _array(each.raw_c for each in readings),
        _array(each.door_open for each in readings),
        _array(f'"{each.trust}"' for each in readings),
        _array(f'"{each.device}"' for each in readings),
        _array(each.boot for each in readings),
        _array(each.seq for each in readings),
    ]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, columns)
        added = int(cursor.rowcount)
        to_review = _to_review(readings, found, corrected)
        if to_review:
            since, outside = zip(*to_review.values(), strict=True)
            cursor.execute(_MARK, [list(to_review), list(since), list(outside)])
    return added


def _array(values: Iterable[object]) -> str:
    """PostgreSQL's text form of an array whose elements need no escapes: numbers, times, words, device ids.
    A quarter of what the driver's own adaptation of thousands of elements costs.
    """
    return "{" + ",".join(map(str, values)) + "}"


def _to_review(
    readings: Sequence[NewReading], found: Sequence[ProbeFacts], corrected: Sequence[float]
) -> dict[int, tuple[datetime, datetime | None]]:
    """{probe id: (earliest reading to look at, latest one outside the band)}, in the order of locks."""
    outside: dict[int, datetime] = {}
    for each, probe, c in zip(readings, found, corrected, strict=True):
        if not probe.min_c <= c <= probe.max_c:
            outside[probe.pk] = max(each.at, outside.get(probe.pk, each.at))
    since: dict[int, datetime] = {}
    for each, probe in zip(readings, found, strict=True):
        last = max((at for at in (probe.outside_at, outside.get(probe.pk)) if at is not None), default=None)
        if probe.in_trouble or (last is not None and each.at <= last + _HOLDS):
            since[probe.pk] = min(each.at, since.get(probe.pk, each.at))
    return {pk: (since[pk], outside.get(pk)) for pk in sorted(since)}


def temperatures(*, asset_uuid: UUID, zone: str, start: datetime, end: datetime) -> list[Reading]:
    """Stored readings of an asset's zone, in time order, with those that held at `start`, one per probe."""
    readings = Reading.objects.filter(probe__asset_uuid=asset_uuid, probe__zone=zone).select_related("probe")
    before = [
        last
        for probe in Probe.objects.filter(asset_uuid=asset_uuid, zone=zone).order_by("pk")
        if (last := readings.filter(probe=probe, at__lt=start).order_by("-at").first())
    ]
    return [*before, *readings.filter(at__gte=start, at__lte=end).order_by("at", "boot", "seq")]


def cold_verdict(
    *, asset_uuid: UUID, zone: str, start: datetime, end: datetime, min_c: float, max_c: float
) -> Verdict:
    """What is known of the stretch, over the limits of the goods themselves.

    Probes of one zone are judged each by itself, never as one series: two by turns would break every breach
    into pieces. The one that saw the worst speaks for the zone; of two alike, the one that knows more.
    """
    readings = temperatures(asset_uuid=asset_uuid, zone=zone, start=start, end=end)
    verdicts = [
        evaluate(
            samples,
            max_c=max_c,
            min_c=min_c,
            start_s=start.timestamp(),
            end_s=end.timestamp(),
            gap_s=GAP_S,
        )
        for samples in by_probe(readings) or [[]]
    ]
    return max(verdicts, key=lambda each: (each.above_s + each.below_s, each.known_s))


def by_probe(readings: Iterable[Reading]) -> list[list[Sample]]:
    """The samples of each probe, in the order of their first."""
    series: dict[int, list[Reading]] = {}
    for each in readings:
        series.setdefault(each.probe_id, []).append(each)
    return [samples_of(same) for same in series.values()]


def samples_of(readings: Iterable[Reading]) -> list[Sample]:
    return [
        Sample(at_s=each.at.timestamp(), c=each.c, calibrated=each.probe.calibrated_at(each.at))
        for each in readings
    ]


def latest_c(*, asset_uuids: Iterable[UUID]) -> dict[tuple[UUID, str], float]:
    """The last known °C by (asset, zone); the warmest where a zone has several probes."""
    latest: dict[tuple[UUID, str], float] = {}
    newest = Reading.objects.filter(probe=OuterRef("pk")).order_by("-at").values("c")[:1]
    probes = Probe.objects.filter(asset_uuid__in=list(asset_uuids)).annotate(last_c=Subquery(newest))
    for asset, zone, c in probes.values_list("asset_uuid", "zone", "last_c"):
        if c is not None:
            latest[asset, zone] = max(c, latest.get((asset, zone), c))
    return latest
