"""Taking device messages in: one transaction per batch, acknowledged only after its commit.

Order of locks: marks by (device, boot). The mark's row lock makes two ingest workers take turns per device;
the unique keys on (device, boot, seq) hold whatever the marks say.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

import structlog
from django.db import DataError, connection, transaction

from lockers.models import Device, DeviceMark, DeviceMessage
from lockers.models.devices import AlarmKind
from lockers.protocol.envelope import Envelope, decode_batch
from lockers.protocol.errors import EnvelopeError, UnknownVersion
from lockers.protocol.messages import Kind
from lockers.protocol.ordering import ClockPair, Mark, placed_at
from lockers.protocol.topics import Channel, read_topic
from lockers.services.alarms import raise_alarm
from lockers.services.messages.presence import note_presence, note_state, note_twin
from lockers.services.messages.probes import KnownProbes
from marketplace.kernel import clock
from marketplace.telemetry.services import NewReading, ingest_readings

log = structlog.get_logger()
JOURNALLED = frozenset({Channel.TELEMETRY, Channel.EVENTS})
#: what lies further ahead of the mark is left to come again: a device has 800 in flight at most
AHEAD_MOST = 10_000
Key = tuple[int, int]  # device pk, boot

_LOCK = """
SELECT mark.* FROM lockers_devicemark AS mark
JOIN unnest(%s::bigint[], %s::bigint[]) AS key (device, boot)
    ON mark.device_id = key.device AND mark.boot = key.boot
ORDER BY mark.device_id, mark.boot FOR UPDATE OF mark
"""
_SAVE = """
UPDATE lockers_devicemark AS mark SET upto = row.upto, ahead = row.ahead::bigint[]
FROM unnest(%s::bigint[], %s::bigint[], %s::text[]) AS row (id, upto, ahead) WHERE mark.id = row.id
"""


@dataclass(frozen=True, slots=True)
class Arrived:
    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Unread:
    """A payload that was refused whole; the device keeps it and sends it again, so somebody must look."""

    device: str
    alarm: str
    why: str


@dataclass(frozen=True, slots=True)
class Ack:
    """Everything of this boot up to `upto` is committed."""

    device: str
    boot: int
    upto: int


@dataclass(frozen=True, slots=True)
class TakenIn:
    acks: tuple[Ack, ...]
    devices: frozenset[int]  # whose messages now wait for their effect


def take_in(arrived: Sequence[Arrived]) -> TakenIn:
    """Store a batch. What cannot be read, or comes from nobody we know, is logged and not acknowledged.

    An unreadable payload of a known device is an alarm: `version` or `garbled`. One that breaks the batch is
    found by storing each payload alone: what one device says must not stop the others' messages.
    """
    try:
        return _take_in(arrived)
    except (DataError, ValueError, TypeError, OverflowError) as error:
        if len(arrived) == 1:
            log.exception("device.poison", topic=arrived[0].topic)
            return _refused(arrived[0], f"{type(error).__name__}: {error}")
    each = [take_in([one]) for one in arrived]
    return TakenIn(
        acks=tuple(ack for taken in each for ack in taken.acks),
        devices=frozenset(device for taken in each for device in taken.devices),
    )


def _refused(arrived: Arrived, why: str) -> TakenIn:
    device = Device.objects.filter(device=read_topic(arrived.topic).device).first()
    if device is not None:
        raise_alarm(device=device, kind=AlarmKind.GARBLED.value, detail={"why": why[:200]}, at=clock.now())
    return TakenIn(acks=(), devices=frozenset())


def _take_in(arrived: Sequence[Arrived]) -> TakenIn:
    heard: list[tuple[Channel, Envelope]] = []
    unread: list[Unread] = []
    for each in arrived:
        read = _decoded(each)
        if isinstance(read, Unread):
            unread.append(read)
        else:
            heard += read
    with transaction.atomic():
        devices = _devices({each.dev for _, each in heard} | {each.device for each in unread})
        for refused in unread:
            if refused.device in devices:
                detail = {"why": refused.why}
                raise_alarm(device=devices[refused.device], kind=refused.alarm, detail=detail, at=clock.now())
        known = [(channel, message) for channel, message in heard if message.dev in devices]
        journalled = [message for channel, message in known if channel in JOURNALLED and message.seq > 0]
        acks, waiting = _store(journalled, devices)
        note_presence(devices.values())
        for channel, message in known:
            if channel not in JOURNALLED:
                note_state(devices[message.dev], channel, message)
    return TakenIn(acks=acks, devices=waiting)


def _decoded(arrived: Arrived) -> list[tuple[Channel, Envelope]] | Unread:
    try:
        topic = read_topic(arrived.topic)
    except EnvelopeError as error:
        log.warning("device.unreadable", topic=arrived.topic, code=error.code, why=str(error))
        return []
    try:
        envelopes = decode_batch(arrived.payload)
    except EnvelopeError as error:
        log.warning("device.unreadable", topic=arrived.topic, code=error.code, why=str(error))
        kind = AlarmKind.VERSION if isinstance(error, UnknownVersion) else AlarmKind.GARBLED
        return Unread(topic.device, kind.value, str(error)[:200])
    foreign = [each.dev for each in envelopes if each.dev != topic.device]
    if foreign:
        log.warning("device.impostor", topic=arrived.topic, speaks_for=foreign[0])
        return []
    return [(topic.channel, each) for each in envelopes]


def _devices(names: AbstractSet[str]) -> dict[str, Device]:
    found = Device.objects.filter(device__in=names, revoked_at=None).select_related("cabinet")
    devices = {each.device: each for each in found}
    for name in names - set(devices):
        log.warning("device.unknown", device=name)
    return devices


def _store(
    envelopes: Sequence[Envelope], devices: Mapping[str, Device]
) -> tuple[tuple[Ack, ...], frozenset[int]]:
    if not envelopes:
        return (), frozenset()
    by_boot: dict[Key, list[Envelope]] = defaultdict(list)
    for each in envelopes:
        by_boot[devices[each.dev].pk, each.boot].append(each)
    marks = _locked_marks(by_boot)
    for key, same in by_boot.items():
        by_boot[key] = [each for each in same if each.seq <= marks[key].upto + AHEAD_MOST]
    fresh: list[Envelope] = []
    known: list[Envelope] = []
    for key, same in by_boot.items():
        mark = _mark(marks[key])
        for each in same:
            (known if mark.knows(each.seq) else fresh).append(each)
    _insert({each.key: each for each in fresh}.values(), devices)
    _look_for_twins(known, devices)
    names = {device.pk: device.device for device in devices.values()}
    acks = []
    for key, row in marks.items():
        mark = _mark(row).advanced(each.seq for each in by_boot[key])
        row.upto, row.ahead = mark.upto, sorted(mark.ahead)
        acks.append(Ack(device=names[row.device_id], boot=row.boot, upto=row.upto))
    _save_marks(marks.values())
    return tuple(acks), frozenset(devices[each.dev].pk for each in fresh if each.type != Kind.READING)


def _look_for_twins(known: Sequence[Envelope], devices: Mapping[str, Device]) -> None:
    """A repeat carries the same `mid`; another one under a known (boot, seq) comes from a second device."""
    said = [each for each in known if each.type != Kind.READING]
    if not said:
        return
    rows = DeviceMessage.objects.filter(
        device__in={devices[each.dev].pk for each in said}, seq__in={each.seq for each in said}
    ).values_list("device__device", "boot", "seq", "mid")
    stored = {(device, boot, seq): mid for device, boot, seq, mid in rows}
    for each in said:
        if stored.get(each.key, each.mid) != each.mid:
            note_twin(devices[each.dev], boot=each.boot)


def _locked_marks(keys: Iterable[Key]) -> dict[Key, DeviceMark]:
    """The marks of these boots, locked in order; new ones are made."""
    wanted = sorted(keys)
    found = _lock(wanted)
    missing = [key for key in wanted if key not in found]
    if missing:
        made = [DeviceMark(device_id=device, boot=boot) for device, boot in missing]
        DeviceMark.objects.bulk_create(made, ignore_conflicts=True)
        found = _lock(wanted)
    return found


def _lock(keys: Sequence[Key]) -> dict[Key, DeviceMark]:
    devices, boots = [device for device, _ in keys], [boot for _, boot in keys]
    rows = DeviceMark.objects.raw(_LOCK, [devices, boots])
    return {(row.device_id, row.boot): row for row in rows}


def _save_marks(rows: Iterable[DeviceMark]) -> None:
    changed = list(rows)
    ahead = ["{" + ",".join(map(str, row.ahead)) + "}" for row in changed]
    with connection.cursor() as cursor:
        cursor.execute(_SAVE, [[row.pk for row in changed], [row.upto for row in changed], ahead])


def _mark(row: DeviceMark) -> Mark:
    return Mark(upto=row.upto, ahead=frozenset(row.ahead))


def _insert(envelopes: Iterable[Envelope], devices: Mapping[str, Device]) -> None:
    readings: list[NewReading] = []
    messages: list[DeviceMessage] = []
    received, probes = clock.wall(), KnownProbes(devices.values())
    for each in sorted(envelopes, key=lambda envelope: envelope.key):
        device = devices[each.dev]
        reading = _reading(each, device, probes) if each.type == Kind.READING else None
        if reading is not None:
            readings.append(reading)
        else:
            messages.append(_message(each, device, received))
    DeviceMessage.objects.bulk_create(messages, ignore_conflicts=True, batch_size=1000)
    ingest_readings(readings, probes.facts)


def _message(envelope: Envelope, device: Device, received: Any) -> DeviceMessage:
    at, trust = placed_at(envelope, _pair(device))
    return DeviceMessage(
        device=device,
        boot=envelope.boot,
        seq=envelope.seq,
        mid=envelope.mid,
        ts=envelope.ts,
        mono=envelope.mono,
        at=at,
        trust=trust.value,
        type=envelope.type,
        tx=envelope.tx,
        body=envelope.body,
        received_at=received,
    )


def _reading(envelope: Envelope, device: Device, probes: KnownProbes) -> NewReading | None:
    """None for a reading that does not say what a reading must: it is kept as it is, like an unknown type."""
    body = envelope.body
    raw_c, probe, zone = body.get("raw_c", body.get("c")), body.get("probe"), body.get("zone")
    is_number = isinstance(raw_c, (int, float)) and not isinstance(raw_c, bool) and -100 <= raw_c <= 100
    if not is_number or not isinstance(probe, str) or not isinstance(zone, str):
        return None
    if not probes.ensure(device, probe, zone):
        return None
    at, trust = placed_at(envelope, _pair(device))
    return NewReading(
        device=device.device,
        boot=envelope.boot,
        seq=envelope.seq,
        probe=probe,
        at=at,
        raw_c=float(raw_c),  # type: ignore[arg-type]
        door_open=bool(body.get("open", False)),
        trust=trust.value,
        ts=envelope.ts,
    )


def _pair(device: Device) -> ClockPair | None:
    if device.clock_boot is None or device.clock_received is None:
        return None
    return ClockPair(
        boot=device.clock_boot,
        mono=device.clock_mono or 0.0,
        received=device.clock_received,
        error_s=device.clock_error_s or 0.0,
    )
