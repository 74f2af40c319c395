"""Who is there: heartbeats, connection and door states. None of it is journalled; the next one says the
same.
"""

from collections.abc import Iterable
from datetime import timedelta

from django.db.models import Q

from lockers.models import Compartment, Device
from lockers.protocol.doors import DoorState
from lockers.protocol.envelope import Envelope
from lockers.protocol.ordering import pair_from
from lockers.protocol.topics import Channel
from lockers.services.alarms import clear_alarm, raise_alarm
from marketplace.kernel import clock

#: how fine `last_seen` is: a busy device does not write its row with every batch
_SEEN_EVERY = timedelta(seconds=5)


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


def all_unknown() -> None:
    """The server's side starts anew: who is there says so by itself."""
    Device.objects.filter(online=True).update(online=False)


def note_twin(device: Device, *, boot: int) -> None:
    """Two devices speak under one name: a boot of the past came back, or two messages under one number."""
    raise_alarm(device=device, kind="duplicate", detail={"boot": boot}, at=clock.now())


def _connection(device: Device, envelope: Envelope) -> None:
    """The last will of an older boot must not silence a newer one."""
    online = bool(envelope.body.get("online"))
    if online and envelope.boot < device.boot:
        note_twin(device, boot=envelope.boot)
        return
    Device.objects.filter(pk=device.pk, boot__lte=envelope.boot).update(online=online, boot=envelope.boot)


def _heartbeat(device: Device, envelope: Envelope) -> None:
    """The only message that is never late: its times tell how far the device's clock is off."""
    pair = pair_from(envelope, received=clock.now())
    body = envelope.body
    Device.objects.filter(pk=device.pk).update(
        firmware=str(body.get("firmware", ""))[:40],
        outbox=max(0, int(body.get("outbox") or 0)),
        clock_boot=pair.boot,
        clock_mono=pair.mono,
        clock_received=pair.received,
        clock_error_s=pair.error_s,
        online=True,
    )
    if pair.good:
        clear_alarm(device=device, kind="clock")
    else:
        raise_alarm(device=device, kind="clock", detail={"error_s": round(pair.error_s, 1)}, at=clock.now())


def _doors(device: Device, envelope: Envelope) -> None:
    """A snapshot counts for each door that said nothing newer by itself."""
    states, asof = envelope.body.get("doors"), envelope.body.get("asof")
    if not isinstance(states, dict) or not isinstance(asof, list) or len(asof) != 2:
        return
    boot, seq = int(asof[0]), int(asof[1])
    older = Q(door_boot__lt=boot) | Q(door_boot=boot, door_seq__lte=seq)
    by_state: dict[str, list[int]] = {}
    for door, state in states.items():
        if state in set(DoorState) and str(door).isdigit():
            by_state.setdefault(state, []).append(int(door))
    for state, doors in by_state.items():
        Compartment.objects.filter(older, cabinet_id=device.cabinet_id, door__in=doors).exclude(
            door_state=state, door_boot=boot, door_seq=seq
        ).update(door_state=state, door_boot=boot, door_seq=seq)
