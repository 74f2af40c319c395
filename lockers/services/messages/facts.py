"""What a device's messages bring about.

A message is stored first and has its effect afterwards, in (boot, seq) order per device, in a transaction of
its own: a kill in between leaves it unhandled and it is handled at the next start. Effects follow from all
stored messages of an opening, so a message that comes late or twice changes nothing that is already so.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from uuid import UUID

import structlog
from django.db import OperationalError, transaction
from django.db.models import Q

from lockers.errors import CabinetSilent, NoRoom
from lockers.events import CodeLockedOut
from lockers.models import Allocation, Cabinet, Command, Compartment, Device, DeviceMark, DeviceMessage
from lockers.models.allocations import LIVE_ALLOCATION
from lockers.protocol.allocation import AllocationState
from lockers.protocol.commands import Action
from lockers.protocol.doors import DoorState
from lockers.protocol.envelope import read_time
from lockers.protocol.messages import Kind, Purpose, Result
from lockers.protocol.parcel import Outcome, ParcelState, judge_opening
from lockers.services.alarms import clear_alarm, raise_alarm
from lockers.services.capacity.sharing import give_up, rehouse, revive
from lockers.services.devices.commands import Actor, resolve_command
from lockers.services.devices.rotation import note_moved
from lockers.services.parcels.collection import collect, put_back, remove
from lockers.services.parcels.drops import deposit, reallocate
from lockers.services.parcels.inspection import hold_after_gap
from lockers.services.parcels.openings import messages_of
from marketplace.custody.models import HandlingUnit, UnitStatus
from marketplace.kernel import clock
from marketplace.outbox.publishing import publish

log = structlog.get_logger()

DOOR_STATE: Mapping[str, DoorState] = {
    Kind.DOOR_OPENED: DoorState.OPEN,
    Kind.DOOR_ALREADY_OPEN: DoorState.OPEN,
    Kind.DOOR_FOUND_OPEN: DoorState.OPEN,
    Kind.DOOR_CLOSED: DoorState.CLOSED,
    Kind.DOOR_JAMMED: DoorState.JAMMED,
    Kind.DOOR_AJAR: DoorState.AJAR,
    Kind.DOOR_FORCED: DoorState.FORCED,
    Kind.DOOR_UNKNOWN: DoorState.UNKNOWN,
}
DOOR_ALARM: Mapping[str, str] = {
    Kind.DOOR_JAMMED: "jammed",
    Kind.DOOR_AJAR: "ajar",
    Kind.DOOR_FORCED: "forced",
    Kind.DOOR_UNKNOWN: "unreadable",
}


def settle_device(device_id: int) -> int:
    """Handle what this device's messages have not yet brought about; how many. One worker at a time per
    device.
    """
    count = 0
    while True:
        with transaction.atomic():
            device = (
                Device.objects.select_for_update(of=("self",)).select_related("cabinet").get(pk=device_id)
            )
            message = (
                DeviceMessage.objects.filter(device=device, handled_at=None).order_by("boot", "seq").first()
            )
            if message is None:
                _note_handled(device)
                return count
            _handle(device, message)
            count += 1


def devices_to_settle() -> list[int]:
    rows = DeviceMessage.objects.filter(handled_at=None).order_by("device_id")
    return list(rows.values_list("device_id", flat=True).distinct())


def _handle(device: Device, message: DeviceMessage) -> None:
    """A message whose effect fails is set aside with the reason: those behind it must not wait for ever."""
    handler = HANDLERS.get(message.type)
    try:
        if handler is not None:
            with transaction.atomic():
                handler(device, message)
    except OperationalError:
        raise
    except Exception as error:
        log.exception("device.message_failed", device=device.device, type=message.type, seq=message.seq)
        message.failed = f"{type(error).__name__}: {error}"[:2000]
        detail = {"type": message.type, "boot": message.boot, "seq": message.seq, "why": message.failed[:200]}
        raise_alarm(device=device, kind="unsettled", at=message.at, detail=detail)
    message.handled_at = clock.wall()
    message.save(update_fields=["handled_at", "failed"])


def _note_handled(device: Device) -> None:
    """Up to here the server knows what the device did; a configuration says so."""
    last = DeviceMark.objects.filter(device=device).order_by("-boot").first()
    if last is not None and (last.boot, last.upto) > (device.handled_boot, device.handled_seq):
        device.handled_boot, device.handled_seq = last.boot, last.upto
        device.save(update_fields=["handled_boot", "handled_seq"])


# -- doors ---------------------------------------------------------------------------------------------------


def _door(device: Device, message: DeviceMessage) -> None:
    compartment = _compartment(device, message)
    if compartment is None:
        return
    state = DOOR_STATE.get(message.type)
    if state is not None:
        older = Q(door_boot__lt=message.boot) | Q(door_boot=message.boot, door_seq__lt=message.seq)
        Compartment.objects.filter(older, pk=compartment.pk).update(
            door_state=state.value, door_boot=message.boot, door_seq=message.seq
        )
    kind = DOOR_ALARM.get(message.type)
    if kind is not None:
        raise_alarm(
            device=device, kind=kind, compartment=compartment, at=message.at, detail={"tx": message.tx}
        )
    elif message.type == Kind.DOOR_CLOSED:
        for ended in ("ajar", "forced", "unreadable"):
            clear_alarm(device=device, kind=ended, compartment=compartment)
    elif message.type == Kind.DOOR_OPENED:
        clear_alarm(device=device, kind="jammed", compartment=compartment)
    if message.tx is not None:
        _follow_opening(device, compartment, message.tx)


def _follow_opening(device: Device, compartment: Compartment, tx: str) -> None:
    """Judge one opening from all its messages; a parcel leaves only behind a door that opened and closed."""
    messages = messages_of(device.pk, tx)
    outcome = judge_opening(messages, tx=tx, door=compartment.door)
    about = {name: value for each in messages if each.body.get("door") == compartment.door
             for name, value in each.body.items() if name in ("purpose", "allocation")}  # fmt: skip
    allocation_uuid = _uuid(about.get("allocation"))
    if allocation_uuid is None or outcome not in (Outcome.DONE, Outcome.PUT_BACK):
        return
    at = _closed_at(device, compartment, tx)
    said_so = Allocation.objects.filter(uuid=allocation_uuid, put_back_tx=_uuid(tx)).exclude(put_back_tx=None)
    if outcome is Outcome.PUT_BACK:
        for each in (allocation_uuid, *_beside(allocation_uuid, compartment, at)):
            put_back(allocation_uuid=each, at=at, tx=tx)
        return
    if said_so.exists():
        if put_back(allocation_uuid=allocation_uuid, at=at, tx=tx):
            _collect_all(_beside(allocation_uuid, compartment, at), at, {"tx": tx, "device": device.device})
        return
    if about.get("purpose") == Purpose.RECALL:
        remove(allocation_uuid=allocation_uuid, at=at)
        return
    entry = next(
        (str(each.body.get("entry")) for each in messages if _is_valid_code(each.type, each.body)), None
    )
    proof = {"tx": tx, "device": device.device}
    ordered = _order(tx, Purpose.ASSIST) if about.get("purpose") == Purpose.ASSIST else None
    if ordered is not None:
        entry, proof["actor"] = "assist", str(ordered.actor_uuid)
    if about.get("purpose") in (Purpose.COLLECT, Purpose.ASSIST) and entry is not None:
        beside = _beside(allocation_uuid, compartment, at)
        if collect(allocation_uuid=allocation_uuid, at=at, proof={**proof, "entry": entry}):
            _collect_all(beside, at, {**proof, "entry": entry})


def _beside(allocation_uuid: UUID, compartment: Compartment, at: datetime) -> list[UUID]:
    """What lay in the cell beside it when its door closed, for the same recipient: he had it all before him.

    None for an opening that was judged before: what lies there now came later.
    """
    opened = Allocation.objects.filter(LIVE_ALLOCATION, uuid=allocation_uuid).values("group")
    beside = Allocation.objects.filter(
        state=AllocationState.LOADED, compartment=compartment, group__in=opened, deposited_at__lte=at
    )
    return list(beside.exclude(uuid=allocation_uuid).order_by("pk").values_list("uuid", flat=True))


def _collect_all(allocations: Iterable[UUID], at: datetime, proof: dict[str, str]) -> None:
    for uuid in allocations:
        collect(allocation_uuid=uuid, at=at, proof=proof)


def _order(tx: str, purpose: Purpose) -> Command | None:
    uuid = _uuid(tx)
    if uuid is None:
        return None
    return Command.objects.filter(uuid=uuid, purpose=purpose.value).first()


def _is_valid_code(kind: str, body: Mapping[str, object]) -> bool:
    return kind == Kind.CODE_ATTEMPT and body.get("ok") is True


def _closed_at(device: Device, compartment: Compartment, tx: str) -> datetime:
    closed = DeviceMessage.objects.filter(
        device=device, tx=tx, type=Kind.DOOR_CLOSED, body__door=compartment.door
    ).order_by("-boot", "-seq")
    return closed.values_list("at", flat=True)[0]


def _put_back(device: Device, message: DeviceMessage) -> None:
    compartment = _compartment(device, message)
    if compartment is not None and message.tx is not None:
        _follow_opening(device, compartment, message.tx)


def _code_attempt(device: Device, message: DeviceMessage) -> None:
    """A right code may be stored after its door's messages: judge those openings again."""
    for door in message.body.get("doors", []):
        compartment = Compartment.objects.filter(cabinet=device.cabinet_id, door=door).first()
        if compartment is not None and message.tx is not None:
            _follow_opening(device, compartment, message.tx)


# -- parcels that the cabinet handled alone -----------------------------------------------------------------


def _deposited(device: Device, message: DeviceMessage) -> None:
    """Left by sealed token, perhaps days ago, in a door of the cabinet's choice: what is there is there."""
    compartment = _compartment(device, message)
    allocation = _allocation(message)
    if compartment is None or allocation is None:
        raise_alarm(device=device, kind="conflict", at=message.at, detail=dict(message.body))
        return
    if allocation.state == AllocationState.FREE and allocation.parcel_state == ParcelState.EXPECTED:
        if not _comes_back(device, compartment, allocation, message):
            return
    elif allocation.state != AllocationState.RESERVED:
        return
    elif allocation.compartment_id != compartment.pk:
        _make_way(device, compartment, allocation, message)
        rehouse(allocation, compartment)
    deposit(allocation, at=message.at, actor=Actor(label=f"token:{message.body.get('courier')}"))


def _comes_back(
    device: Device, compartment: Compartment, allocation: Allocation, message: DeviceMessage
) -> bool:
    """It had been given up, since the parcel was to go elsewhere, and was left here all the same: the cell
    is named again. False when the parcel is known to lie or to have gone elsewhere; then a person must look.
    """
    other = Allocation.objects.filter(LIVE_ALLOCATION, unit_uuid=allocation.unit_uuid).first()
    unit = HandlingUnit.objects.filter(uuid=allocation.unit_uuid).first()
    gone = unit is not None and unit.status == UnitStatus.CLOSED
    if gone or (other is not None and other.state != AllocationState.RESERVED):
        raise_alarm(
            device=device, kind="conflict", compartment=compartment, at=message.at, detail=dict(message.body)
        )
        return False
    _make_way(device, compartment, allocation, message)
    if other is not None:
        give_up(other)
    revive(allocation, compartment)
    return True


def _make_way(device: Device, compartment: Compartment, arrived: Allocation, message: DeviceMessage) -> None:
    """Somebody else's parcel had been promised this door: it goes elsewhere, or a person must look."""
    living = Allocation.objects.filter(LIVE_ALLOCATION, compartment=compartment)
    for other in living.exclude(group=arrived.group_id):
        detail = {"door": compartment.door, "holds": str(arrived.uuid), "promised": str(other.uuid)}
        raise_alarm(device=device, kind="conflict", compartment=compartment, at=message.at, detail=detail)
        if not _elsewhere(other) and other.state == AllocationState.RESERVED:
            give_up(other)  # its courier asks for a cell when he stands there, or takes it further


def _elsewhere(allocation: Allocation) -> bool:
    """Another cell at the same place for what has not been left yet; False when there is none."""
    try:
        with transaction.atomic():
            reallocate(allocation)
    except (NoRoom, CabinetSilent):
        log.warning("allocation.nowhere", allocation=str(allocation.uuid))
        return False
    return True


def _removed(device: Device, message: DeviceMessage) -> None:
    allocation = _allocation(message)
    if allocation is not None:
        remove(allocation_uuid=allocation.uuid, at=message.at)


# -- the device itself --------------------------------------------------------------------------------------


def _boot(device: Device, message: DeviceMessage) -> None:
    firmware = str(message.body.get("firmware", ""))[:40]
    Device.objects.filter(pk=device.pk, boot__lte=message.boot).update(firmware=firmware)
    # What it drew at that power-up comes with its connection, which may arrive later than this.
    Device.objects.filter(pk=device.pk, boot__lt=message.boot).update(boot=message.boot, boot_start="")
    if device.cabinet_id is not None:
        hold_after_gap(cabinet_id=device.cabinet_id, started_at=message.at)


def _locked_out(device: Device, message: DeviceMessage) -> None:
    if device.cabinet is None:  # a recorder has no keypad
        return
    until = read_time(message.body.get("until"))
    Cabinet.objects.filter(pk=device.cabinet.pk).update(locked_out_until=until)
    raise_alarm(device=device, kind="locked_out", at=message.at, detail=dict(message.body))
    publish(
        CodeLockedOut(cabinet=device.cabinet.uuid, until=until),
        aggregate_kind="cabinet",
        aggregate_uuid=device.cabinet.uuid,
        occurred_at=message.at,
    )


def _command_result(device: Device, message: DeviceMessage) -> None:
    body = message.body
    if message.tx is None:
        return
    resolve_command(tx=message.tx, result=str(body.get("result", "")), reason=str(body.get("reason", "")))
    if body.get("action") == Action.REKEY and body.get("result") == Result.DONE:
        note_moved(device, tx=message.tx)
    compartment = _compartment(device, message)
    if compartment is not None:
        _follow_opening(device, compartment, message.tx)


def _config_applied(device: Device, message: DeviceMessage) -> None:
    version = int(message.body["version"])
    Device.objects.filter(pk=device.pk, config_applied__lt=version).update(config_applied=version)
    for conflict in message.body.get("conflicts", []):
        allocation = _named(conflict.get("allocation"))
        if allocation is None or allocation.state != AllocationState.RESERVED:
            continue
        raise_alarm(
            device=device,
            kind="conflict",
            compartment=allocation.compartment,
            at=message.at,
            detail=dict(conflict),
        )
        _elsewhere(allocation)


def _alarm(device: Device, message: DeviceMessage) -> None:
    raise_alarm(device=device, kind="refused_message", at=message.at, detail=dict(message.body))


HANDLERS: Mapping[str, Callable[[Device, DeviceMessage], None]] = {
    Kind.BOOT: _boot,
    Kind.DOOR_PULSED: _door,
    **dict.fromkeys(DOOR_STATE, _door),
    Kind.CODE_ATTEMPT: _code_attempt,
    Kind.LOCKED_OUT: _locked_out,
    Kind.COMMAND_RESULT: _command_result,
    Kind.CONFIG_APPLIED: _config_applied,
    Kind.DEPOSITED: _deposited,
    Kind.PUT_BACK: _put_back,
    Kind.REMOVED: _removed,
    Kind.ALARM: _alarm,
}


def _compartment(device: Device, message: DeviceMessage) -> Compartment | None:
    door = message.body.get("door")
    if not isinstance(door, int):
        return None
    found: Compartment | None = Compartment.objects.filter(cabinet=device.cabinet_id, door=door).first()
    return found


def _allocation(message: DeviceMessage) -> Allocation | None:
    return _named(message.body.get("allocation"))


def _named(text: object) -> Allocation | None:
    """The allocation of that uuid, locked."""
    uuid = _uuid(text)
    if uuid is None:
        return None
    found: Allocation | None = (
        Allocation.objects.select_for_update(of=("self",))
        .select_related("compartment__cabinet__device", "compartment__cabinet__site__place", "group")
        .filter(uuid=uuid)
        .first()
    )
    return found


def _uuid(text: object) -> UUID | None:
    try:
        return UUID(str(text))
    except ValueError:
        return None
