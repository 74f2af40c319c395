"""The conformance command finds the simulated cabinet in order, and sees a device that breaks a rule."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from lockers import conformance
from lockers.conformance import NotKept
from lockers.transports.exchange import Exchange
from tests.lockers.simulator.conftest import BLUEPRINT, KEY

ROOT = Path(__file__).parents[2]


@pytest.mark.processes
def test_the_simulated_cabinet_keeps_every_rule(tmp_path: Path) -> None:
    cabinets = tmp_path / "cabinets.json"
    cabinets.write_text(json.dumps({"cabinets": [BLUEPRINT.as_wire()]}))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    path = tmp_path / "devices.sock"
    simulator = subprocess.Popen(
        [
            *(
                sys.executable,
                "-m",
                "lockers.simulator",
                "--socket",
                str(path),
                "--data",
                str(tmp_path / "data"),
            ),
            *("--cabinets", str(cabinets), "--control", str(port)),
        ],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
    )
    try:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "lockers.conformance", "--socket", str(path), "--device", "L1"),
                *("--key", KEY.hex(), "--door", "1", "--control", f"http://127.0.0.1:{port}"),
            ],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=180,
        )
    finally:
        simulator.terminate()
        simulator.wait(timeout=10)
    assert done.stdout.splitlines()[-1] == "10 of 10 rules kept", done.stdout + done.stderr
    assert done.returncode == 0


def test_a_silent_or_lying_device_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conformance, "PATIENCE_S", 0.2)
    exchange = Exchange()
    bench = conformance.Bench(
        transport=exchange.connect("ingest"),
        device="L1",
        generation=1,
        key=KEY,
        door=1,
        push_shut=lambda door: None,
    )
    with pytest.raises(NotKept, match="nothing was sent again"):
        conformance.sends_again_until_acknowledged(bench)
    device = exchange.connect("L1")
    device.publish("lk/L1/up/evt", b'{"v": 9}')
    with pytest.raises(NotKept, match="unreadable"):
        bench.listen(0.2)
