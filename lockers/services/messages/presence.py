"""Who is there: heartbeats, connection and door states. None of it is journalled; the next one says the
same.
"""

import re
from collections.abc import Iterable
from datetime import timedelta

from django.db.models import Q

from lockers.models import Compartment, Device
from lockers.protocol.doors import DoorState
from lockers.protocol.envelope import Envelope
from lockers.protocol.ordering import pair_from
from lockers.protocol.topics import Channel
from lockers.services.alarms import clear_alarm, raise_alarm
from lockers.services.sites.cabinets import SILENT_AFTER
from marketplace.kernel import clock

#: how fine `last_seen` is: a busy device does not write its row with every batch
_SEEN_EVERY = timedelta(seconds=5)
LOW_BATTERY_PCT = 20
_DOOR = re.compile(r"[1-9][0-9]{0,3}")


def note_presence(devices: Iterable[Device]) -> None:
    """Heard of just now, in wire time."""
    wall = clock.wall()
    stale = Q(last_seen=None) | Q(last_seen__lt=wall - _SEEN_EVERY)
    Device.objects.filter(stale, pk__in=sorted(each.pk for each in devices)).update(last_seen=wall)


def note_state(device: Device, channel: Channel, envelope: Envelope) -> None:
    if channel is Channel.CONNECTION:
        _connection(device, envelope)
    elif channel is Channel.HEARTBEAT:
        _heartbeat(device, envelope)
    elif channel is Channel.DOORS:
        _doors(device, envelope)


def all_unknown(*, carrier: str = "") -> None:
    """The server's side starts anew: who is there says so by itself."""
    Device.objects.filter(online=True, carrier=carrier).update(online=False)


def note_twin(device: Device, *, boot: int) -> None:
    """Two devices speak under one name: a boot of the past came back, or two messages under one number."""
    raise_alarm(device=device, kind="duplicate", detail={"boot": boot}, at=clock.now())


def _connection(device: Device, envelope: Envelope) -> None:
    """The last will of an older boot must not silence a newer one. `start` is drawn anew at every power-up:
    another one under the present boot comes from a second device with a copy of the same flash.
    """
    online, start = bool(envelope.body.get("online")), str(envelope.body.get("start") or "")[:64]
    is_other = bool(start and device.boot_start and start != device.boot_start)
    if (online and envelope.boot < device.boot) or (is_other and envelope.boot == device.boot):
        note_twin(device, boot=envelope.boot)
        return
    known = Device.objects.filter(pk=device.pk, boot__lte=envelope.boot)
    if known.update(online=online, boot=envelope.boot, boot_start=start):
        device.boot, device.boot_start = envelope.boot, start  # the next message may be of the same batch


def _heartbeat(device: Device, envelope: Envelope) -> None:
    """The only message that is never late: its times tell how far the device's clock is off."""
    pair = pair_from(envelope, received=clock.now())
    body = envelope.body
    battery, mains = _whole(body.get("battery"), most=100), body.get("mains")
    Device.objects.filter(pk=device.pk).update(
        firmware=str(body.get("firmware", ""))[:40],
        outbox=_whole(body.get("outbox")) or 0,
        battery_pct=battery,
        on_mains=mains if isinstance(mains, bool) else None,
        clock_boot=pair.boot,
        clock_mono=pair.mono,
        clock_received=pair.received,
        clock_error_s=pair.error_s,
        online=True,
    )
    if body.get("outbox") == 0:  # nothing that we refused waits there any more
        for refused in ("version", "garbled"):
            clear_alarm(device=device, kind=refused)
    _stands(device, "clock", not pair.good, {"error_s": round(pair.error_s, 1)})
    _stands(device, "power", mains is False, {"battery": battery})
    _stands(device, "battery", battery is not None and battery < LOW_BATTERY_PCT, {"battery": battery})


def _stands(device: Device, kind: str, wrong: bool, detail: dict[str, object]) -> None:
    if wrong:
        raise_alarm(device=device, kind=kind, detail=detail, at=clock.now())
    else:
        clear_alarm(device=device, kind=kind)


def _whole(value: object, *, most: int = 2**31 - 1) -> int | None:
    """Believed only where it makes sense; nothing that a device says may stop the others' messages."""
    is_number = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most
    return value if is_number else None  # type: ignore[return-value]


def _doors(device: Device, envelope: Envelope) -> None:
    """A snapshot counts for each door that said nothing newer by itself."""
    states, asof = envelope.body.get("doors"), envelope.body.get("asof")
    if device.cabinet_id is None or not isinstance(states, dict):
        return
    if not isinstance(asof, list) or len(asof) != 2:
        return
    boot, seq = _whole(asof[0], most=2**63 - 1), _whole(asof[1], most=2**63 - 1)
    if boot is None or seq is None:
        return
    older = Q(door_boot__lt=boot) | Q(door_boot=boot, door_seq__lte=seq)
    by_state: dict[str, list[int]] = {}
    for door, state in states.items():
        if isinstance(state, str) and state in set(DoorState) and _DOOR.fullmatch(door):
            by_state.setdefault(state, []).append(int(door))
    for state, doors in by_state.items():
        Compartment.objects.filter(older, cabinet_id=device.cabinet_id, door__in=doors).exclude(
            door_state=state, door_boot=boot, door_seq=seq
        ).update(door_state=state, door_boot=boot, door_seq=seq)


def notice_silent_devices() -> int:
    """Alarms of devices that were heard of once and are not any more, and their end; how many are silent."""
    wall = clock.wall()
    lost = Q(last_seen__lt=wall - SILENT_AFTER)
    alarmed = Q(alarms__kind="silent", alarms__cleared_at=None)
    known = Device.objects.filter(revoked_at=None).select_related("cabinet")
    for device in known.filter(lost).exclude(pk__in=Device.objects.filter(alarmed)):
        Device.objects.filter(pk=device.pk).update(online=False)
        raise_alarm(device=device, kind="silent", at=clock.now(), detail={"last_seen": str(device.last_seen)})
    for device in known.exclude(lost).filter(alarmed):
        clear_alarm(device=device, kind="silent")
    return int(known.filter(lost).count())
