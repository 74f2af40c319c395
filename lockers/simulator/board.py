"""The cabinet's board: speaks into the journal, steps doors, carries out openings.

Every state is written in the transaction of the message that tells of it. An opening is journalled before its
lock is pulsed, so that a power cut between the two leaves an order whose result is reported as unknown.
"""

import contextlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

import orjson

from lockers.protocol import doors
from lockers.protocol.allocation import AllocationState, Cell
from lockers.protocol.doors import Door, DoorFact, DoorState, Happened
from lockers.protocol.envelope import UNJOURNALLED, Envelope, encode, read_time, wire_time
from lockers.protocol.errors import Refused
from lockers.protocol.ids import new_mid
from lockers.protocol.messages import Kind, Purpose, Result
from lockers.protocol.topics import Channel, Topic
from lockers.simulator.blueprint import Blueprint
from lockers.simulator.clocks import WorldClock
from lockers.simulator.hardware import Hardware
from lockers.simulator.journal import Journal, Opening, Waiting

T = TypeVar("T")
FIRMWARE = "sim-1"
BOOTS_PER_GENERATION = 1_000_000
_RESULT_OF = {
    DoorFact.OPENED: Result.DONE,
    DoorFact.ALREADY_OPEN: Result.ALREADY_OPEN,
    DoorFact.JAMMED: Result.JAMMED,
    DoorFact.UNKNOWN: Result.UNKNOWN,
}


class Board:
    """One power-up of a cabinet; a new one is made at every start."""

    def __init__(
        self, blueprint: Blueprint, journal: Journal, hardware: Hardware, world: WorldClock, skew: timedelta
    ) -> None:
        self.blueprint, self.journal, self.hardware, self.world = blueprint, journal, hardware, world
        self.skew = skew
        self.started_at, self._started_world = self.wall(), world.now()
        # A generation has its own range, so that a device whose flash was wiped never reuses a number.
        self.boot = max(int(journal.get("boot", 0)), (blueprint.generation - 1) * BOOTS_PER_GENERATION) + 1
        self._seq = 0
        lived = journal.get("lived")
        self._lived_before = self.now() if lived is None else read_time(lived)
        self.start_id = new_mid(world.wall())  # tells this power-up from that of a clone with the same flash
        self.doors = journal.doors()
        self.doors_dirty = True
        self.heartbeat_asked = False

    @property
    def keys(self) -> list[bytes]:
        """The newest first. After an order `rekey` two, of which the older still matches tags."""
        kept = [bytes.fromhex(key) for key in self.journal.get("keys", [])]
        return kept if self.blueprint.key in kept else [self.blueprint.key]

    @property
    def trusted_keys(self) -> list[bytes]:
        """Under which orders, configurations and tokens count: the older until the newer was heard of."""
        return self.keys[:1] if self.journal.get("keys_settled") else self.keys

    @property
    def device(self) -> str:
        return self.blueprint.device

    @property
    def cells(self) -> dict[int, Cell]:
        return {cell.door: cell for cell in self.blueprint.cells}

    @property
    def last_said(self) -> list[int]:
        """[boot, seq] of the last journalled message."""
        return [self.boot, self._seq]

    def now(self) -> datetime:
        """The device's own clock."""
        return self.world.now() + self.skew

    def wall(self) -> datetime:
        """Wire time by the device's own clock."""
        return self.world.wall() + self.skew

    def lived(self) -> datetime:
        """A clock that nobody sets: what the device has lived through under power, kept in its journal. The
        lock-out runs by it, so that a clock set forward forgives nothing and one set back locks nobody out.
        """
        return self._lived_before + max(timedelta(), self.world.now() - self._started_world)

    def keep_lived(self) -> None:
        """Inside the caller's step."""
        self.journal.put("lived", wire_time(self.lived()))

    # -- speaking ----------------------------------------------------------------------------------------

    def envelope(
        self, kind: str, body: dict[str, Any], *, seq: int = UNJOURNALLED, tx: str | None = None,
        at: datetime | None = None,
    ) -> Envelope:  # fmt: skip
        world = at or self.world.now()
        return Envelope(
            dev=self.device,
            boot=self.boot,
            seq=seq,
            mid=new_mid(self.world.wall()),
            ts=world + self.skew,
            mono=max(0.0, round((world - self._started_world).total_seconds(), 3)),
            type=kind,
            body=body,
            tx=tx,
        )

    def say(
        self,
        kind: Kind,
        body: dict[str, Any] | None = None,
        *,
        tx: str | None = None,
        at: datetime | None = None,
    ) -> tuple[int, int]:
        """Journal a message, inside the caller's step; its (boot, seq). `at`: world time of a reading."""
        self._seq += 1
        envelope = self.envelope(kind, body or {}, seq=self._seq, tx=tx, at=at)
        is_reading = kind is Kind.READING
        topic = Topic(self.device, Channel.TELEMETRY if is_reading else Channel.EVENTS)
        self.journal.add_message(
            Waiting(self.boot, self._seq, str(topic), encode(envelope)),
            ts=envelope.ts,
            kind=kind,
            tx=tx,
            body=None if is_reading else orjson.dumps(body or {}).decode(),
        )
        return self.boot, self._seq

    # -- starting ----------------------------------------------------------------------------------------

    def start(self) -> None:
        """Relays are off; say `boot`, end what was in flight as unknown, read every sensor. Opens nothing."""
        with self.journal.step():
            self.journal.put("boot", self.boot)
            in_flight = self.journal.openings_in_flight()
            ordered = {opening.door for opening in in_flight}
            found: dict[int, tuple[Happened, ...]] = {}
            for number in self.cells:
                before = self.doors.get(number, Door())
                if number in ordered and before.state is DoorState.CLOSED:  # the cut came around the pulse
                    before = replace(before, state=DoorState.UNLOCKING)
                door, happened = doors.start(
                    before, at_s=self.world.seconds(), sensor=self.hardware.sensor(number)
                )
                self._keep(number, door)
                found[number] = happened
            body = {
                "firmware": FIRMWARE,
                "generation": self.blueprint.generation,
                "doors": {str(number): door.state.value for number, door in self.doors.items()},
            }
            self.say(Kind.BOOT, body)
            for opening in in_flight:
                self._end(opening, Result.UNKNOWN, reason="power")
            for number, facts in found.items():
                for each in facts:
                    self.say(Kind(each.fact.value), {"door": number})
        self.hardware.changed.clear()

    # -- openings ----------------------------------------------------------------------------------------

    def open(self, openings: list[Opening]) -> None:
        """Journal the orders, then pulse each lock and say what the sensors tell."""
        with self.journal.step():
            for opening in openings:
                self.journal.put_opening(opening)
        for opening in openings:
            self._pulse(opening)

    def _pulse(self, opening: Opening) -> None:
        door = self.doors[opening.door]
        if door.state is DoorState.OUT_OF_SERVICE:
            with self.journal.step():
                self._end(opening, Result.REFUSED, reason="out_of_service")
            return
        self.hardware.pulse(opening.door)
        with self.journal.step():
            self._take(opening.door, doors.pulse(door, at_s=self.world.seconds(), tx=opening.tx))
        self.sense(opening.door)

    def sense(self, number: int) -> None:
        """Read one sensor, and the door's time-outs."""
        step = doors.sense(self.doors[number], at_s=self.world.seconds(), sensor=self.hardware.sensor(number))
        if step != (self.doors[number], ()):
            with self.journal.step():
                self._take(number, step)

    def poll(self) -> None:
        """Sensors that moved, and doors that a time-out may have reached."""
        moved, self.hardware.changed = self.hardware.changed, set()
        waiting = {n for n, door in self.doors.items() if door.state in (DoorState.UNLOCKING, DoorState.OPEN)}
        for number in sorted(moved | waiting):
            self.sense(number)

    def set_door(self, number: int, door: Door) -> None:
        """Out of service, or back; inside the caller's step."""
        self._keep(number, door)

    def _take(self, number: int, step: doors.Step) -> None:
        door, happened = step
        self._keep(number, door)
        for each in happened:
            opening = self.journal.opening(each.tx, number) if each.tx else None
            about = _about(opening)
            said = self.say(Kind(each.fact.value), {"door": number, **about}, tx=each.tx)
            if opening is None:
                continue
            if opening.result is None and each.fact in _RESULT_OF:
                opening = self._end(opening, _RESULT_OF[each.fact])
            if each.fact is DoorFact.CLOSED:
                self._closed(opening, said)

    def _end(self, opening: Opening, result: Result, *, reason: str | None = None) -> Opening:
        ended = replace(opening, result=result.value)
        self.journal.put_opening(ended)
        body = {"action": "open", "result": result.value, "door": opening.door, **_about(opening)}
        self.say(Kind.COMMAND_RESULT, {**body, **({"reason": reason} if reason else {})}, tx=opening.tx)
        return ended

    def _closed(self, opening: Opening, said: tuple[int, int]) -> None:
        """The door closed under the opening's own tx: what lies behind it follows from why it was opened."""
        self.journal.put_opening(replace(opening, closed=True))
        if opening.allocation is None or opening.put_back:
            return
        if opening.purpose == Purpose.DEPOSIT and not opening.actor.startswith("token:"):
            self.journal.move_held(opening.allocation, AllocationState.LOADED, said)
        elif opening.purpose in (Purpose.COLLECT, Purpose.ASSIST):
            for allocation in self._together(opening.allocation):
                self.journal.move_held(allocation, AllocationState.FREE, said)
        elif opening.purpose == Purpose.RECALL:
            self.journal.move_held(opening.allocation, AllocationState.FREE, said)
        if opening.purpose == Purpose.RECALL:
            body = {"door": opening.door, "allocation": opening.allocation, "actor": opening.actor}
            self.say(Kind.REMOVED, body, tx=opening.tx)

    def _together(self, allocation: str) -> list[str]:
        """The recipient takes all of his group that lies behind the door."""
        held = self.journal.held()
        if allocation not in held:
            return [allocation]
        one = held[allocation].placed
        beside = [
            each.placed.allocation
            for each in held.values()
            if each.placed.state is AllocationState.LOADED
            and (each.placed.door, each.placed.group.group) == (one.door, one.group.group)
        ]
        return [allocation, *(each for each in beside if each != allocation)]

    def _keep(self, number: int, door: Door) -> None:
        self.doors[number] = door
        self.doors_dirty = True
        self.journal.put_door(number, door)


def under_any(board: Board, read: Callable[[bytes], T]) -> T:
    """What `read` makes of a message under the first trusted key that holds. Raises Refused."""
    *others, last = board.trusted_keys
    for key in others:
        with contextlib.suppress(Refused):
            return read(key)
    return read(last)


def _about(opening: Opening | None) -> dict[str, Any]:
    if opening is None:
        return {}
    about = {"purpose": opening.purpose, "allocation": opening.allocation, "group": opening.group}
    return {name: value for name, value in about.items() if value is not None}
