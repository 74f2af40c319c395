"""A cabinet in the hand: its own world clock, a line to an exchange, and a server's side that tests play."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lockers.protocol import keys
from lockers.protocol.allocation import AllocationState, Cell
from lockers.protocol.codes import LiveGroup, pickup_code, pickup_tag
from lockers.protocol.commands import EXPIRES_AFTER, Action, Command, sign_command
from lockers.protocol.config import Config, Placed, sign_config
from lockers.protocol.envelope import Envelope, decode_batch
from lockers.protocol.ordering import in_order
from lockers.protocol.policy import DepositPolicy
from lockers.protocol.topics import Channel, Topic, read_topic
from lockers.simulator.blueprint import Blueprint
from lockers.simulator.cabinet import Cabinet
from lockers.simulator.clocks import WorldClock
from lockers.transports.exchange import Exchange
from lockers.transports.port import Message
from marketplace.kernel.temperature import Band
from marketplace.kernel.units import Size

AT = datetime(2026, 11, 23, 5, tzinfo=UTC)
ROOT, CODE_KEY = b"r" * 32, b"c" * 32
KEY = keys.locker_key(ROOT, device="L1", generation=1)
SIGNER = Ed25519PrivateKey.from_private_bytes(b"q" * 32)
CHILLED = Band(2, 8)
CELLS = tuple(
    Cell(door, size, "chilled", CHILLED)
    for door, size in enumerate([Size.S, Size.S, Size.M, Size.L], start=1)
)
BLUEPRINT = Blueprint(
    device="L1", generation=1, key=KEY, cells=CELLS, cooled={"chilled": 4.0},
    qr_keys=(SIGNER.public_key().public_bytes_raw(),),
)  # fmt: skip


@dataclass
class Time:
    """Wall and monotonic time of a test: they move when told."""

    wall_at: datetime = AT
    mono_s: float = 1000.0

    def passes(self, seconds: float) -> None:
        self.wall_at += timedelta(seconds=seconds)
        self.mono_s += seconds


def code(group: int, counter: int = 0) -> str:
    return pickup_code(CODE_KEY, group=group, counter=counter)


def placed(allocation: str, *, group: int, door: int | None, counter: int = 0, **changes: Any) -> Placed:
    tag = pickup_tag(keys.tag_key(KEY), code=code(group, counter), group=group, counter=counter)
    made = Placed(
        allocation=allocation, group=LiveGroup(group, counter, tag), state=AllocationState.LOADED, door=door,
        collect_until=AT + timedelta(hours=24), policy=DepositPolicy(consent=True),
    )  # fmt: skip
    return replace(made, **changes)


@dataclass
class Server:
    """The server's side: keeps every message it hears, acknowledges when told."""

    exchange: Exchange
    time: Time
    heard: list[Envelope] = field(default_factory=list)
    states: dict[str, Envelope] = field(default_factory=dict)
    versions: int = 0

    def __post_init__(self) -> None:
        self.end = self.exchange.connect("ingest")
        self.end.subscribe("lk/+/up/#", self._hear)
        self.end.subscribe("lk/+/state/+", self._hear)

    def _hear(self, message: Message) -> None:
        channel = read_topic(message.topic).channel
        for envelope in decode_batch(message.payload):
            if channel in (Channel.TELEMETRY, Channel.EVENTS):
                self.heard.append(envelope)
            else:
                self.states[channel] = envelope

    @property
    def told(self) -> list[Envelope]:
        return in_order(self.heard)

    def kinds(self) -> list[str]:
        return [each.type for each in self.told if each.type != "reading"]

    def last(self, kind: str) -> Envelope:
        return [each for each in self.told if each.type == kind][-1]

    def acknowledge(self) -> None:
        for boot in {each.boot for each in self.heard}:
            upto = max(each.seq for each in self.heard if each.boot == boot)
            self.send(Channel.ACK, orjson.dumps({"boot": boot, "upto": upto}))

    def send(self, channel: Channel, payload: bytes) -> None:
        self.end.publish(str(Topic("L1", channel)), payload, retain=channel is Channel.CONFIG)

    def configure(self, *allocations: Placed, known: tuple[int, int] = (9, 9), **changes: Any) -> None:
        self.versions += 1
        config = Config(
            device="L1", generation=1, version=self.versions, known=known, cells=CELLS, placed=allocations,
            qr_keys=BLUEPRINT.qr_keys,
        )  # fmt: skip
        self.send(Channel.CONFIG, sign_config(replace(config, **changes), key=keys.command_key(KEY)))

    def command(self, action: Action, *, tx: str = "tx1", **changes: Any) -> None:
        args = changes.pop("args", {"door": 1, "purpose": "inspect"})
        command = Command(
            device="L1", generation=1, tx=tx, action=action, actor="user:7", reason="test",
            issued_at=self.time.wall_at, expires_at=self.time.wall_at + EXPIRES_AFTER, args=args,
        )  # fmt: skip
        self.send(Channel.COMMAND, sign_command(replace(command, **changes), key=keys.command_key(KEY)))


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def server(time: Time) -> Server:
    return Server(Exchange(seconds=lambda: time.mono_s), time)


@pytest.fixture
def put_up(tmp_path: Path, time: Time, server: Server) -> Iterator[Callable[[], Cabinet]]:
    """Makes the cabinet L1 as a fresh process would; the journal stays where it was."""
    made: list[Cabinet] = []

    def put_up() -> Cabinet:
        if made:
            made[-1].uplink.line.drop()  # type: ignore[union-attr]
            made[-1].close()
        world = WorldClock(wall=lambda: time.wall_at, seconds=lambda: time.mono_s)
        cabinet = Cabinet(BLUEPRINT, tmp_path, world)
        cabinet.attach(server.exchange.line("L1", on_connect=lambda: cabinet.joined()), cabinet.receive)
        cabinet.power_on()
        made.append(cabinet)
        return cabinet

    yield put_up
    for cabinet in made[-1:]:
        cabinet.close()


@pytest.fixture
def cabinet(put_up: Callable[[], Cabinet]) -> Cabinet:
    return put_up()
