"""Order, completeness and time of a device's messages. Arrival decides nothing.

(boot, seq) orders, a Mark says up to where a boot's messages are all known, a ClockPair places a message
whose clock cannot be trusted.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from lockers.protocol.doors import DoorState
from lockers.protocol.envelope import Envelope
from lockers.protocol.messages import Kind

CLOCK_ERROR_S = 120.0


def in_order(messages: Iterable[Envelope]) -> list[Envelope]:
    """Each message once, sorted by (dev, boot, seq)."""
    return [message for _, message in sorted({each.key: each for each in messages}.items())]


@dataclass(frozen=True, slots=True)
class Mark:
    """What is known of one boot: all of 1..upto, and `ahead` of it a few more that came out of order."""

    upto: int = 0
    ahead: frozenset[int] = frozenset()

    def knows(self, seq: int) -> bool:
        return seq <= self.upto or seq in self.ahead

    def advanced(self, seqs: Iterable[int]) -> "Mark":
        ahead = {seq for seq in self.ahead.union(seqs) if seq > self.upto}
        upto = self.upto
        while upto + 1 in ahead:
            upto += 1
            ahead.discard(upto)
        return Mark(upto, frozenset(ahead))


class ClockTrust(StrEnum):
    GOOD = "good"
    BY_MONO = "by_mono"  # the device's clock was off; placed by its monotonic clock
    UNPLACED = "unplaced"  # the clock was off and nothing links that boot to our time


@dataclass(frozen=True, slots=True)
class ClockPair:
    """From a heartbeat, which is never stored and sent late: the device's mono at our time of receipt."""

    boot: int
    mono: float
    received: datetime
    error_s: float  # device clock minus ours

    @property
    def good(self) -> bool:
        return abs(self.error_s) <= CLOCK_ERROR_S


def pair_from(heartbeat: Envelope, *, received: datetime) -> ClockPair:
    return ClockPair(
        boot=heartbeat.boot,
        mono=heartbeat.mono,
        received=received,
        error_s=(heartbeat.ts - received).total_seconds(),
    )


def placed_at(message: Envelope, pair: ClockPair | None) -> tuple[datetime, ClockTrust]:
    """When it happened, and on what that rests. Without any pair the device's own clock is believed."""
    if pair is None or pair.good:
        return message.ts, ClockTrust.GOOD
    if pair.boot != message.boot:
        return message.ts, ClockTrust.UNPLACED
    return pair.received + timedelta(seconds=message.mono - pair.mono), ClockTrust.BY_MONO


_DOOR_STATES: Mapping[str, DoorState] = {
    Kind.DOOR_OPENED: DoorState.OPEN,
    Kind.DOOR_ALREADY_OPEN: DoorState.OPEN,
    Kind.DOOR_FOUND_OPEN: DoorState.OPEN,
    Kind.DOOR_CLOSED: DoorState.CLOSED,
    Kind.DOOR_JAMMED: DoorState.JAMMED,
    Kind.DOOR_AJAR: DoorState.AJAR,
    Kind.DOOR_FORCED: DoorState.FORCED,
    Kind.DOOR_UNKNOWN: DoorState.UNKNOWN,
}


def door_states(messages: Iterable[Envelope]) -> dict[int, DoorState]:
    """The last known state of each door of one device, from any order and repetition of its messages."""
    states: dict[int, DoorState] = {}
    for each in in_order(messages):
        door = each.body.get("door")
        if each.type in _DOOR_STATES and isinstance(door, int):
            states[door] = _DOOR_STATES[each.type]
    return states
