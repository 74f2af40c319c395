"""The physical cabinet: locks, door sensors, cold air, mains. The firmware sees it through sensors only.

Locks are fail-secure: without power every door stays as it is. What lies here outlives a power cut and the
process (`snapshot` / `restore`).
"""

import math
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from lockers.protocol.doors import Sensor
from lockers.protocol.envelope import read_time, wire_time

AMBIENT_C = 18.0
# Time constants of the air: cooling down, through an open door, through the walls without power.
_COOLING = timedelta(minutes=20)
_DOOR_OPEN = timedelta(minutes=8)
_INSULATED = timedelta(hours=6)
# The compressor's rhythm, as far as a probe in the load sees it.
_SWING_C, _SWING_PERIOD_S = 0.6, 1_500.0


class PowerCut(Exception):
    """The mains went away in the middle of a step."""


class Fuse:
    """Cuts the power after a number of steps; each journal commit, pulse and message is one."""

    def __init__(self) -> None:
        self.steps_left: int | None = None

    def step(self) -> None:
        """Raises PowerCut."""
        if self.steps_left is None:
            return
        self.steps_left -= 1
        if self.steps_left <= 0:
            self.steps_left = None
            raise PowerCut


@dataclass(slots=True)
class Slot:
    """One compartment with its lock and sensor."""

    is_open: bool = False
    stuck: bool = False  # the bolt does not move when pulsed
    unreadable: bool = False  # the sensor's wire is broken
    contents: list[str] = field(default_factory=list)

    @property
    def sensor(self) -> Sensor:
        if self.unreadable:
            return Sensor.UNREADABLE
        return Sensor.OPEN if self.is_open else Sensor.CLOSED


@dataclass(slots=True)
class Air:
    """The air of one cooled zone: a first-order model, deterministic."""

    set_c: float
    at: datetime
    c: float
    warm_to_c: float | None = None  # the compressor has failed: the air drifts there

    def advance(self, to: datetime, *, powered: bool, door_open: bool) -> None:
        """Move to `to` under conditions that held since the last call."""
        elapsed = to - self.at
        self.at = to
        if elapsed <= timedelta():
            return
        target, slowness = self.set_c, _COOLING
        if door_open:
            target, slowness = AMBIENT_C, _DOOR_OPEN
        elif self.warm_to_c is not None:
            target = self.warm_to_c
        elif not powered:
            target, slowness = AMBIENT_C, _INSULATED
        self.c = target + (self.c - target) * math.exp(-elapsed / slowness)

    @property
    def reading_c(self) -> float:
        swing = _SWING_C * math.sin(2 * math.pi * self.at.timestamp() / _SWING_PERIOD_S)
        return round(self.c + swing, 2)


class Hardware:
    """Slots by door number and air by zone. `changed` collects doors whose sensor may read differently."""

    def __init__(self) -> None:
        self.slots: dict[int, Slot] = {}
        self.air: dict[str, Air] = {}
        self.fuse = Fuse()
        self.on_mains, self.battery_pct = True, 100  # what heartbeats tell; a cut of both is a power cut
        self.changed: set[int] = set()

    def fit(self, *, doors: list[int], cooled: dict[str, float], at: datetime) -> None:
        """Add what the cabinet is built with; what is there already stays as it is."""
        for door in doors:
            self.slots.setdefault(door, Slot())
        for zone, set_c in cooled.items():
            self.air.setdefault(zone, Air(set_c, at, set_c))

    def pulse(self, door: int) -> None:
        """The lock is energised; a spring pushes the door open unless the bolt is stuck."""
        self.fuse.step()
        slot = self.slots[door]
        if not slot.stuck:
            self._swing(door, is_open=True)

    def push_shut(self, door: int) -> None:
        self._swing(door, is_open=False)

    def pry_open(self, door: int) -> None:
        """Someone opens without a pulse: a crowbar, or the mechanical key."""
        self._swing(door, is_open=True)

    def break_sensor(self, door: int, *, broken: bool) -> None:
        self.slots[door].unreadable = broken
        self.changed.add(door)

    def sensor(self, door: int) -> Sensor:
        return self.slots[door].sensor

    def _swing(self, door: int, *, is_open: bool) -> None:
        self.slots[door].is_open = is_open
        self.changed.add(door)

    def snapshot(self) -> dict[str, Any]:
        return {
            "slots": {str(door): asdict(slot) for door, slot in self.slots.items()},
            "air": {zone: {**asdict(air), "at": wire_time(air.at)} for zone, air in self.air.items()},
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        self.slots = {int(door): Slot(**slot) for door, slot in snapshot["slots"].items()}
        self.air = {zone: Air(**{**air, "at": read_time(air["at"])}) for zone, air in snapshot["air"].items()}
