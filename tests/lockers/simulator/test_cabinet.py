"""A cabinet over the wire: commands, power, network, configuration."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from lockers.protocol.allocation import AllocationState
from lockers.protocol.commands import Action
from lockers.protocol.doors import AJAR_AFTER_S, OPENS_WITHIN_S, DoorState
from lockers.protocol.messages import Kind
from lockers.protocol.parcel import Outcome, judge_opening
from lockers.protocol.topics import Channel
from lockers.simulator.cabinet import Cabinet, NoPower
from lockers.simulator.faults import set_fault
from lockers.simulator.pickup import type_code
from tests.lockers.simulator.conftest import AT, Server, Time, code, placed


def open_door(server: Server, cabinet: Cabinet, door: int = 1, **args: object) -> None:
    server.command(Action.OPEN, args={"door": door, "purpose": "inspect", **args})
    cabinet.tick()


def test_a_start_tells_boot_and_doors_and_opens_nothing(server: Server, cabinet: Cabinet) -> None:
    cabinet.tick()
    assert server.kinds() == [Kind.BOOT]
    assert server.states[Channel.DOORS].body["doors"] == dict.fromkeys("1234", "closed")
    assert server.states[Channel.CONNECTION].body["online"] is True
    assert server.states[Channel.HEARTBEAT].boot == 1


def test_an_order_opens_and_the_two_facts_come_with_its_tx(server: Server, cabinet: Cabinet) -> None:
    open_door(server, cabinet)
    cabinet.hardware.push_shut(1)
    cabinet.tick()
    assert server.kinds()[1:] == ["door.pulsed", "door.opened", "cmd.result", "door.closed"]
    assert {each.tx for each in server.told[2:]} - {None} == {"tx1"}
    assert server.last("cmd.result").body["result"] == "done"
    assert judge_opening(server.heard, tx="tx1", door=1) is Outcome.DONE


def test_the_same_tx_five_times_pulses_once(server: Server, cabinet: Cabinet) -> None:
    for _ in range(5):
        open_door(server, cabinet)
    assert server.kinds().count("door.pulsed") == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"expires_at": AT}, "expired"),
        ({"issued_at": AT - timedelta(seconds=1)}, "before_start"),
        ({"args": {"door": 99, "purpose": "inspect"}}, "no_such_door"),
        ({"args": {"door": 1, "purpose": "steal"}}, "bad_arguments"),
        ({"args": {"door": 1}}, "bad_arguments"),
    ],
)
def test_a_refused_order_says_why_and_moves_nothing(
    server: Server, cabinet: Cabinet, changes: dict[str, Any], reason: str
) -> None:
    server.command(Action.OPEN, **changes)
    cabinet.tick()
    assert (
        server.last("cmd.result").body | {"reason": reason, "result": "refused"}
        == server.last("cmd.result").body
    )
    assert not any(slot.is_open for slot in cabinet.hardware.slots.values())
    assert "door.pulsed" not in server.kinds()


def test_an_order_of_another_generation_or_a_broken_mac_is_an_alarm(server: Server, cabinet: Cabinet) -> None:
    server.command(Action.OPEN, generation=2)
    server.send(Channel.COMMAND, b'{"v":1,"mac":"00"}')
    cabinet.tick()
    assert [each.body["code"] for each in server.told if each.type == "alarm"] == [
        "old_generation",
        "bad_mac",
    ]
    assert not cabinet.hardware.slots[1].is_open


def test_an_order_sent_while_the_power_was_off_never_opens(
    server: Server, cabinet: Cabinet, time: Time
) -> None:
    cabinet.power_off()
    server.command(Action.OPEN)
    time.passes(10)
    cabinet.power_on()
    cabinet.tick()
    assert server.last("cmd.result").body["reason"] == "before_start"
    assert not cabinet.hardware.slots[1].is_open


def test_a_jam_is_told_after_ten_seconds_and_hands_nothing_over(
    server: Server, cabinet: Cabinet, time: Time
) -> None:
    set_fault(cabinet, "jammed", on=True, about={"door": 1})
    open_door(server, cabinet)
    assert cabinet.board is not None
    assert cabinet.board.doors[1].state is DoorState.UNLOCKING
    time.passes(OPENS_WITHIN_S + 1)
    cabinet.tick()
    assert server.kinds()[1:] == ["door.pulsed", "door.jammed", "cmd.result"]
    assert judge_opening(server.heard, tx="tx1", door=1) is Outcome.JAMMED


def test_forced_ajar_and_unreadable_doors_are_told(server: Server, cabinet: Cabinet, time: Time) -> None:
    set_fault(cabinet, "forced", on=True, about={"door": 2})
    assert server.kinds()[-1] == "door.forced"
    open_door(server, cabinet, door=1)
    time.passes(AJAR_AFTER_S + 1)
    cabinet.tick()
    assert server.last("door.ajar").body["door"] == 1
    set_fault(cabinet, "unreadable", on=True, about={"door": 3})
    assert server.last("door.unknown").body["door"] == 3
    assert server.states[Channel.DOORS].body["doors"] == {
        "1": "ajar", "2": "forced", "3": "unknown", "4": "closed",
    }  # fmt: skip


def test_out_of_service_and_back(server: Server, cabinet: Cabinet) -> None:
    server.command(Action.LOCK_OUT, tx="a", args={"door": 1})
    server.command(Action.OPEN, tx="b")
    server.command(Action.RESTORE, tx="c", args={"door": 1})
    server.command(Action.OPEN, tx="d")
    cabinet.tick()
    results = [each.body["result"] for each in server.told if each.type == "cmd.result"]
    assert results == ["done", "refused", "done", "done"]


# -- the outbox --------------------------------------------------------------------------------------------


def test_only_an_acknowledgement_empties_the_outbox(server: Server, cabinet: Cabinet, time: Time) -> None:
    open_door(server, cabinet)
    cabinet.hardware.push_shut(1)
    cabinet.tick()
    length = cabinet.journal.outbox_length()
    assert length == len(server.told)
    for _ in range(3):
        time.passes(6)
        cabinet.tick()
    assert cabinet.journal.outbox_length() == length
    assert len(server.heard) == 4 * length
    server.acknowledge()
    assert cabinet.journal.outbox_length() == 0


def test_a_network_loss_loses_nothing_and_keeps_the_order(
    server: Server, cabinet: Cabinet, time: Time
) -> None:
    set_fault(cabinet, "offline", on=True, about={})
    assert server.states[Channel.CONNECTION].body["online"] is False
    for _ in range(100):
        time.passes(60)
        cabinet.tick()
    assert [each for each in server.told if each.type == "reading"] == []
    set_fault(cabinet, "offline", on=False, about={})
    cabinet.tick()
    server.acknowledge()
    readings = [each for each in server.told if each.type == "reading"]
    assert len(readings) == 101
    assert [each.seq for each in server.told] == list(range(1, len(server.told) + 1))
    assert cabinet.journal.outbox_length() == 0


def test_at_most_800_are_in_flight(server: Server, cabinet: Cabinet, time: Time) -> None:
    set_fault(cabinet, "offline", on=True, about={})
    for _ in range(1000):
        time.passes(60)
        cabinet.tick()
    set_fault(cabinet, "offline", on=False, about={})
    cabinet.tick()
    assert len(server.heard) == 800
    server.acknowledge()
    cabinet.tick()
    server.acknowledge()
    assert cabinet.journal.outbox_length() == 0


def test_a_killed_process_comes_back_with_its_journal(
    server: Server, put_up: Callable[[], Cabinet], time: Time
) -> None:
    first = put_up()
    open_door(server, first)
    time.passes(5)
    second = put_up()
    second.tick()
    assert server.states[Channel.CONNECTION].boot == 2
    assert second.board is not None
    assert second.board.doors[1].state is DoorState.OPEN
    server.acknowledge()
    assert second.journal.outbox_length() == 0
    assert [each.boot for each in server.told if each.type == "boot"] == [1, 2]


# -- power -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(40))
def test_a_power_cut_at_any_step_opens_nothing_and_ends_every_order(
    server: Server, cabinet: Cabinet, time: Time, seed: int
) -> None:
    """A pick-up is cut at a random step: each order ends as done or unknown, nothing opens on return."""
    server.configure(placed("a1", group=7, door=1), placed("a2", group=7, door=2))
    cabinet.tick()
    server.acknowledge()
    chance = random.Random(seed)
    cabinet.hardware.fuse.steps_left = chance.randint(1, 16)
    tx = "none"
    try:
        with cabinet.at_screen() as board:
            tx = type_code(board, code(7)).tx or ""
        for door in (1, 2):
            cabinet.hardware.push_shut(door)
        cabinet.tick()
    except NoPower:
        pass
    cabinet.hardware.fuse.steps_left = None
    cabinet.power_off()
    was_open = {door for door, slot in cabinet.hardware.slots.items() if slot.is_open}
    time.passes(60)
    cabinet.power_on()
    cabinet.tick()
    assert {door for door, slot in cabinet.hardware.slots.items() if slot.is_open} == was_open
    assert cabinet.journal.openings_in_flight() == []
    assert "door.forced" not in server.kinds()
    server.acknowledge()
    assert cabinet.journal.outbox_length() == 0
    results = {each.body["door"]: each.body["result"] for each in server.told if each.type == "cmd.result"}
    assert set(results.values()) <= {"done", "unknown"}
    held = cabinet.journal.held()
    assert set(held) == {"a1", "a2"}
    for door, allocation in [(1, "a1"), (2, "a2")]:
        handed_over = judge_opening(server.heard, tx=tx, door=door) is Outcome.DONE
        assert (held[allocation].placed.state is AllocationState.FREE) == handed_over


def test_the_gap_of_a_power_cut_is_visible_in_the_readings(
    server: Server, cabinet: Cabinet, time: Time
) -> None:
    cabinet.tick()
    time.passes(60)
    cabinet.tick()
    cabinet.power_off()
    time.passes(3 * 3600)
    cabinet.power_on()
    cabinet.tick()
    readings = [each for each in server.told if each.type == "reading"]
    assert [each.ts for each in readings] == [AT + timedelta(seconds=s) for s in (0, 60, 60 + 3 * 3600)]
    assert readings[-1].body["c"] > readings[0].body["c"] + 3


# -- business time -----------------------------------------------------------------------------------------


def test_a_jump_of_business_time_gives_readings_every_five_minutes(server: Server, cabinet: Cabinet) -> None:
    cabinet.world.set(AT, frozen=True)
    cabinet.tick()
    cabinet.world.set(AT + timedelta(hours=15), frozen=True)
    cabinet.tick()
    cabinet.tick()
    times = [each.ts for each in server.told if each.type == "reading"]
    assert times[0] == AT
    assert [after - before for before, after in pairwise(times)] == [timedelta(minutes=5)] * 180
    assert [each.mono for each in server.told][-1] == 15 * 3600


def test_a_jump_right_after_the_start_is_filled_too(server: Server, cabinet: Cabinet) -> None:
    cabinet.world.set(AT + timedelta(hours=1), frozen=True)
    cabinet.tick()
    assert len([each for each in server.told if each.type == "reading"]) == 13


def test_a_week_is_the_most_that_is_made_up_for(server: Server, cabinet: Cabinet) -> None:
    cabinet.world.set(AT, frozen=True)
    cabinet.tick()
    cabinet.world.set(AT + timedelta(days=100), frozen=True)
    cabinet.tick()
    assert (
        len([1 for row in cabinet.journal.waiting_after((0, 0), 9999) if row.topic.endswith("tele")]) == 2017
    )


def test_a_failed_compressor_warms_the_zone(server: Server, cabinet: Cabinet) -> None:
    cabinet.world.set(AT, frozen=True)
    cabinet.tick()
    set_fault(cabinet, "warm_up", on=True, about={"to_c": 14})
    cabinet.world.set(AT + timedelta(hours=2), frozen=True)
    cabinet.tick()
    warm = [each.body["c"] for each in server.told if each.type == "reading"]
    assert warm[0] < 5
    assert 12 < warm[-1] < 15
    set_fault(cabinet, "warm_up", on=False, about={})
    cabinet.world.set(AT + timedelta(hours=4), frozen=True)
    cabinet.tick()
    assert server.last("reading").body["c"] < 5


def test_a_skewed_clock_shows_in_ts_and_not_in_mono(server: Server, cabinet: Cabinet, time: Time) -> None:
    set_fault(cabinet, "clock_skew", on=True, about={"seconds": 3600})
    time.passes(30)
    cabinet.tick()
    heartbeat = server.states[Channel.HEARTBEAT]
    assert heartbeat.ts == AT + timedelta(seconds=3630)
    assert heartbeat.mono == 30


# -- configuration -----------------------------------------------------------------------------------------


def test_a_configuration_is_applied_once_and_an_older_one_never(server: Server, cabinet: Cabinet) -> None:
    server.configure(placed("a1", group=7, door=1))
    server.configure(version=1)
    cabinet.tick()
    assert [each.body["version"] for each in server.told if each.type == "cfg.applied"] == [1]
    assert set(cabinet.journal.held()) == {"a1"}


def test_what_the_server_no_longer_wants_goes(server: Server, cabinet: Cabinet) -> None:
    server.configure(placed("a1", group=7, door=1))
    server.configure()
    assert cabinet.journal.held() == {}


def test_a_cabinet_knows_better_what_it_did_since(server: Server, cabinet: Cabinet) -> None:
    """Collected while the server did not know: a late configuration must not put the parcel back."""
    server.configure(placed("a1", group=7, door=1), known=(1, 1))
    with cabinet.at_screen() as board:
        assert type_code(board, code(7)).ok
    cabinet.hardware.push_shut(1)
    cabinet.tick()
    server.configure(placed("a1", group=7, door=1), known=(1, 2))
    assert cabinet.journal.live() == []
    with cabinet.at_screen() as board:
        assert type_code(board, code(7)).reason == "wrong"
    server.configure(known=(1, 99))
    assert cabinet.journal.held() == {}


def test_a_reissued_code_comes_through_even_then(server: Server, cabinet: Cabinet) -> None:
    before = placed("a1", group=7, door=1, state=AllocationState.RESERVED)
    server.configure(before, known=(1, 1))
    open_door(server, cabinet, purpose="deposit", placed=before.as_wire())
    cabinet.hardware.push_shut(1)
    cabinet.tick()
    server.configure(replace(before, group=placed("a1", group=7, door=1, counter=1).group), known=(1, 1))
    (held,) = cabinet.journal.live()
    assert (held.state, held.group.counter) == (AllocationState.LOADED, 1)
