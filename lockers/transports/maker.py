"""A maker's HTTP interface as a transport (docs/maker-http.md): calls to its platform, events by webhook.

Cabinets whose firmware speaks our wire are reached through the platform, which passes messages on as they
are. Plain cabinets open on order and report what their doors did; their orders and reports are translated.

A webhook is answered at once; an event is taken when it was acknowledged here, which the server does after
its commit, and the platform is told so by a call. It sends again what was not taken. Tried against the local
double only (lockers/simulator/maker.py), with no vendor.
"""

import base64
import binascii
import contextlib
import itertools
import secrets
import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson
import structlog

from lockers.protocol import maker
from lockers.protocol.envelope import encode, encode_batch
from lockers.protocol.errors import Malformed, ProtocolError, Refused
from lockers.protocol.topics import Channel, Topic, read_topic
from lockers.transports.port import Into, Message, TransportError, matches
from marketplace.kernel import clock

log = structlog.get_logger()
HOOK = "/maker/events"
TIMEOUT_S = 20.0
RETRY_S = 2.0
ASK_EVERY_S = 60.0  # plain cabinets for their doors: nothing else tells that they are there
BODY_LIMIT_BYTES = 1024 * 1024
_KEPT_BY_THE_PLATFORM = frozenset({Channel.ACK, Channel.CONFIG})


@dataclass(frozen=True, slots=True)
class Platform:
    """Where and as whom. `carries`: whose events are believed; None for all, in trials."""

    url: str
    call_key: bytes
    hook_key: bytes
    carries: Collection[str] | None = None


class MakerLine:
    """The server's end. `listen`: (host, port) of the webhook; `public_url`: how the platform reaches it."""

    def __init__(
        self, platform: Platform, *, listen: tuple[str, int] = ("127.0.0.1", 0), public_url: str | None = None
    ) -> None:
        self._platform = platform
        self._checked = maker.Checked(platform.hook_key)
        self._client = httpx.Client(timeout=TIMEOUT_S, trust_env=False)
        self._subscriptions: dict[str, Into] = {}
        self._receipts = itertools.count(1)
        self._given: dict[int, str] = {}  # receipt -> the event's id
        self._plain: frozenset[str] = frozenset()
        self._hooked = False
        self._asked_at_s = -ASK_EVERY_S
        self._closed = threading.Event()
        self._server = ThreadingHTTPServer(listen, type("Hook", (_Hook,), {"line": self}))
        self._public_url = public_url or f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        threading.Thread(target=self._keep_hooked, name="maker", daemon=True).start()

    @property
    def connected(self) -> bool:
        return self._hooked

    @property
    def subscribed(self) -> bool:
        return self._hooked

    # -- to the platform -------------------------------------------------------------------------------------

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int = 1,
        retain: bool = False,
        expires_in_s: float | None = None,
    ) -> None:
        addressed = read_topic(topic)
        if addressed.device in self._plain:
            self._to_plain(addressed, payload, expires_in_s)
            return
        about = {"device": addressed.device, "channel": addressed.channel.value, "qos": qos, "retain": retain}
        sent = {**about, "ttl_s": expires_in_s, "payload": base64.b64encode(payload).decode()}
        self._call("/send", sent)

    def _to_plain(self, topic: Topic, payload: bytes, expires_in_s: float | None) -> None:
        """A plain cabinet has no configuration, and its platform needs no mark: each report is taken."""
        if topic.channel in _KEPT_BY_THE_PLATFORM:
            return
        command = orjson.loads(payload)
        try:
            opening = maker.as_opening(command)
        except Refused as refused:
            log.warning("maker.not_supported", device=topic.device, why=str(refused))
            return  # unanswered, it expires: the desk sees it as not answered
        about = {"device": topic.device, "door": opening.door, "request": opening.request}
        self._call("/open", {**about, "ttl_s": expires_in_s, "about": opening.about})

    def doors(self, device: str) -> dict[str, Any]:
        """{online, doors: {no: open or closed}} as the platform knows it. Raises TransportError."""
        return self._call("/doors", {"device": device})

    def _call(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Raises TransportError: what is journalled, or pending, goes out again later."""
        content = orjson.dumps(dict(body))
        headers = maker.sign(
            self._platform.call_key, path=path, at=clock.wall(), nonce=secrets.token_hex(8), body=content
        )
        try:
            answer = self._client.post(self._platform.url + path, content=content, headers=headers)
            answer.raise_for_status()
            return dict(answer.json())
        except (httpx.HTTPError, ValueError) as error:
            raise TransportError(f"{path}: {error}") from error

    # -- from the platform -----------------------------------------------------------------------------------

    def subscribe(self, pattern: str, into: Into) -> None:
        self._subscriptions[pattern] = into
        if self._hooked:
            self._hook()

    def acknowledge(self, message: Message) -> None:
        event = self._given.pop(message.receipt, None) if message.receipt is not None else None
        if event is not None:
            with contextlib.suppress(TransportError):  # then it comes again
                self._call("/taken", {"ids": [event]})

    def close(self) -> None:
        """The platform keeps what comes from here on, except what nobody was to wait for."""
        self._closed.set()
        if self._hooked:
            self._hooked = False
            try:
                self._call("/unhook", {"url": self._public_url + HOOK})
            except TransportError as error:
                log.info("maker.unhook_failed", why=str(error))
        self._server.shutdown()
        self._server.server_close()
        self._client.close()

    def _keep_hooked(self) -> None:
        """The first registration, and again whenever the platform has forgotten us."""
        while not self._closed.is_set():
            try:
                if not self._hooked and self._subscriptions:
                    self._hook()
                if self._hooked and time.monotonic() - self._asked_at_s > ASK_EVERY_S:
                    self._asked_at_s = time.monotonic()
                    self._ask_plain()
            except TransportError as error:
                log.warning("maker.away", why=str(error))
            self._closed.wait(RETRY_S if self._subscriptions else 0.01)

    def _hook(self) -> None:
        patterns = list(self._subscriptions)
        answer = self._call("/hook", {"url": self._public_url + HOOK, "patterns": patterns})
        self._plain = frozenset(str(each) for each in answer.get("plain", ()))
        self._hooked = True

    def _ask_plain(self) -> None:
        """The doors of plain cabinets, as their state topics would tell them."""
        carries = self._platform.carries
        for device in sorted(self._plain if carries is None else self._plain.intersection(carries)):
            told = maker.states(device, self.doors(device), at=clock.now())
            for channel, envelope in told:
                self._deliver(Message(str(Topic(device, channel)), encode(envelope), retained=True))

    def take(self, headers: Mapping[str, str], body: bytes) -> None:
        """Hand a webhook's events to whoever subscribed. Raises Malformed, Refused."""
        self._checked.check(headers, path=HOOK, at=clock.wall(), body=body)
        try:
            events = [(str(each["id"]), each) for each in orjson.loads(body)["events"]]
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise Malformed(f"not a webhook: {error!r}") from None
        for id_, event in events:
            self._give(id_, event)

    def _give(self, id_: str, event: Mapping[str, Any]) -> None:
        """Noise and strangers are logged, and stay with the platform."""
        try:
            topic, payload, retained, qos = self._read(event)
        except (ProtocolError, binascii.Error, KeyError, TypeError, ValueError) as error:
            log.warning("maker.unreadable", why=str(error)[:200])
            return
        receipt = next(self._receipts) if qos else None
        if receipt is not None:
            self._given[receipt] = id_
        if not self._deliver(Message(topic, payload, retained, receipt)) and receipt is not None:
            del self._given[receipt]

    def _deliver(self, message: Message) -> bool:
        """False: nobody has subscribed to it."""
        wanted = (into for pattern, into in self._subscriptions.items() if matches(pattern, message.topic))
        into = next(wanted, None)
        if into is not None:
            into(message)
        return into is not None

    def _read(self, event: Mapping[str, Any]) -> tuple[str, bytes, bool, int]:
        device = str(event["device"])
        carries = self._platform.carries
        if carries is not None and device not in carries:
            raise Refused(f"{device} is not carried by this platform", code="wrong_device")
        if "payload" in event:
            topic = read_topic(f"lk/{device}/{event['channel']}")
            payload = base64.b64decode(str(event["payload"]), validate=True)
            return str(topic), payload, bool(event.get("retained")), int(event.get("qos", 1))
        envelopes = maker.reported(device, event)
        return str(Topic(device, Channel.EVENTS)), encode_batch(envelopes), False, 1


class _Hook(BaseHTTPRequestHandler):
    line: MakerLine
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if urlsplit(self.path).path != HOOK or length > BODY_LIMIT_BYTES:
            self._reply(404, {"code": "not_found"})
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            self.line.take(headers, self.rfile.read(length))
        except Malformed as error:
            self._reply(400, {"code": error.code})
        except Refused as error:
            self._reply(403, {"code": error.code})
        else:
            self._reply(200, {})

    def _reply(self, status: int, answer: Mapping[str, Any]) -> None:
        payload = orjson.dumps(dict(answer))
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, format: str, *args: Any) -> None:
        log.debug("maker.hook", line=format % args)
