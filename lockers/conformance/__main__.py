"""Holds any device on the wire against docs/devices.md: plays the server's side and reports per rule.

    python -m lockers.conformance (--socket PATH | --mqtt URL) --device ID --generation N --key HEX --door N
        [--control URL] [--screen URL --screen-secret FILE] [--ask] [--cut-power CMD --give-power CMD] ...

The device must be empty and its server away: this takes the server's place (on a unix socket it owns PATH).
What only somebody at the cabinet can do is done by the simulator's control interface, by a command, over the
cabinet's screen API, or by the person who is asked. Exit code: 0 all rules kept, 1 one was broken, 2 a wrong
call, 3 none was broken and some could not be tried.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import get_args

from lockers.conformance.bench import Bench
from lockers.conformance.fallback import Fallback
from lockers.conformance.hands import Act, Hands, by_asking, by_control, by_screen, by_shell
from lockers.conformance.rules import RULES, Rule
from lockers.conformance.trying import Verdict, try_rules
from lockers.transports.exchange import Exchange
from lockers.transports.loopback import LoopbackServer
from lockers.transports.mqtt import Broker, MqttLine
from lockers.transports.port import Transport

NOT_ALL_TRIED = 3
#: acts that a command can do
BY_COMMAND: tuple[Act, ...] = (
    "push_shut", "cut_power", "give_power", "set_clock", "cut_mqtt", "give_mqtt",
)  # fmt: skip


def main() -> int:
    options = _options()
    transport, close = _transport(options)
    with tempfile.TemporaryDirectory(prefix="conformance-") as folder:
        bench = Bench(
            transport=transport,
            device=options.device,
            generation=options.generation,
            key=bytes.fromhex(options.key),
            doors=tuple(options.door),
            hands=_hands(options, Path(folder)),
            patience_s=options.patience,
            sends_again_s=options.sends_again,
            settles_s=options.settles,
        )
        fallback = _fallback(options, bench)
        try:
            verdicts = _reported(try_rules(bench, _chosen(options.only)))
        finally:
            if fallback is not None:
                fallback.close()
            close()
    if options.report is not None:
        options.report.write_text(json.dumps([each.as_json() for each in verdicts], indent=1) + "\n")
    broken = sum(each.broken for each in verdicts)
    not_tried = sum(each.not_tried for each in verdicts)
    kept = len(verdicts) - broken - not_tried
    print(f"{kept} of {len(verdicts)} rules kept, {broken} broken, {not_tried} not tried")
    return 1 if broken else NOT_ALL_TRIED if not_tried else 0


def _reported(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Each is told as it comes: a run with a person takes a while."""
    told = []
    for each in verdicts:
        print(each.line(), flush=True)
        told.append(each)
    return told


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m lockers.conformance", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    way = parser.add_mutually_exclusive_group(required=True)
    way.add_argument("--socket", type=Path, help="own this unix socket")
    way.add_argument("--mqtt", help="mqtt://ingest:password@host:port")
    parser.add_argument("--device", required=True)
    parser.add_argument("--generation", type=int, default=1)
    parser.add_argument("--key", required=True, help="the device's key, hexadecimal")
    parser.add_argument("--door", type=int, action="append", required=True, help="may be opened; give two")
    parser.add_argument("--control", help="control interface of a simulated cabinet")
    parser.add_argument("--screen", help="the cabinet's screen API: http://127.0.0.1:PORT/DEVICE")
    parser.add_argument("--screen-secret", type=Path, help="file of the screen's secret")
    parser.add_argument("--ask", action="store_true", help="ask the person here for what nothing else does")
    for act in BY_COMMAND:
        parser.add_argument(f"--{act.replace('_', '-')}", help="command; {door}, {seconds} are filled in")
    parser.add_argument("--https-listen", help="HOST:PORT where the device falls back to")
    parser.add_argument("--certificate", type=Path, help="file, for TLS there")
    parser.add_argument("--certificate-key", type=Path)
    parser.add_argument("--patience", type=float, default=15.0, help="seconds to wait for an answer")
    parser.add_argument("--sends-again", type=float, default=5.0, help="after so many seconds it does")
    parser.add_argument("--settles", type=float, default=0.3, help="seconds for what it should not do")
    parser.add_argument("--only", action="append", metavar="RULE", help="after the first rule only these")
    parser.add_argument("--report", type=Path, help="also write the verdicts there, as JSON")
    options = parser.parse_args()
    if (options.screen is None) != (options.screen_secret is None):
        parser.error("--screen and --screen-secret go together")
    unknown = set(options.only or ()) - {rule.__name__ for rule in RULES}
    if unknown:
        parser.error(f"no rule {', '.join(sorted(unknown))}")
    return options


def _chosen(only: list[str] | None) -> tuple[Rule, ...]:
    """The first rule always: it waits until the device is there."""
    return RULES if not only else (RULES[0], *(rule for rule in RULES[1:] if rule.__name__ in only))


def _transport(options: argparse.Namespace) -> tuple[Transport, Callable[[], None]]:
    if options.socket is not None:
        exchange = Exchange()
        server = LoopbackServer(options.socket, exchange)
        return exchange.connect("ingest"), server.close
    line = MqttLine(Broker.from_url(options.mqtt), "conformance")
    line.reopen()
    return line, line.close


def _hands(options: argparse.Namespace, folder: Path) -> Hands:
    """The later of these counts where two can do the same."""
    hands = Hands()
    hands.acts.update({"push_shut": by_asking(folder)["push_shut"]})  # nothing to wait for: the door tells
    if options.ask:
        hands.acts.update(by_asking(folder))
    if options.control:
        hands.acts.update(by_control(options.control, options.device))
    commands: dict[Act, str] = {act: getattr(options, act) for act in BY_COMMAND if getattr(options, act)}
    hands.acts.update(by_shell(commands))
    if options.screen:
        secret = options.screen_secret.read_text().strip()
        hands.acts.update(by_screen(options.screen, secret, hands.acts["push_shut"]))
    assert set(hands.acts) <= set(get_args(Act))
    return hands


def _fallback(options: argparse.Namespace, bench: Bench) -> Fallback | None:
    if options.https_listen is None:
        return None
    host, _, port = options.https_listen.rpartition(":")
    tls = (options.certificate, options.certificate_key) if options.certificate else None
    fallback = Fallback(bench, host or "127.0.0.1", int(port), tls=tls)
    bench.scenes["fallback"] = fallback
    return fallback


if __name__ == "__main__":
    sys.exit(main())
