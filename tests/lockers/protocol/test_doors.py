"""The truth table of a door, and what no sequence of events may ever bring about."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockers.protocol.doors import (
    AJAR_AFTER_S,
    OPENS_WITHIN_S,
    Door,
    DoorFact,
    DoorState,
    Happened,
    Sensor,
    pulse,
    restore,
    sense,
    start,
    tick,
    withdraw,
)
from lockers.protocol.errors import Refused

OPEN = Door(DoorState.OPEN, Sensor.OPEN, since_s=0.0, tx="t")


def facts(happened: tuple[Happened, ...]) -> list[DoorFact]:
    return [each.fact for each in happened]


def test_pulse_and_open_are_two_facts() -> None:
    door, first = pulse(Door(), at_s=0, tx="t")
    assert (door.state, first) == (DoorState.UNLOCKING, (Happened(DoorFact.PULSED, "t"),))
    door, second = sense(door, at_s=3, sensor=Sensor.OPEN)
    assert (door.state, second) == (DoorState.OPEN, (Happened(DoorFact.OPENED, "t"),))
    door, third = sense(door, at_s=9, sensor=Sensor.CLOSED)
    assert (door, third) == (Door(since_s=3), (Happened(DoorFact.CLOSED, "t"),))


def test_open_before_the_pulse() -> None:
    door, happened = pulse(OPEN, at_s=5, tx="u")
    assert (door, facts(happened)) == (OPEN, [DoorFact.PULSED, DoorFact.ALREADY_OPEN])


def test_no_opening_after_a_pulse_is_a_jam_and_a_late_opening_is_forced() -> None:
    door, _ = pulse(Door(), at_s=0, tx="t")
    assert tick(door, at_s=OPENS_WITHIN_S) == (door, ())
    jammed, happened = tick(door, at_s=OPENS_WITHIN_S + 0.1)
    assert (jammed.state, happened) == (DoorState.JAMMED, (Happened(DoorFact.JAMMED, "t"),))
    late, happened = sense(door, at_s=OPENS_WITHIN_S + 1, sensor=Sensor.OPEN)
    assert (late.state, facts(happened)) == (DoorState.FORCED, [DoorFact.JAMMED, DoorFact.FORCED])


def test_an_opening_without_a_pulse_is_forced() -> None:
    door, happened = sense(Door(), at_s=1, sensor=Sensor.OPEN)
    assert (door.state, happened) == (DoorState.FORCED, (Happened(DoorFact.FORCED),))


@pytest.mark.parametrize("door", [Door(), OPEN, pulse(Door(), at_s=0, tx="t")[0]])
def test_an_unreadable_door_is_unknown_and_loses_its_opening(door: Door) -> None:
    unknown, happened = sense(door, at_s=1, sensor=Sensor.UNREADABLE)
    assert (unknown.state, facts(happened)) == (DoorState.UNKNOWN, [DoorFact.UNKNOWN])
    closed, happened = sense(unknown, at_s=2, sensor=Sensor.CLOSED)
    assert (closed.state, happened) == (DoorState.CLOSED, (Happened(DoorFact.CLOSED, None),))


def test_open_too_long_is_ajar_once() -> None:
    assert tick(OPEN, at_s=AJAR_AFTER_S) == (OPEN, ())
    ajar, happened = tick(OPEN, at_s=AJAR_AFTER_S + 1)
    assert (ajar.state, facts(happened)) == (DoorState.AJAR, [DoorFact.AJAR])
    assert tick(ajar, at_s=AJAR_AFTER_S + 500) == (ajar, ())
    closed, happened = sense(ajar, at_s=AJAR_AFTER_S + 501, sensor=Sensor.CLOSED)
    assert (closed.state, happened) == (DoorState.CLOSED, (Happened(DoorFact.CLOSED, "t"),))


def test_out_of_service_refuses_and_still_tells_a_break_in() -> None:
    door = withdraw(Door())
    with pytest.raises(Refused) as refused:
        pulse(door, at_s=0, tx="t")
    assert refused.value.code == "out_of_service"
    broken, happened = sense(door, at_s=1, sensor=Sensor.OPEN)
    assert (broken.state, facts(happened)) == (DoorState.OUT_OF_SERVICE, [DoorFact.FORCED])
    assert restore(door) == Door()
    assert restore(Door()) == Door()


@pytest.mark.parametrize(
    ("before", "sensor", "state", "expected"),
    [
        (Door(), Sensor.CLOSED, DoorState.CLOSED, []),
        (Door(), Sensor.OPEN, DoorState.FORCED, [DoorFact.FORCED]),
        (Door(), Sensor.UNREADABLE, DoorState.UNKNOWN, [DoorFact.UNKNOWN]),
        (OPEN, Sensor.OPEN, DoorState.OPEN, [DoorFact.FOUND_OPEN]),
        (OPEN, Sensor.CLOSED, DoorState.CLOSED, [DoorFact.CLOSED]),
        (Door(DoorState.UNLOCKING, tx="t"), Sensor.OPEN, DoorState.OPEN, [DoorFact.FOUND_OPEN]),
        (Door(DoorState.UNLOCKING, tx="t"), Sensor.CLOSED, DoorState.CLOSED, []),
        (Door(DoorState.JAMMED), Sensor.CLOSED, DoorState.JAMMED, []),
        (Door(DoorState.JAMMED), Sensor.OPEN, DoorState.FORCED, [DoorFact.FORCED]),
        (Door(DoorState.FORCED, Sensor.OPEN), Sensor.OPEN, DoorState.FORCED, []),
        (withdraw(Door()), Sensor.OPEN, DoorState.OUT_OF_SERVICE, [DoorFact.FORCED]),
        (withdraw(Door()), Sensor.CLOSED, DoorState.OUT_OF_SERVICE, []),
    ],
)
def test_power_returning_reads_sensors_and_opens_nothing(
    before: Door, sensor: Sensor, state: DoorState, expected: list[DoorFact]
) -> None:
    door, happened = start(before, at_s=0, sensor=sensor)
    assert (door.state, door.sensor, door.tx) == (state, sensor, None)
    assert happened == tuple(Happened(fact) for fact in expected)


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["pulse", "sense", "tick", "start"]), st.sampled_from(Sensor), st.floats(0, 200)
    ),
    max_size=30,
)


@given(EVENTS)
def test_a_handover_needs_a_pulse_an_opening_and_a_closing_in_that_order(
    events: list[tuple[str, Sensor, float]],
) -> None:
    """Under one tx `closed` comes only after `opened`, and `opened` only after `pulsed`; a jam ends both."""
    door, now_s = Door(), 0.0
    seen: dict[str, list[DoorFact]] = {}
    for number, (kind, sensor, wait_s) in enumerate(events):
        now_s += wait_s
        if kind == "pulse":
            door, happened = pulse(door, at_s=now_s, tx=f"t{number}")
        elif kind == "sense":
            door, happened = sense(door, at_s=now_s, sensor=sensor)
        elif kind == "tick":
            door, happened = tick(door, at_s=now_s)
        else:
            door, happened = start(door, at_s=now_s, sensor=sensor)
        assert kind != "start" or not {DoorFact.PULSED, DoorFact.OPENED} & set(facts(happened))
        for each in happened:
            if each.tx is not None:
                seen.setdefault(each.tx, []).append(each.fact)
    for told in seen.values():
        assert told[0] is DoorFact.PULSED
        if DoorFact.CLOSED in told:
            assert told.index(DoorFact.OPENED) < told.index(DoorFact.CLOSED)
            assert told[-1] is DoorFact.CLOSED
        assert not {DoorFact.OPENED, DoorFact.JAMMED} <= set(told)
