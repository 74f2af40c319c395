"""What a tester can break, by name, and mend again."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from lockers.protocol.errors import Refused
from lockers.simulator.cabinet import Cabinet
from lockers.transports.https import WithFallback

WARM_C = 14.0

Fault = Callable[[Cabinet, bool, Mapping[str, Any]], None]


def _offline(cabinet: Cabinet, on: bool, about: Mapping[str, Any]) -> None:
    cabinet.set_online(not on)


def _power_cut(cabinet: Cabinet, on: bool, about: Mapping[str, Any]) -> None:
    """`after_steps`: in the middle of something; each commit, pulse and message is a step."""
    if not on:
        cabinet.power_on()
    elif "after_steps" in about:
        cabinet.hardware.fuse.steps_left = int(about["after_steps"])
    else:
        cabinet.power_off()


def _jammed(cabinet: Cabinet, on: bool, about: Mapping[str, Any]) -> None:
    for door in _doors(cabinet, about):
        cabinet.hardware.slots[door].stuck = on


def _unreadable(cabinet: Cabinet, on: bool, about: Mapping[str, Any]) -> None:
    for door in _doors(cabinet, about):
        cabinet.hardware.break_sensor(door, broken=on)


def _forced(cabinet: Cabinet, on: bool, about: Mapping[str, Any]) -> None:
    for door in _doors(cabinet, about)[:1]:
        (cabinet.hardware.pry_open if on else cabinet.hardware.push_shut)(door)


def _warm_up(cabinet: Cabinet, on: bool, about: Mapping[str, Any]) -> None:
    zones = [about["zone"]] if about.get("zone") else list(cabinet.hardware.air)
    for zone in zones:
        if zone not in cabinet.hardware.air:
            raise Refused(f"no cooled zone {zone!r}", code="no_such_zone")
        cabinet.hardware.air[zone].warm_to_c = float(about.get("to_c", WARM_C)) if on else None


def _full(cabinet: Cabinet, on: bool, about: Mapping[str, Any]) -> None:
    with cabinet.journal.step():
        cabinet.journal.put("full", on)


def _disk_full(cabinet: Cabinet, on: bool, about: Mapping[str, Any]) -> None:
    cabinet.journal.take_no_more(on)


def _clock_skew(cabinet: Cabinet, on: bool, about: Mapping[str, Any]) -> None:
    cabinet.set_skew(timedelta(seconds=float(about.get("seconds", 600))) if on else timedelta())


def _mqtt_away(cabinet: Cabinet, on: bool, about: Mapping[str, Any]) -> None:
    """What it falls back to still gets through."""
    line = cabinet.uplink.line if cabinet.uplink else None
    if not isinstance(line, WithFallback):
        raise Refused("it has nothing to fall back to", code="no_fallback")
    line.lose_first(away=on)


FAULTS: Mapping[str, Fault] = {
    "offline": _offline,
    "mqtt_away": _mqtt_away,
    "power_cut": _power_cut,
    "jammed": _jammed,
    "unreadable": _unreadable,
    "forced": _forced,
    "warm_up": _warm_up,
    "full": _full,
    "clock_skew": _clock_skew,
    "disk_full": _disk_full,
}


def set_fault(cabinet: Cabinet, fault: str, *, on: bool, about: Mapping[str, Any]) -> None:
    """`about`: door, zone, to_c, seconds, after_steps, where the fault has one. Raises Refused."""
    if fault not in FAULTS:
        raise Refused(f"no fault {fault!r}; there are {', '.join(FAULTS)}", code="no_such_fault")
    FAULTS[fault](cabinet, on, about)
    cabinet.tick()


def _doors(cabinet: Cabinet, about: Mapping[str, Any]) -> list[int]:
    """The door named, or all."""
    if about.get("door") is None:
        return sorted(cabinet.hardware.slots)
    door = int(about["door"])
    if door not in cabinet.hardware.slots:
        raise Refused(f"no door {door}", code="no_such_door")
    return [door]
