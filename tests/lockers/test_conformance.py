"""The conformance command finds the simulated cabinet in order, and sees a device that breaks a rule."""

import json
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lockers.conformance.__main__ import main
from lockers.conformance.bench import Bench, NotKept
from lockers.conformance.hands import Hands, NotTried, by_asking, by_shell
from lockers.conformance.rules import RULES, wire
from lockers.conformance.trying import try_rules
from lockers.simulator import uplink
from lockers.simulator.blueprint import Blueprint
from lockers.transports import https
from lockers.transports.exchange import Exchange
from lockers.transports.https import HttpsLine, WithFallback
from lockers.transports.loopback import LoopbackLink
from lockers.transports.port import Line
from tests.lockers.simulator.conftest import BLUEPRINT, KEY
from tests.lockers.simulator.hosting import hosting

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_simulated_cabinet_keeps_every_rule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command itself, over the socket, against a cabinet on a thread; only its patience is shorter."""
    monkeypatch.setattr(uplink, "RESEND_AFTER_S", 1.0)
    monkeypatch.setattr(https, "POLL_S", 0.2)
    port, path, report = free_port(), tmp_path / "devices.sock", tmp_path / "report.json"
    link = LoopbackLink(path)

    def make_line(blueprint: Blueprint, joined: Callable[[], None], boot: Callable[[], int]) -> Line:
        first = link.line(blueprint.device, on_connect=joined)
        url = f"http://127.0.0.1:{port}"
        second = HttpsLine(url, blueprint.device, blueprint.key, boot=boot, on_connect=joined)
        return WithFallback(first, second, after_s=3.0)

    with hosting(tmp_path, make_line, BLUEPRINT) as hosted:
        hosted.secret("L1")
        command = [
            *("conformance", "--socket", path, "--device", "L1", "--key", KEY.hex(), "--door", 1),
            *("--door", 2, "--report", report, "--settles", 0.05, "--sends-again", 1.0),
            *("--control", hosted.control, "--https-listen", f"127.0.0.1:{port}"),
            *("--screen", f"{hosted.screens}/L1", "--screen-secret", tmp_path / "L1.screen"),
        ]
        monkeypatch.setattr(sys, "argv", [str(each) for each in command])
        code = main()
    link.close()
    verdicts = {each["rule"]: each["verdict"] for each in json.loads(report.read_text())}
    assert verdicts == {rule.__name__: "pass" for rule in RULES}, capsys.readouterr().out
    assert code == 0


def made_bench(exchange: Exchange, hands: Hands) -> Bench:
    return Bench(
        transport=exchange.connect("ingest"), device="L1", generation=1, key=KEY, doors=(1,), hands=hands,
        patience_s=0.2, sends_again_s=0.1,
    )  # fmt: skip


def test_a_silent_or_lying_device_is_seen() -> None:
    exchange = Exchange()
    bench = made_bench(exchange, Hands())
    with pytest.raises(NotKept, match="nothing was sent again"):
        wire.sends_again_until_acknowledged(bench)
    device = exchange.connect("L1")
    device.publish("lk/L1/up/evt", b'{"v": 9}')
    with pytest.raises(NotKept, match="unreadable"):
        bench.listen(0.2)


def test_what_nobody_can_do_is_not_tried_and_moves_nothing() -> None:
    bench = made_bench(Exchange(), Hands())
    for name in ("tells_how_far_its_clock_is_off", "starts_a_new_boot", "refuses_strange_tokens"):
        rule = next(each for each in RULES if each.__name__ == name)
        (verdict,) = try_rules(bench, [rule])
        assert (verdict.not_tried, verdict.broken) == (True, False)
        assert verdict.line().startswith("not tried ")
    with pytest.raises(NotTried, match="nobody can cut power"):
        bench.hands("cut_power")


def test_hands_by_command_and_by_person(tmp_path: Path) -> None:
    out = tmp_path / "out"
    shell = by_shell({"set_clock": f"sh -c 'echo {{seconds}} > {out}'", "cut_power": "false"})
    shell["set_clock"](600)
    assert out.read_text() == "600\n"
    with pytest.raises(subprocess.CalledProcessError):
        shell["cut_power"]()
    asked: list[str] = []
    person = by_asking(tmp_path, asked.append)
    person["scan"]("A" * 133)
    person["cut_power"]()
    assert (tmp_path / "pickup.png").stat().st_size > 0
    assert [each.split()[0] for each in asked] == ["Scan", "Cut"]


def test_every_rule_stands_in_the_documentation() -> None:
    page = (ROOT / "docs" / "devices.md").read_text()
    told: Callable[[Any], str] = lambda rule: f"| {rule.__name__.replace('_', ' ')} |"  # noqa: E731
    assert [rule.__name__ for rule in RULES if told(rule) not in page] == []
