"""The cabinets' process as it is started: socket, journals, control interface."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from lockers.protocol.topics import Channel
from lockers.simulator.host import BLUEPRINT_TOPIC, CLOCK_TOPIC
from lockers.transports.exchange import Exchange
from lockers.transports.loopback import LoopbackServer
from tests.lockers.simulator.conftest import AT, BLUEPRINT, Server, Time, code, placed

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.processes


@dataclass
class Process:
    socket: Path
    data: Path
    popen: "subprocess.Popen[str] | None" = None
    url: str = ""

    def start(self) -> None:
        command = [
            sys.executable,
            "-m",
            "lockers.simulator",
            "--socket",
            str(self.socket),
            "--data",
            str(self.data),
        ]
        self.popen = subprocess.Popen(
            [*command, "--control", "0"], cwd=ROOT, stdout=subprocess.PIPE, text=True, env=os.environ
        )
        assert self.popen.stdout is not None
        self.url = self.popen.stdout.readline().split()[-1]

    def end(self, number: int) -> None:
        if self.popen is not None:
            self.popen.send_signal(number)
            self.popen.wait(timeout=60)
            assert self.popen.stdout is not None
            self.popen.stdout.close()

    def ask(self, path: str, **body: Any) -> Any:
        answer = httpx.post(self.url + path, json=body) if body else httpx.get(self.url + path)
        return answer.json() | {"status": answer.status_code}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    exchange = Exchange()
    listener = LoopbackServer(tmp_path / "devices.sock", exchange)
    made = Server(exchange, Time())
    made.end.publish(CLOCK_TOPIC, orjson.dumps({"at": AT.isoformat(), "frozen": True}), retain=True)
    made.end.publish(BLUEPRINT_TOPIC + "L1", orjson.dumps(BLUEPRINT.as_wire()), retain=True)
    yield made
    listener.close()


@pytest.fixture
def process(tmp_path: Path, server: Server) -> Iterator[Process]:
    made = Process(tmp_path / "devices.sock", tmp_path / "data")
    made.start()
    yield made
    if made.popen is not None and made.popen.poll() is None:
        made.end(signal.SIGTERM)


def until(true: Any) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.02)


def test_a_cabinet_named_by_the_server_survives_a_kill(server: Server, process: Process) -> None:
    until(lambda: "boot" in server.kinds())
    server.configure(placed("a1", group=7, door=1))
    until(lambda: "cfg.applied" in server.kinds())
    assert process.ask("/clock")["frozen"] is True
    opened = process.ask("/cabinets/L1/keypad", code=code(7))
    assert (opened["ok"], opened["doors"]) == (True, [1])
    process.end(signal.SIGKILL)
    process.start()
    until(lambda: server.states[Channel.CONNECTION].boot == 2)
    state = process.ask("/cabinets/L1")
    assert (state["doors"]["1"]["open"], state["doors"]["1"]["state"]) == (True, "open")
    until(lambda: process.ask("/cabinets/L1")["outbox"] > 0 and server.told[-1].boot == 2)
    server.acknowledge()
    until(lambda: process.ask("/quiet")["quiet"])


def test_people_and_faults_over_the_control_interface(server: Server, process: Process) -> None:
    until(lambda: "boot" in server.kinds())
    server.configure(placed("a1", group=7, door=1))
    until(lambda: "cfg.applied" in server.kinds())
    assert process.ask("/cabinets/L1/doors/1/pry", x=1)["open"] is True
    assert process.ask("/cabinets/L1/doors/1/put", parcel="P1", shut=True) == {"open": False, "status": 200}
    assert process.ask("/cabinets/L1/doors/1/put", parcel="P2") == {
        "code": "door_shut", "text": "the door is shut", "status": 409,
    }  # fmt: skip
    visit = process.ask("/cabinets/L1/visit", code=code(7))
    assert (visit["ok"], visit["taken"]) == (True, ["P1"])
    assert process.ask("/cabinets/L1/fault", fault="power_cut", on=True)["ok"] is True
    assert process.ask("/cabinets/L1/keypad", code=code(7))["status"] == 503
    assert process.ask("/cabinets/L1/fault", fault="gremlins", on=True)["code"] == "no_such_fault"
    assert process.ask("/cabinets/L9")["status"] == 404
    assert process.ask("/cabinets", device="L1")["status"] == 400
    assert process.ask("/clock", at="yesterday", frozen=True)["status"] == 400


def test_a_bad_file_is_one_clear_line(tmp_path: Path) -> None:
    bad = tmp_path / "cabinets.json"
    bad.write_text('{"cabinets": [{"device": "a/b"}]}')
    command = [
        sys.executable,
        "-m",
        "lockers.simulator",
        "--socket",
        str(tmp_path / "s"),
        "--data",
        str(tmp_path),
    ]
    done = subprocess.run(
        [*command, "--cabinets", str(bad)], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (2, 1)
