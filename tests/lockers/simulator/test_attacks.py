"""What a clever or unlucky person does to a cabinet: clocks set, flash full, journals torn."""

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from lockers.protocol.commands import Action
from lockers.protocol.qr import PickupToken, sign_pickup
from lockers.simulator.blueprint import Blueprint
from lockers.simulator.cabinet import Cabinet, NoPower
from lockers.simulator.faults import set_fault
from lockers.simulator.host import Host
from lockers.simulator.journal import Journal
from lockers.simulator.pickup import scan_qr, type_code
from lockers.transports.exchange import Exchange
from tests.lockers.simulator.conftest import AT, BLUEPRINT, SIGNER, Server, Time, code, placed

DAY_S = 86_400


def test_setting_the_clock_gives_a_guesser_no_further_try(
    put_up: Callable[[], Cabinet], server: Server, time: Time
) -> None:
    """One guess every 5 min for a day, the clock set a month on, years back, right, and the mains cut."""
    cabinet = put_up()
    server.configure(placed("a1", group=7, door=1))
    looked_at = 0
    for guess in range(288):
        set_fault(cabinet, "clock_skew", on=True, about={"seconds": [30, 0, -9_000][guess % 3] * DAY_S})
        if guess % 40 == 39:
            cabinet.power_off()
            cabinet.power_on()
        with cabinet.at_screen() as board:
            looked_at += type_code(board, f"{guess:08d}").reason == "wrong"
        time.passes(300)
    assert looked_at <= 16
    assert cabinet.journal.lockout().errors == looked_at
    set_fault(cabinet, "clock_skew", on=False, about={})
    until = cabinet.state()["lockout"]["until"]
    assert timedelta() < type(AT).fromisoformat(until) - time.wall_at <= timedelta(hours=24)


def test_a_clock_set_back_locks_nobody_out(put_up: Callable[[], Cabinet], server: Server, time: Time) -> None:
    cabinet = put_up()
    server.configure(placed("a1", group=7, door=1))
    with cabinet.at_screen() as board:
        assert [type_code(board, "00000000").reason for _ in range(6)] == ["wrong"] * 6
    set_fault(cabinet, "clock_skew", on=True, about={"seconds": -9_000 * DAY_S})
    with cabinet.at_screen() as board:
        assert type_code(board, code(7)).reason == "locked"
    time.passes(61)
    with cabinet.at_screen() as board:
        assert type_code(board, code(7)).ok


@pytest.mark.parametrize(("boot", "opens"), [(None, True), (1, False)])
def test_an_order_of_the_past_opens_nothing_after_a_cut_that_reset_the_clock(
    cabinet: Cabinet, server: Server, time: Time, boot: int | None, opens: bool
) -> None:
    """Recorded, kept back, played three days later: only the start that it names gives it away."""
    recorded = {"issued_at": time.wall_at, "expires_at": time.wall_at + timedelta(seconds=30), "boot": boot}
    cabinet.power_off()
    time.passes(3 * DAY_S)
    set_fault(cabinet, "clock_skew", on=True, about={"seconds": -9_000 * DAY_S})
    cabinet.power_on()
    server.command(Action.OPEN, tx="late", **recorded)
    assert cabinet.hardware.slots[1].is_open is opens
    server.command(Action.OPEN, tx="new", boot=2, args={"door": 2, "purpose": "inspect"})
    assert cabinet.hardware.slots[2].is_open


def test_a_qr_that_opened_nothing_is_not_used_up(server: Server, cabinet: Cabinet) -> None:
    """Shown too late; after the fee is paid the same picture opens."""
    late = placed("a1", group=7, door=1, collect_until=AT - timedelta(minutes=1))
    token = PickupToken(group=7, counter=0, expires_at=AT + timedelta(days=3))
    text = sign_pickup(SIGNER, device="L1", token=token)

    def scanned() -> str:
        with cabinet.at_screen() as board:
            return scan_qr(board, text).reason

    server.configure(late)
    assert scanned() == "overdue"
    server.configure(late, blocked=frozenset({1}))
    server.configure(replace(late, collect_until=AT + timedelta(days=1)), blocked=frozenset({1}))
    assert scanned() == "held"
    server.configure(replace(late, collect_until=AT + timedelta(days=1)))
    assert scanned() == ""
    assert scanned() == "used"


def test_what_cannot_be_written_down_is_not_done(
    put_up: Callable[[], Cabinet], server: Server, time: Time
) -> None:
    """The flash is full: dark, no door opens; with room again a new boot, and no hole."""
    cabinet = put_up()
    server.configure(placed("a1", group=7, door=1))
    boot = cabinet.journal.get("boot")
    set_fault(cabinet, "disk_full", on=True, about={})
    with pytest.raises(NoPower):
        _fill(cabinet)
    with pytest.raises(NoPower), cabinet.at_screen() as board:
        type_code(board, code(7))
    assert not any(slot.is_open for slot in cabinet.hardware.slots.values())
    for _ in range(3):
        time.passes(6)
        cabinet.tick()
        with pytest.raises(NoPower), cabinet.at_screen():
            pass
    set_fault(cabinet, "disk_full", on=False, about={})
    time.passes(3_600)
    cabinet.tick()
    assert cabinet.board is not None
    with cabinet.at_screen() as board:
        assert type_code(board, code(7)).ok
    server.acknowledge()
    for each in {each.boot for each in server.heard}:
        seqs = sorted({said.seq for said in server.heard if said.boot == each})
        assert seqs == list(range(1, len(seqs) + 1))
    assert cabinet.journal.get("boot") > boot


def _fill(cabinet: Cabinet) -> None:
    """Raises NoPower when it goes dark: each scan is an entry in its journal."""
    for _ in range(500):
        with cabinet.at_screen() as board:
            scan_qr(board, "no token")


def test_a_journal_torn_in_the_middle_of_a_record_is_its_last_whole_step(
    put_up: Callable[[], Cabinet], server: Server, tmp_path: Path
) -> None:
    cabinet = put_up()
    server.configure(placed("a1", group=7, door=1))
    with cabinet.at_screen() as board:
        for _ in range(3):
            type_code(board, "00000000")
    db, wal = tmp_path / "L1.db", tmp_path / "L1.db-wal"
    whole, written = db.read_bytes(), wal.read_bytes()
    for lost in (1, 100, 4_000, 9_000, 20_000, len(written) - 10):
        torn = tmp_path / f"torn{lost}.db"
        torn.write_bytes(whole)
        torn.with_name(f"{torn.name}-wal").write_bytes(written[:-lost])
        journal = Journal(torn)
        waiting = journal.waiting_after((0, 0), 1_000)
        assert [each.seq for each in waiting] == list(range(1, len(waiting) + 1))
        wrong = sum(b'"reason":"wrong"' in each.payload for each in waiting)
        assert journal.lockout().errors == wrong
        journal.close()


def test_a_broken_journal_darkens_one_cabinet_and_no_other(tmp_path: Path) -> None:
    exchange = Exchange()
    for name in ("L1", "L2"):
        journal = Journal(tmp_path / f"{name}.db")
        with journal.step():
            journal.put("blueprint", replace(BLUEPRINT, device=name).as_wire())
        journal.close()
    broken = tmp_path / "L1.db"
    broken.write_bytes(b"\0" * len(broken.read_bytes()))
    with pytest.raises(sqlite3.DatabaseError):
        Journal(broken)

    def line(blueprint: Blueprint, joined: Callable[[], None], boot: Callable[[], int]):  # type: ignore[no-untyped-def]
        return exchange.line(blueprint.device, on_connect=joined)

    host = Host(tmp_path, line)
    host.restore()
    assert list(host.cabinets) == ["L2"]
    host.cabinets["L2"].close()
