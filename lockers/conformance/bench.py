"""The device under test, as the server hears it, and what the server can tell it."""

import queue
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lockers.conformance.hands import Hands
from lockers.protocol import keys
from lockers.protocol.allocation import AllocationState
from lockers.protocol.codes import LiveGroup, pickup_tag
from lockers.protocol.commands import EXPIRES_AFTER, Action, Command, sign_command
from lockers.protocol.config import Config, Placed, sign_config
from lockers.protocol.envelope import Envelope, decode_batch
from lockers.protocol.errors import EnvelopeError
from lockers.protocol.ordering import in_order
from lockers.protocol.policy import DepositPolicy
from lockers.protocol.topics import STATES, UPWARD, Channel, Topic, read_topic
from lockers.transports.port import Message, Transport
from marketplace.kernel import clock

CODE, WRONG, GROUP = "13572468", "00000000", 1
FAR = timedelta(days=3650)


class NotKept(Exception):
    """The device breaks the rule; the text says how."""


@dataclass
class Posted:
    """One request over HTTPS, answered once its messages were taken in."""

    messages: list[Message]
    answer: "Future[dict[str, Any]]" = field(default_factory=Future)


@dataclass
class Bench:
    """`doors`: that may be opened, the first for nearly everything. `patience_s`: for an answer."""

    transport: Transport
    device: str
    generation: int
    key: bytes
    doors: tuple[int, ...]
    hands: Hands
    patience_s: float = 15.0
    sends_again_s: float = 5.0
    #: after the answer to an order that was sent last, a device has this long for what it should not do
    settles_s: float = 0.3
    #: acknowledge what comes in at once; rules about sending again switch it off
    acknowledging: bool = False
    heard: list[Envelope] = field(default_factory=list)
    states: dict[Channel, Envelope] = field(default_factory=dict)
    came: dict[Channel, datetime] = field(default_factory=dict)
    retained: set[Channel] = field(default_factory=set)
    copies: int = 0
    again: set[tuple[str, int, int]] = field(default_factory=set)  # keys heard more than once
    version: int = field(default_factory=lambda: int(clock.wall().timestamp()))
    signer: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    #: what the answer to the next request over HTTPS carries down
    down: list[tuple[Channel, bytes]] = field(default_factory=list)
    #: what several rules judge and only one brings about
    scenes: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._inbox: queue.SimpleQueue[Message | Posted] = queue.SimpleQueue()
        self._known: dict[tuple[str, int, int], Envelope] = {}
        for pattern in (UPWARD, STATES):
            self.transport.subscribe(pattern, self._inbox.put)

    @property
    def door(self) -> int:
        return self.doors[0]

    # -- hearing -----------------------------------------------------------------------------------------

    def post(self, posted: Posted) -> None:
        """From the HTTPS server's thread."""
        self._inbox.put(posted)

    def subscribe_anew(self) -> None:
        """As one who comes later: the retained states are given out again."""
        self.retained.clear()
        self.transport.subscribe(STATES, self._inbox.put)

    def listen(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            try:
                waiting = self._inbox.get(timeout=left)
            except queue.Empty:
                return
            if isinstance(waiting, Message):
                self.transport.acknowledge(waiting)
                self._take(waiting)
                if self.acknowledging:
                    self.acknowledge()
            else:
                self._answer(waiting)

    def until(self, true: Callable[[], object], what: str, *, seconds: float | None = None) -> None:
        """Raises NotKept when it does not come true."""
        end = time.monotonic() + (self.patience_s if seconds is None else seconds)
        while not true():
            if time.monotonic() > end:
                raise NotKept(what)
            self.listen(0.05)

    def settle(self) -> None:
        """A last order was answered: what was ordered or typed before it has had its effects."""
        self.result(self.order(Action.REPORT, args={}))
        self.listen(self.settles_s)

    def told(self, kind: str, *, tx: str | None = None, after: int = 0) -> list[Envelope]:
        told = [each for each in in_order(self.heard[after:]) if each.type == kind]
        return [each for each in told if tx is None or each.tx == tx]

    def pulsed(self, *, tx: str | None = None, after: int = 0) -> set[int]:
        """The doors whose locks were pulsed."""
        return {each.body.get("door", 0) for each in self.told("door.pulsed", tx=tx, after=after)}

    def result(self, tx: str) -> dict[str, Any]:
        self.until(lambda: self.told("cmd.result", tx=tx), "the command was not answered")
        return self.told("cmd.result", tx=tx)[0].body

    @property
    def boot(self) -> int:
        return max((each.boot for each in self.heard), default=0)

    def _take(self, message: Message) -> None:
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
                self._keep(each)
            else:
                self.states[topic.channel] = each
                self.came[topic.channel] = clock.wall()
                if message.retained:
                    self.retained.add(topic.channel)

    def _keep(self, envelope: Envelope) -> None:
        """Raises NotKept for a second message under a known number."""
        known = self._known.setdefault(envelope.key, envelope)
        if known is envelope:
            self.heard.append(envelope)
            return
        self.copies += 1
        self.again.add(envelope.key)
        if known != envelope:
            raise NotKept(f"two messages under {envelope.key}")

    def _answer(self, posted: Posted) -> None:
        try:
            for message in posted.messages:
                self._take(message)
        except NotKept as broken:
            posted.answer.set_exception(broken)
            raise
        down, self.down = self.down, []
        acks = [{"boot": boot, "upto": upto} for boot, upto in self._marks().items()]
        waiting = [{"channel": channel.value, "payload": orjson.loads(payload)} for channel, payload in down]
        posted.answer.set_result({"acks": acks, "down": waiting})

    # -- telling -----------------------------------------------------------------------------------------

    def acknowledge(self) -> None:
        for boot, upto in self._marks().items():
            self.send(Channel.ACK, orjson.dumps({"boot": boot, "upto": upto}))

    def _marks(self) -> dict[int, int]:
        """The last of each boot up to which nothing is missing, from the first heard on."""
        marks: dict[int, int] = {}
        for _, boot, seq in sorted(self._known):
            if seq == marks.setdefault(boot, seq - 1) + 1:
                marks[boot] = seq
        return marks

    def order(
        self, action: Action, *, tx: str | None = None, over_https: bool = False, **changes: Any
    ) -> str:
        now = clock.wall()
        command = Command(
            device=self.device, generation=self.generation, tx=tx or str(uuid4()), action=action,
            actor="conformance", reason="conformance test", issued_at=now, expires_at=now + EXPIRES_AFTER,
            args={"door": self.door, "purpose": "inspect"},
        )  # fmt: skip
        command = replace(command, **changes)
        payload = sign_command(command, key=keys.command_key(self.key))
        if over_https:
            self.down.append((Channel.COMMAND, payload))
        else:
            self.send(Channel.COMMAND, payload)
        return command.tx

    def try_code(self, digits: str) -> str:
        """As a phone does; its tx, once the device has told of the attempt or refused it."""
        tx = self.order(Action.TRY_CODE, args={"code": digits})
        self.until(
            lambda: self.told("code.attempt", tx=tx) or self.told("cmd.result", tx=tx),
            "an attempt is not told",
        )
        return tx

    def configure(
        self, *placed: Placed, version: int | None = None, qr_keys: tuple[bytes, ...] | None = None,
        blocked: frozenset[int] = frozenset(),
    ) -> None:  # fmt: skip
        """A new configuration, confirmed; with `version` that one, sent and not waited for."""
        self.version += 1
        last = max((each.key[1:] for each in self.heard), default=(0, 0))
        public = (self.signer.public_key().public_bytes_raw(),) if qr_keys is None else qr_keys
        config = Config(
            self.device, self.generation, version or self.version, last, placed=placed, qr_keys=public,
            blocked=blocked,
        )  # fmt: skip
        self.send(Channel.CONFIG, sign_config(config, key=keys.command_key(self.key)))
        if version is None:
            self.until(
                lambda: [e for e in self.told("cfg.applied") if e.body.get("version") == self.version],
                "the configuration was not confirmed",
            )

    def send(self, channel: Channel, payload: bytes) -> None:
        retain = channel is Channel.CONFIG
        self.transport.publish(str(Topic(self.device, channel)), payload, retain=retain)

    # -- parcels -----------------------------------------------------------------------------------------

    def parcel(self, *, code: str = CODE, group: int = GROUP, counter: int = 0, **changes: Any) -> Placed:
        """A parcel that lies behind the door, unless `changes` say otherwise."""
        tag = pickup_tag(keys.tag_key(self.key), code=code, group=group, counter=counter)
        made = Placed(
            allocation=str(uuid4()),
            group=LiveGroup(group, counter, tag),
            state=AllocationState.LOADED,
            door=self.door,
            collect_until=clock.wall() + FAR,
            policy=DepositPolicy(consent=True),
        )
        return replace(made, **changes)

    def collected(self, tx: str, door: int | None = None) -> None:
        """Push the door that `tx` opened shut, and wait until the device says so. Raises NotKept."""
        number = self.door if door is None else door
        self.until(lambda: self.told("door.opened", tx=tx), "nothing opened")
        self.hands("push_shut", number)
        self.until(lambda: self.told("door.closed", tx=tx), "no door.closed under the tx")
