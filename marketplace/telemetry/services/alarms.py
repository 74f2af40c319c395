"""Who must look now: a probe outside its band for longer than its delay, or one that says nothing.

Silence is judged by both clocks: no reading of the last minutes of business time, and nothing heard for as
long in wire time. Business time that stands still or jumps is no silence.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from django.db import connection, transaction

from marketplace.kernel import clock
from marketplace.outbox.publishing import publish
from marketplace.telemetry.cold import Run, Side
from marketplace.telemetry.events import ColdAlarmCleared, ColdAlarmRaised
from marketplace.telemetry.models import Alarm, AlarmKind, AssetKind, Probe

#: without a reading for this long a probe is silent (domain.md, section e)
SILENT_AFTER: Mapping[str, timedelta] = {
    AssetKind.VEHICLE: timedelta(minutes=10),
    AssetKind.FRIDGE: timedelta(minutes=30),
    AssetKind.HUB_ROOM: timedelta(minutes=30),
    AssetKind.CABINET: timedelta(minutes=5),
}
_LAST = """
SELECT probe.id, last.at, last.received_at FROM telemetry_probe AS probe
CROSS JOIN LATERAL (
    SELECT at, received_at FROM telemetry_reading AS reading WHERE reading.probe_id = probe.id
    ORDER BY at DESC LIMIT 1
) AS last
"""


def follow_excursion(probe: Probe, run: Run | None) -> None:
    """`run`: the stretch outside the band that still goes on, None when it is over. The probe is locked."""
    going_on = run is not None and run.duration_s >= probe.alarm_after_s
    kind = None
    if run is not None and going_on:
        kind = AlarmKind.HIGH if run.side is Side.ABOVE else AlarmKind.LOW
        _raise(probe, kind, since=datetime.fromtimestamp(run.start_s, UTC), worst_c=run.peak_c)
    for other in (AlarmKind.HIGH, AlarmKind.LOW):
        if other != kind:
            _clear(probe, other)


def notice_silence() -> int:
    """Raise and clear alarms of silence; how many probes are silent. Who never spoke is not put up yet."""
    now, wall = clock.now(), clock.wall()
    with connection.cursor() as cursor:
        cursor.execute(_LAST)
        last = {pk: (at, received) for pk, at, received in cursor.fetchall()}
    open_now = set(
        Alarm.objects.filter(kind=AlarmKind.SILENT, cleared_at=None).values_list("probe", flat=True)
    )
    silent = 0
    for probe in Probe.objects.filter(pk__in=last):
        at, received = last[probe.pk]
        limit = SILENT_AFTER[probe.asset_kind]
        is_silent = now - at > limit and wall - received > limit
        silent += is_silent
        if is_silent == (probe.pk in open_now):
            continue
        with transaction.atomic():
            locked = Probe.objects.select_for_update().get(pk=probe.pk)
            if is_silent:
                _raise(locked, AlarmKind.SILENT, since=at, worst_c=None)
            else:
                _clear(locked, AlarmKind.SILENT)
    return silent


def _raise(probe: Probe, kind: AlarmKind, *, since: datetime, worst_c: float | None) -> None:
    alarm, made = Alarm.objects.get_or_create(
        probe=probe,
        kind=kind,
        cleared_at=None,
        defaults={"since": since, "worst_c": worst_c, "raised_at": clock.now()},
    )
    if not made:
        Alarm.objects.filter(pk=alarm.pk).update(since=since, worst_c=worst_c)
        return
    raised = ColdAlarmRaised(
        alarm=alarm.uuid, asset_kind=probe.asset_kind, asset=probe.asset_uuid, zone=probe.zone,
        kind=kind, since=since, worst_c=worst_c,
    )  # fmt: skip
    publish(raised, aggregate_kind="cold_alarm", aggregate_uuid=alarm.uuid)


def _clear(probe: Probe, kind: AlarmKind) -> None:
    for alarm in Alarm.objects.filter(probe=probe, kind=kind, cleared_at=None):
        alarm.cleared_at = clock.now()
        alarm.save(update_fields=["cleared_at"])
        cleared = ColdAlarmCleared(
            alarm=alarm.uuid, asset_kind=probe.asset_kind, asset=probe.asset_uuid, zone=probe.zone,
            kind=kind, at=alarm.cleared_at,
        )  # fmt: skip
        publish(cleared, aggregate_kind="cold_alarm", aggregate_uuid=alarm.uuid)
