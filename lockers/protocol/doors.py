"""The door of a compartment: `closed → unlocking → open → closed`, and what goes wrong with it.

"Pulse sent" and "door open" are two facts. A fact about a door names the opening (`tx`) it belongs to only
while nothing happened in between that could break the link: after an unreadable sensor or a power cut the
door is watched again, but no later closing counts for the old opening.

Times here are the device's monotonic seconds.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from lockers.protocol.errors import Refused

OPENS_WITHIN_S = 10.0
AJAR_AFTER_S = 120.0


class DoorState(StrEnum):
    CLOSED = "closed"
    UNLOCKING = "unlocking"
    OPEN = "open"
    JAMMED = "jammed"
    AJAR = "ajar"
    FORCED = "forced"
    UNKNOWN = "unknown"
    OUT_OF_SERVICE = "out_of_service"


class Sensor(StrEnum):
    OPEN = "open"
    CLOSED = "closed"
    UNREADABLE = "unreadable"


class DoorFact(StrEnum):
    """The message types of the events channel that speak of a door."""

    PULSED = "door.pulsed"
    OPENED = "door.opened"
    ALREADY_OPEN = "door.already_open"
    CLOSED = "door.closed"
    JAMMED = "door.jammed"
    AJAR = "door.ajar"
    FORCED = "door.forced"
    UNKNOWN = "door.unknown"
    FOUND_OPEN = "door.found_open"  # at start, with an order in flight at the power cut


@dataclass(frozen=True, slots=True)
class Door:
    state: DoorState = DoorState.CLOSED
    sensor: Sensor = Sensor.CLOSED
    since_s: float = 0.0  # of the pulse while unlocking, of the opening while open
    tx: str | None = None


@dataclass(frozen=True, slots=True)
class Happened:
    """A fact, and the opening it belongs to."""

    fact: DoorFact
    tx: str | None = None


Step = tuple[Door, tuple[Happened, ...]]


def pulse(door: Door, *, at_s: float, tx: str) -> Step:
    """The relay was pulsed. Raises Refused for a door out of service."""
    if door.state is DoorState.OUT_OF_SERVICE:
        raise Refused("door out of service", code="out_of_service")
    pulsed = Happened(DoorFact.PULSED, tx)
    if door.sensor is Sensor.OPEN:
        return door, (pulsed, Happened(DoorFact.ALREADY_OPEN, tx))
    if door.sensor is Sensor.UNREADABLE:
        return replace(door, state=DoorState.UNKNOWN, tx=None), (pulsed, Happened(DoorFact.UNKNOWN, tx))
    return replace(door, state=DoorState.UNLOCKING, since_s=at_s, tx=tx), (pulsed,)


def sense(door: Door, *, at_s: float, sensor: Sensor) -> Step:
    """The sensor was read. Time-outs that passed since the last call are taken first."""
    door, late = tick(door, at_s=at_s)
    if sensor is door.sensor:
        return door, late
    stepped, facts = _SENSED[sensor](replace(door, sensor=sensor), at_s)
    return stepped, late + facts


def tick(door: Door, *, at_s: float) -> Step:
    """Time passed: no opening after a pulse is a jam, an opening that lasts is ajar."""
    waited_s = at_s - door.since_s
    if door.state is DoorState.UNLOCKING and waited_s > OPENS_WITHIN_S:
        return replace(door, state=DoorState.JAMMED, tx=None), (Happened(DoorFact.JAMMED, door.tx),)
    if door.state is DoorState.OPEN and waited_s > AJAR_AFTER_S:
        return replace(door, state=DoorState.AJAR), (Happened(DoorFact.AJAR, door.tx),)
    return door, ()


def start(door: Door, *, at_s: float, sensor: Sensor) -> Step:
    """The device has power again: relays are off, the sensor is read, nothing is opened.

    A door found open is `forced` unless the journal knew it open or had an order under way.
    """
    found = Door(state=door.state, sensor=sensor, since_s=at_s)
    if sensor is Sensor.UNREADABLE:
        unread = door.state if door.state is DoorState.OUT_OF_SERVICE else DoorState.UNKNOWN
        return replace(found, state=unread), (Happened(DoorFact.UNKNOWN),)
    if door.state is DoorState.OUT_OF_SERVICE:
        opened = sensor is Sensor.OPEN and door.sensor is not Sensor.OPEN
        return found, (Happened(DoorFact.FORCED),) if opened else ()
    if sensor is Sensor.CLOSED:
        known_open = door.state in (DoorState.OPEN, DoorState.AJAR, DoorState.FORCED, DoorState.UNKNOWN)
        state = DoorState.JAMMED if door.state is DoorState.JAMMED else DoorState.CLOSED
        return replace(found, state=state), (Happened(DoorFact.CLOSED),) if known_open else ()
    if door.state in (DoorState.UNLOCKING, DoorState.OPEN, DoorState.AJAR):
        return replace(found, state=DoorState.OPEN), (Happened(DoorFact.FOUND_OPEN),)
    if door.state is DoorState.FORCED:
        return found, ()
    return replace(found, state=DoorState.FORCED), (Happened(DoorFact.FORCED),)


def withdraw(door: Door) -> Door:
    """Out of service: no order opens it until `restore`."""
    return replace(door, state=DoorState.OUT_OF_SERVICE, tx=None)


def restore(door: Door) -> Door:
    """An operator cleared a jam or put the door back into service; its state is what the sensor says."""
    states = {
        Sensor.CLOSED: DoorState.CLOSED,
        Sensor.OPEN: DoorState.FORCED,
        Sensor.UNREADABLE: DoorState.UNKNOWN,
    }
    if door.state not in (DoorState.OUT_OF_SERVICE, DoorState.JAMMED):
        return door
    return replace(door, state=states[door.sensor], tx=None)


def _sensed_open(door: Door, at_s: float) -> Step:
    if door.state is DoorState.UNLOCKING:
        return replace(door, state=DoorState.OPEN, since_s=at_s), (Happened(DoorFact.OPENED, door.tx),)
    if door.state is DoorState.OUT_OF_SERVICE:
        return door, (Happened(DoorFact.FORCED),)
    return replace(door, state=DoorState.FORCED, since_s=at_s, tx=None), (Happened(DoorFact.FORCED),)


def _sensed_closed(door: Door, at_s: float) -> Step:
    if door.state in (DoorState.OUT_OF_SERVICE, DoorState.JAMMED):
        return door, ()
    return replace(door, state=DoorState.CLOSED, tx=None), (Happened(DoorFact.CLOSED, door.tx),)


def _sensed_nothing(door: Door, at_s: float) -> Step:
    state = door.state if door.state is DoorState.OUT_OF_SERVICE else DoorState.UNKNOWN
    return replace(door, state=state, tx=None), (Happened(DoorFact.UNKNOWN, door.tx),)


_SENSED = {Sensor.OPEN: _sensed_open, Sensor.CLOSED: _sensed_closed, Sensor.UNREADABLE: _sensed_nothing}
