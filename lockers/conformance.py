"""Holds any device on the wire against docs/devices.md: plays the server's side and reports per rule.

    python -m lockers.conformance (--socket PATH | --mqtt URL) --device ID --generation N --key HEX --door N
        [--control URL]

The device must be empty and its server away: this takes the server's place (on a unix socket it owns PATH).
Someone must push the door shut when asked; for a simulated cabinet `--control` does it. Exit code 1 when a
rule fails.
"""

import argparse
import queue
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import orjson

from lockers.protocol import keys
from lockers.protocol.allocation import AllocationState
from lockers.protocol.codes import LiveGroup, pickup_tag
from lockers.protocol.commands import EXPIRES_AFTER, Action, Command, sign_command
from lockers.protocol.config import Config, Placed, sign_config
from lockers.protocol.envelope import Envelope, decode_batch
from lockers.protocol.errors import EnvelopeError
from lockers.protocol.lockout import FREE_ERRORS
from lockers.protocol.ordering import in_order
from lockers.protocol.parcel import Outcome, judge_opening
from lockers.protocol.policy import DepositPolicy
from lockers.protocol.topics import STATES, UPWARD, Channel, Topic, read_topic
from lockers.transports.exchange import Exchange
from lockers.transports.loopback import LoopbackServer
from lockers.transports.mqtt import Broker, MqttLine
from lockers.transports.port import Message, Transport
from marketplace.kernel import clock

PATIENCE_S = 15.0
CODE, WRONG, GROUP = "13572468", "00000000", 1


class NotKept(Exception):
    """The device breaks the rule; the text says how."""


@dataclass
class Bench:
    """The device under test, as the server hears it."""

    transport: Transport
    device: str
    generation: int
    key: bytes
    door: int
    push_shut: Callable[[int], None]
    heard: list[Envelope] = field(default_factory=list)
    states: dict[Channel, Envelope] = field(default_factory=dict)
    copies: int = 0
    version: int = field(default_factory=lambda: int(clock.wall().timestamp()))

    def __post_init__(self) -> None:
        self._inbox: queue.SimpleQueue[Message] = queue.SimpleQueue()
        for pattern in (UPWARD, STATES):
            self.transport.subscribe(pattern, self._inbox.put)

    def listen(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            try:
                self._take(self._inbox.get(timeout=left))
            except queue.Empty:
                return

    def until(self, true: Callable[[], object], what: str, *, seconds: float | None = None) -> None:
        """Raises NotKept when it does not come true."""
        end = time.monotonic() + (PATIENCE_S if seconds is None else seconds)
        while not true():
            if time.monotonic() > end:
                raise NotKept(what)
            self.listen(0.1)

    def told(self, kind: str, *, tx: str | None = None, after: int = 0) -> list[Envelope]:
        told = [each for each in in_order(self.heard[after:]) if each.type == kind]
        return [each for each in told if tx is None or each.tx == tx]

    def acknowledge(self) -> None:
        for boot in {each.boot for each in self.heard}:
            seqs = {each.seq for each in self.heard if each.boot == boot}
            upto = max(seqs)
            self.send(Channel.ACK, orjson.dumps({"boot": boot, "upto": upto}))

    def order(self, action: Action, *, tx: str | None = None, **changes: Any) -> str:
        now = clock.wall()
        command = Command(
            device=self.device, generation=self.generation, tx=tx or str(uuid4()), action=action,
            actor="conformance", reason="conformance test", issued_at=now, expires_at=now + EXPIRES_AFTER,
            args={"door": self.door, "purpose": "inspect"},
        )  # fmt: skip
        command = replace(command, **changes)
        self.send(Channel.COMMAND, sign_command(command, key=keys.command_key(self.key)))
        return command.tx

    def result(self, tx: str) -> dict[str, Any]:
        self.until(lambda: self.told("cmd.result", tx=tx), "the command was not answered")
        return self.told("cmd.result", tx=tx)[0].body

    def configure(self, *placed: Placed, version: int | None = None) -> None:
        self.version += 1
        last = max((each.key[1:] for each in self.heard), default=(0, 0))
        config = Config(self.device, self.generation, version or self.version, last, placed=placed)
        payload = sign_config(config, key=keys.command_key(self.key))
        self.send(Channel.CONFIG, payload)

    def send(self, channel: Channel, payload: bytes) -> None:
        retain = channel is Channel.CONFIG
        self.transport.publish(str(Topic(self.device, channel)), payload, retain=retain)

    def _take(self, message: Message) -> None:
        self.transport.acknowledge(message)
        try:
            topic, envelopes = read_topic(message.topic), decode_batch(message.payload)
        except EnvelopeError as error:
            raise NotKept(f"unreadable on {message.topic}: {error}") from None
        if topic.device != self.device:
            return
        for each in envelopes:
            if each.dev != self.device:
                raise NotKept(f"speaks for {each.dev}")
            if topic.channel in (Channel.TELEMETRY, Channel.EVENTS):
                self.copies += each.key in {known.key for known in self.heard}
                self.heard.append(each)
            else:
                self.states[topic.channel] = each


# -- the rules, in the order in which they can be tried -----------------------------------------------------


def says_that_it_lives(bench: Bench) -> None:
    """Connection, doors and heartbeat are told; journalled messages start with `boot`."""
    wanted = {Channel.CONNECTION, Channel.DOORS, Channel.HEARTBEAT}
    bench.until(
        lambda: wanted <= set(bench.states), "state/conn, state/doors or up/hb is missing", seconds=60
    )
    bench.until(lambda: bench.told("boot"), "no boot message")


def numbers_without_holes(bench: Bench) -> None:
    """Within a boot `seq` grows by one."""
    bench.listen(1.0)
    boot = max(each.boot for each in bench.heard)
    seqs = sorted({each.seq for each in bench.heard if each.boot == boot})
    if seqs != list(range(seqs[0], seqs[-1] + 1)):
        raise NotKept(f"holes among {seqs[:20]}")


def sends_again_until_acknowledged(bench: Bench) -> None:
    """Unacknowledged messages come again after 5 s, the same under the same number."""
    copies = bench.copies
    bench.until(lambda: bench.copies > copies, "nothing was sent again")
    bodies: dict[tuple[str, int, int], Envelope] = {}
    for each in bench.heard:
        if bodies.setdefault(each.key, each) != each:
            raise NotKept(f"two messages under {each.key}")


def forgets_what_is_acknowledged(bench: Bench) -> None:
    """After `down/ack` nothing up to it comes again."""
    bench.acknowledge()
    bench.listen(1.0)
    copies = bench.copies
    bench.acknowledge()
    bench.listen(8.0)
    if bench.copies > copies:
        raise NotKept("acknowledged messages came again")


def opens_once_per_tx(bench: Bench) -> None:
    """The same tx five times pulses once; pulse and opening are two messages; closed follows under the tx."""
    tx = str(uuid4())
    for _ in range(5):
        bench.order(Action.OPEN, tx=tx)
    if bench.result(tx)["result"] != "done":
        raise NotKept(f"result {bench.result(tx)}")
    bench.push_shut(bench.door)
    bench.until(lambda: bench.told("door.closed", tx=tx), "no door.closed under the tx")
    bench.listen(1.0)
    if len(bench.told("door.pulsed", tx=tx)) != 1:
        raise NotKept(f"pulsed {len(bench.told('door.pulsed', tx=tx))} times")
    if judge_opening(bench.heard, tx=tx, door=bench.door) is not Outcome.DONE:
        raise NotKept("opened and closed cannot be told from its messages")


def refuses_stale_orders(bench: Bench) -> None:
    """An expired order, and one issued before the start, open nothing and say so."""
    past = clock.wall() - timedelta(seconds=60)
    stale: list[dict[str, Any]] = [{"expires_at": past}, {"issued_at": past - timedelta(days=400)}]
    for changes in stale:
        tx = bench.order(Action.OPEN, **changes)
        if bench.result(tx)["result"] != "refused" or bench.told("door.pulsed", tx=tx):
            raise NotKept(f"obeyed with {changes}")


def refuses_strange_orders(bench: Bench) -> None:
    """Another generation, another device, a broken mac: nothing moves."""
    before = len(bench.heard)
    bench.order(Action.OPEN, generation=bench.generation + 1)
    bench.order(Action.OPEN, device="somebody-else")
    bench.send(Channel.COMMAND, b'{"v":1,"mac":"00"}')
    bench.listen(3.0)
    if bench.told("door.pulsed", after=before):
        raise NotKept("a door was pulsed")


def applies_newer_configurations_only(bench: Bench) -> None:
    """Confirms a version once and leaves an older one alone."""
    bench.configure()
    version = bench.version
    applied = [version]
    bench.until(
        lambda: [e for e in bench.told("cfg.applied") if e.body["version"] == version], "not confirmed"
    )
    bench.configure(version=version - 1)
    bench.listen(2.0)
    versions = [each.body["version"] for each in bench.told("cfg.applied")]
    if versions[-1:] != applied:
        raise NotKept(f"confirmed {versions}")


def checks_codes_by_tags(bench: Bench) -> None:
    """A right code opens its door and only that; a wrong one opens none; both are told."""
    _lay_parcel(bench)
    wrong = bench.order(Action.TRY_CODE, args={"code": WRONG})
    bench.until(lambda: bench.told("code.attempt", tx=wrong), "a wrong code is not told")
    if bench.told("door.pulsed", tx=wrong):
        raise NotKept("a wrong code opened a door")
    right = bench.order(Action.TRY_CODE, args={"code": CODE})
    bench.until(lambda: bench.told("door.opened", tx=right), "the right code opened nothing")
    bench.push_shut(bench.door)
    bench.until(lambda: bench.told("door.closed", tx=right), "no door.closed under the tx of the code")
    if {each.body["door"] for each in bench.told("door.pulsed", tx=right)} != {bench.door}:
        raise NotKept("another door was pulsed")
    again = bench.order(Action.TRY_CODE, args={"code": CODE})
    bench.until(lambda: bench.told("code.attempt", tx=again), "a used code is not told")
    if bench.told("door.pulsed", tx=again):
        raise NotKept("the code worked twice")


def locks_out_and_still_opens_by_order(bench: Bench) -> None:
    """After the free errors the right code waits too; an opening by the station does not."""
    _lay_parcel(bench)
    for _ in range(FREE_ERRORS + 1):
        bench.order(Action.TRY_CODE, args={"code": WRONG})
    bench.until(lambda: bench.told("lockout"), "no lockout message")
    locked = bench.order(Action.TRY_CODE, args={"code": CODE})
    bench.listen(3.0)
    if bench.told("door.pulsed", tx=locked):
        raise NotKept("the locked keypad took a code")
    assisted = bench.order(Action.OPEN, args={"door": bench.door, "purpose": "assist"})
    if bench.result(assisted)["result"] not in ("done", "already_open"):
        raise NotKept("the station could not open")
    bench.push_shut(bench.door)


RULES: tuple[Callable[[Bench], None], ...] = (
    says_that_it_lives,
    numbers_without_holes,
    sends_again_until_acknowledged,
    forgets_what_is_acknowledged,
    opens_once_per_tx,
    refuses_stale_orders,
    refuses_strange_orders,
    applies_newer_configurations_only,
    checks_codes_by_tags,
    locks_out_and_still_opens_by_order,
)


def try_rules(bench: Bench) -> Iterator[tuple[str, str | None]]:
    """(rule, None or how it was broken), one by one; a later rule may depend on an earlier one."""
    for rule in RULES:
        try:
            rule(bench)
        except NotKept as broken:
            yield rule.__name__, str(broken)
        else:
            yield rule.__name__, None


def _lay_parcel(bench: Bench) -> None:
    tag = pickup_tag(keys.tag_key(bench.key), code=CODE, group=GROUP, counter=0)
    parcel = Placed(
        allocation=str(uuid4()),
        group=LiveGroup(GROUP, 0, tag),
        state=AllocationState.LOADED,
        door=bench.door,
        collect_until=clock.now() + timedelta(days=3650),
        policy=DepositPolicy(consent=True),
    )
    bench.configure(parcel)
    version = bench.version
    bench.until(
        lambda: [e for e in bench.told("cfg.applied") if e.body["version"] == version], "not confirmed"
    )


def main() -> int:
    options = _options()
    transport, close = _transport(options)
    bench = Bench(
        transport=transport,
        device=options.device,
        generation=options.generation,
        key=bytes.fromhex(options.key),
        door=options.door,
        push_shut=_by_control(options) if options.control else _by_hand,
    )
    failed = 0
    try:
        for rule, broken in try_rules(bench):
            failed += broken is not None
            verdict = f"FAIL  {rule}: {broken}" if broken else f"pass  {rule}"
            print(verdict.replace("_", " "), flush=True)
    finally:
        close()
    print(f"{len(RULES) - failed} of {len(RULES)} rules kept")
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m lockers.conformance", description=__doc__)
    way = parser.add_mutually_exclusive_group(required=True)
    way.add_argument("--socket", type=Path, help="own this unix socket")
    way.add_argument("--mqtt", help="mqtt://ingest:password@host:port")
    parser.add_argument("--device", required=True)
    parser.add_argument("--generation", type=int, default=1)
    parser.add_argument("--key", required=True, help="the device's key, hexadecimal")
    parser.add_argument("--door", type=int, required=True, help="a door that may be opened")
    parser.add_argument("--control", help="control interface of a simulated cabinet")
    return parser.parse_args()


def _transport(options: argparse.Namespace) -> tuple[Transport, Callable[[], None]]:
    if options.socket is not None:
        exchange = Exchange()
        server = LoopbackServer(options.socket, exchange)
        return exchange.connect("ingest"), server.close
    line = MqttLine(Broker.from_url(options.mqtt), "conformance")
    line.reopen()
    return line, line.close


def _by_control(options: argparse.Namespace) -> Callable[[int], None]:
    def push_shut(door: int) -> None:
        url = f"{options.control}/cabinets/{options.device}/doors/{door}/shut"
        httpx.post(url, json={}, trust_env=False).raise_for_status()

    return push_shut


def _by_hand(door: int) -> None:
    print(f"      push door {door} shut", flush=True)


if __name__ == "__main__":
    sys.exit(main())
