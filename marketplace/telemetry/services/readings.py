"""Taking readings in, and reading them out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import OuterRef, Subquery

from marketplace.kernel import clock
from marketplace.telemetry.cold import GAP_S, Sample, Verdict, evaluate
from marketplace.telemetry.models import ClockTrust, Probe, Reading

_INSERT = """
INSERT INTO telemetry_reading
    (probe_id, at, c, raw_c, door_open, trust, device, boot, seq, received_at)
SELECT probe, at, c, raw_c, door_open, trust, device, boot, seq, %s
FROM unnest(%s::bigint[], %s::timestamptz[], %s::float8[], %s::float8[], %s::bool[], %s::text[], %s::text[],
            %s::bigint[], %s::bigint[])
    AS row (probe, at, c, raw_c, door_open, trust, device, boot, seq)
ON CONFLICT (device, boot, seq) DO NOTHING
RETURNING probe_id, at
"""

_MARK = """
UPDATE telemetry_probe SET review_since = least(review_since, row.at)
FROM unnest(%s::bigint[], %s::timestamptz[]) AS row (probe, at) WHERE id = row.probe
"""


@dataclass(frozen=True, slots=True)
class NewReading:
    """As the wire says it; `at` is where the message was placed in business time."""

    device: str
    boot: int
    seq: int
    probe: str
    at: datetime
    raw_c: float
    door_open: bool = False
    trust: str = ClockTrust.GOOD


def ingest_readings(readings: Sequence[NewReading]) -> dict[int, datetime]:
    """Insert what is new, in the caller's transaction; {probe id: earliest new time}.

    The probes are marked for review from there on, in the same transaction. A reading of a probe that
    nobody registered is left out: its sender is asked first (KeyError).
    """
    if not readings:
        return {}
    probes = _probes({each.device for each in readings})
    found = [probes[each.device, each.probe] for each in readings]
    columns: list[Any] = [
        clock.wall(),
        [probe.pk for probe in found],
        [each.at for each in readings],
        [each.raw_c + probe.offset_c for each, probe in zip(readings, found, strict=True)],
        [each.raw_c for each in readings],
        [each.door_open for each in readings],
        [each.trust for each in readings],
        [each.device for each in readings],
        [each.boot for each in readings],
        [each.seq for each in readings],
    ]
    earliest: dict[int, datetime] = {}
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, columns)
        for probe_id, at in cursor.fetchall():
            earliest[probe_id] = min(at, earliest.get(probe_id, at))
        if earliest:
            cursor.execute(_MARK, [sorted(earliest), [earliest[probe_id] for probe_id in sorted(earliest)]])
    return earliest


def temperatures(*, asset_uuid: UUID, zone: str, start: datetime, end: datetime) -> list[Reading]:
    """Stored readings of an asset's zone, in time order, with the one that held at `start`."""
    readings = Reading.objects.filter(probe__asset_uuid=asset_uuid, probe__zone=zone)
    before = readings.filter(at__lt=start).order_by("-at").select_related("probe").first()
    inside = readings.filter(at__gte=start, at__lte=end).order_by("at", "id").select_related("probe")
    return [*([before] if before else []), *inside]


def cold_verdict(
    *, asset_uuid: UUID, zone: str, start: datetime, end: datetime, min_c: float, max_c: float
) -> Verdict:
    """What is known of the stretch, over the limits of the goods themselves."""
    readings = temperatures(asset_uuid=asset_uuid, zone=zone, start=start, end=end)
    return evaluate(
        samples_of(readings),
        max_c=max_c,
        min_c=min_c,
        start_s=start.timestamp(),
        end_s=end.timestamp(),
        gap_s=GAP_S,
    )


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


def _probes(devices: Iterable[str]) -> dict[tuple[str, str], Probe]:
    return {(each.device, each.label): each for each in Probe.objects.filter(device__in=list(devices))}
