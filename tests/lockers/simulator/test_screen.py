"""The cabinet's screen API as a screen's maker meets it: over HTTP, without network to the server."""

import threading
import time as system
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from lockers.protocol import keys
from lockers.protocol.allocation import AllocationState, Need
from lockers.protocol.courier import CourierToken, Drop, seal_token
from lockers.protocol.qr import PickupToken, sign_pickup
from lockers.simulator.clocks import WorldClock
from lockers.transports.exchange import Exchange
from marketplace.kernel.temperature import Band
from marketplace.kernel.units import Size
from tests.lockers.simulator.conftest import AT, BLUEPRINT, KEY, SIGNER, Server, Time, code, placed
from tests.lockers.simulator.hosting import Hosted, hosting, lines_to


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def exchange() -> Exchange:
    return Exchange()


@pytest.fixture
def server(exchange: Exchange, time: Time) -> Server:
    return Server(exchange, time)


@pytest.fixture
def hosted(tmp_path: Path, exchange: Exchange, server: Server, time: Time) -> Iterator[Hosted]:
    """Two parcels of group 7 lie in 1 and 3, one of group 8 in 2; then the network goes away."""
    world = WorldClock(wall=lambda: time.wall_at)
    with hosting(tmp_path, lines_to(exchange), BLUEPRINT, world=world) as hosted:
        lying = (
            placed("a1", group=7, door=1),
            placed("a2", group=7, door=3),
            placed("b1", group=8, door=2),
        )
        server.configure(*lying, known=(1, 9))
        hosted.act("fault", fault="offline", on=True)
        yield hosted


def shut(hosted: Hosted, *doors: int) -> None:
    for door in doors:
        hosted.act(f"doors/{door}/shut")


def token(**changes: Any) -> str:
    drop = Drop(
        placed("d1", group=9, door=None, state=AllocationState.RESERVED),
        Need(Size.S, "chilled", Band(0, 9)),
    )
    made = CourierToken(
        device="L1", generation=1, tx="t1", courier="c1", expires_at=AT + timedelta(hours=1), drops=(drop,),
        recalls=("b1",),
    )  # fmt: skip
    return seal_token(replace(made, **changes), key=keys.seal_key(KEY))


def test_a_recipient_types_takes_one_and_leaves_the_other(hosted: Hosted) -> None:
    opened = hosted.screen("keypad", {"code": code(7)})
    assert (opened["status"], opened["ok"], opened["doors"], opened["wait_s"]) == (200, True, [1, 3], 0)
    assert [each["door"] for each in hosted.screen("status")["open"] if each["may_put_back"]] == [1, 3]
    assert hosted.screen("put-back", {"door": 3})["ok"] is True
    shut(hosted, 1, 3)
    ends = hosted.screen(f"openings/{opened['tx']}")
    assert ends["doors"] == {"1": "done", "3": "put_back"}
    shown = hosted.screen("status")
    assert shown["open"] == []
    assert [each["door"] for each in shown["cells"] if each["free"]] == [1, 4]
    assert shown["server"] is False


def test_a_qr_opens_once_and_a_guesser_waits(hosted: Hosted) -> None:
    text = sign_pickup(SIGNER, device="L1", token=PickupToken(8, 0, AT + timedelta(hours=1)))
    for _ in range(6):
        wrong = hosted.screen("keypad", {"code": "00000000"})
    assert (wrong["ok"], wrong["wait_s"]) == (False, 60)
    assert hosted.screen("keypad", {"code": code(7)})["reason"] == "locked"
    assert hosted.screen("status")["keypad"] == {"locked": True, "wait_s": 60}
    assert hosted.screen("qr", {"token": text})["doors"] == [2]
    shut(hosted, 2)
    assert hosted.screen("qr", {"token": text})["reason"] == "not_here"


def test_a_courier_leaves_and_takes_out(hosted: Hosted) -> None:
    taken_up = hosted.screen("courier", {"token": token()})
    assert (taken_up["drops"], taken_up["recalls"]) == (["d1"], ["b1"])
    tx = taken_up["tx"]
    heavy = hosted.screen("drop", {"tx": tx, "allocation": "d1", "weight_g": 90_000})
    assert (heavy["status"], heavy["code"]) == (409, "too_heavy")
    assert hosted.screen("drop", {"tx": tx, "allocation": "d1"})["door"] == 4
    early = hosted.screen("confirm", {"tx": tx, "allocation": "d1"})
    assert (early["status"], early["code"]) == (409, "not_closed")
    shut(hosted, 4)
    assert hosted.screen("confirm", {"tx": tx, "allocation": "d1"})["ok"] is True
    assert hosted.screen("recall", {"tx": tx, "allocation": "b1"})["door"] == 2
    assert hosted.screen("recall", {"tx": tx, "allocation": "a1"})["code"] == "unknown"


def test_a_token_opens_nothing_after_its_end_but_what_lies_there_is_said(hosted: Hosted, time: Time) -> None:
    tx = hosted.screen("courier", {"token": token()})["tx"]
    assert hosted.screen("drop", {"tx": tx, "allocation": "d1"})["door"] == 4
    shut(hosted, 4)
    time.passes(3601)
    assert hosted.screen("recall", {"tx": tx, "allocation": "b1"})["code"] == "expired"
    assert hosted.screen("courier", {"token": token(tx="t2")})["code"] == "expired"
    assert hosted.screen("confirm", {"tx": tx, "allocation": "d1"})["ok"] is True


def test_who_does_not_show_the_secret_gets_nothing(hosted: Hosted) -> None:
    for secret in ("x", "0" * 32):
        refused = hosted.screen("keypad", {"code": code(7)}, secret=secret)
        assert refused == {"code": "not_allowed", "status": 401}
    assert httpx.get(f"{hosted.screens}/L1/status", trust_env=False).status_code == 401
    assert hosted.screen("status")["open"] == []
    assert (hosted.host.directory / "L1.screen").stat().st_mode & 0o777 == 0o600


def test_what_makes_no_sense_is_refused(hosted: Hosted) -> None:
    assert hosted.screen("keypad", {})["status"] == 400
    assert hosted.screen("put-back", {"door": 99})["code"] == "no_such_door"
    assert hosted.screen("drop", {"tx": "t1", "allocation": "d1", "weight_g": "much"})["status"] == 400
    assert hosted.screen("openings/none")["status"] == 404
    assert hosted.screen("fault", {"fault": "power_cut", "on": True})["status"] == 404
    hosted.act("fault", fault="power_cut", on=True)
    assert hosted.screen("status")["status"] == 503


def test_a_screen_waits_for_what_changes(hosted: Hosted) -> None:
    mark = hosted.screen("status")["mark"]
    told: list[Any] = []
    asked = threading.Thread(
        target=lambda: told.append(hosted.screen(f"status?after={mark}&wait_s=20")), daemon=True
    )
    asked.start()
    system.sleep(0.15)
    assert told == []
    hosted.act("doors/4/pry")
    asked.join(timeout=60)
    assert [each["door"] for each in told[0]["open"]] == [4]
    assert told[0]["open"][0]["may_put_back"] is False
