"""One scripted day at one cabinet, over any transport, and the tables that it leaves."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from lockers import services
from lockers.errors import DropFailed
from lockers.models import Allocation, Command, Compartment, Device, DeviceAlarm, DeviceMark, DeviceMessage
from lockers.simulator.faults import set_fault
from lockers.simulator.pickup import type_code
from marketplace.kernel import clock
from marketplace.outbox.models import OutboxEvent
from marketplace.telemetry.models import Reading
from tests.lockers.services.conftest import COURIER, GOOD, Bench

PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Script:
    deposits: int
    pick_ups: int  # the rest expires


def play_day(bench: Bench, script: Script) -> None:
    """Deposits and pick-ups by turns, one jam, one power cut in a pick-up, then 72 h offline and expiry."""
    left = [_deposit(bench) for _ in range(2)]
    _jam(bench)
    for number in range(script.pick_ups):
        mine = left.pop(0)
        if number == 1:
            _cut_during(bench, mine)
        _collect(bench, mine)
        if len(left) + number + 1 < script.deposits:
            left.append(_deposit(bench))
    set_fault(bench.simulated, "offline", on=True, about={})
    later = clock.now() + timedelta(hours=72)
    clock.install(lambda: clock.Setting(frozen_at=later))
    clock.refresh()
    bench.world.set(later, frozen=True)
    bench.simulated.tick()
    for each in left:
        assert bench.simulated.board is not None
        assert _type(bench, bench.code(each)) == "overdue"
    set_fault(bench.simulated, "offline", on=False, about={})
    settle(bench)
    assert services.expire_due_parcels() == len(left)
    settle(bench)


def settle(bench: Bench, true: Callable[[], bool] = lambda: True) -> None:
    """Turns until the cabinet has nothing to say and the server nothing to ask."""

    def still() -> bool:
        if bench.simulated.journal.outbox_length() or services.commands_in_flight():
            return False
        device = Device.objects.get(pk=bench.cabinet.device.pk)
        configured = device.config_applied == device.config_version
        return configured and not DeviceMessage.objects.filter(handled_at=None).exists() and true()

    _until(bench, still)


def _until(bench: Bench, true: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while True:
        bench.pull()
        bench.turn(1)
        if true():
            return
        assert time.monotonic() < end, "the day does not go on"
        time.sleep(0.005)


def tables(bench: Bench) -> dict[str, list[Any]]:
    """What the day left, without ids, wire times and keys, which no two runs share."""
    doors = dict(Allocation.objects.values_list("uuid", "compartment__door"))
    parcels = {str(uuid): number for number, uuid in enumerate(doors)}
    groups: dict[int, int] = {}
    for group in Allocation.objects.order_by("id").values_list("group_id", flat=True):
        groups.setdefault(group, len(groups))

    def plain(body: dict[str, Any]) -> dict[str, Any]:
        known = {
            name: value
            for name, value in body.items()
            if name not in ("version", "conflicts", "asof", "doors")
        }
        if "allocation" in known:
            known["allocation"] = parcels[known["allocation"]]
        if "group" in known:
            known["group"] = groups[known["group"]]
        return known

    said = DeviceMessage.objects.exclude(type="cfg.applied").order_by("boot", "seq")
    return {
        "allocations": list(
            Allocation.objects.order_by("id").values_list("compartment__door", "state", "parcel_state")
        ),
        "messages": [(each.boot, each.type, plain(each.body)) for each in said],
        "doors": list(
            Compartment.objects.order_by("door").values_list("door", "door_state", "blocked_reason")
        ),
        "commands": list(Command.objects.order_by("id").values_list("action", "purpose", "status", "result")),
        "alarms": list(
            DeviceAlarm.objects.order_by("id").values_list("kind", "compartment__door", "cleared_at")
        ),
        "readings": list(Reading.objects.order_by("at", "seq").values_list("at", "c", "door_open", "trust")),
        "boots": list(DeviceMark.objects.order_by("boot").values_list("boot", "ahead")),
        "events": list(OutboxEvent.objects.order_by("id").values_list("type", flat=True)),
    }


def _deposit(bench: Bench) -> Allocation:
    ticket = bench.drop()
    settle(bench)
    bench.simulated.hardware.push_shut(ticket.door)
    settle(bench, lambda: _is_shut(ticket.door))
    services.confirm_drop(actor=COURIER, allocation=ticket.allocation)
    settle(bench)
    return Allocation.objects.get(uuid=ticket.uuid)


def _collect(bench: Bench, allocation: Allocation) -> None:
    assert _type(bench, bench.code(allocation)) == ""
    allocation.refresh_from_db()
    door = allocation.compartment.door
    bench.simulated.hardware.push_shut(door)
    settle(bench, lambda: Allocation.objects.get(pk=allocation.pk).state == "free")


def _jam(bench: Bench) -> None:
    """The next free door is stuck; the parcel gets another one."""
    set_fault(bench.simulated, "jammed", on=True, about={})
    seconds = bench.world.seconds
    ticket = bench.drop()
    _until(bench, lambda: "door.pulsed" in _said())
    bench.world.seconds = lambda: seconds() + 11
    settle(bench, lambda: "door.jammed" in _said())
    set_fault(bench.simulated, "jammed", on=False, about={})
    with suppress(DropFailed):
        services.confirm_drop(actor=COURIER, allocation=ticket.allocation)
        raise AssertionError("a jammed door counted as a drop")
    again = services.open_for_drop(
        actor=COURIER, unit_uuid=ticket.allocation.unit_uuid, reference=ticket.allocation.reference,
        place_uuid=bench.place, zone="chilled", size="S", min_c=0, max_c=4, policy=GOOD,
    )  # fmt: skip
    settle(bench)
    bench.simulated.hardware.push_shut(again.door)
    settle(bench, lambda: _is_shut(again.door))
    services.confirm_drop(actor=COURIER, allocation=again.allocation)
    settle(bench)
    _collect(bench, Allocation.objects.get(uuid=again.uuid))


def _said() -> set[str]:
    return set(DeviceMessage.objects.values_list("type", flat=True))


def _cut_during(bench: Bench, allocation: Allocation) -> None:
    """Power goes while the door stands open: its closing no longer counts, nothing is handed over."""
    assert _type(bench, bench.code(allocation)) == ""
    bench.simulated.power_off()
    allocation.refresh_from_db()
    bench.simulated.hardware.push_shut(allocation.compartment.door)
    bench.simulated.power_on()
    settle(bench, lambda: DeviceMark.objects.filter(boot=2).exists())
    allocation.refresh_from_db()
    assert allocation.state == "loaded"


def _type(bench: Bench, digits: str) -> str:
    with bench.simulated.at_screen() as board:
        return type_code(board, digits).reason


def _is_shut(door: int) -> bool:
    return bool(Compartment.objects.filter(door=door, door_state="closed").exists())
