"""The embedded exchange: sessions, retained messages and re-delivery, in memory, without a broker process.

It lives in the ingest process, which joins by `connect` directly; cabinets join through the loopback socket.
Nothing here survives the process: what must not be lost is in the devices' journals and in PostgreSQL.
"""

import itertools
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from lockers.transports.port import Into, Message, TransportError, Will, matches

SESSION_KEPT_S = 24 * 3600.0
QUEUE_LIMIT = 10_000


@dataclass(slots=True)
class _Waiting:
    topic: str
    payload: bytes
    retained: bool
    expires_at_s: float | None
    receipt: int


@dataclass(slots=True)
class _Session:
    """What is kept of a client between its connections."""

    subscriptions: dict[str, Into | None] = field(default_factory=dict)
    waiting: deque[_Waiting] = field(default_factory=deque)
    unacknowledged: dict[int, _Waiting] = field(default_factory=dict)
    end: "End | None" = None
    left_at_s: float = 0.0


class Exchange:
    """`seconds` is a monotonic clock; message expiry and the end of sessions are wire time."""

    def __init__(self, *, seconds: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._lock = threading.RLock()
        self._sessions: dict[str, _Session] = {}
        self._retained: dict[str, bytes] = {}
        self._receipts = itertools.count(1)

    def connect(
        self, client: str, *, will: Will | None = None, on_connect: Callable[[], None] = lambda: None
    ) -> "End":
        end = self.line(client, on_connect=on_connect)
        end.reopen(will)
        return end

    def line(self, client: str, *, on_connect: Callable[[], None] = lambda: None) -> "End":
        """An end that is not yet connected."""
        return End(self, client, on_connect)

    def _join(self, end: "End") -> None:
        """A second connection under the same name throws the first out, its will included."""
        with self._lock:
            self._forget_old_sessions()
            session = self._sessions.setdefault(end.client, _Session())
            if session.end is not None:
                self._leave(session.end, orderly=False)
            session.end = end
            session.subscriptions = dict.fromkeys(session.subscriptions)
            session.waiting.extendleft(reversed(session.unacknowledged.values()))
            session.unacknowledged.clear()
            for pattern, into in end.subscriptions.items():
                self._subscribe(end, pattern, into)

    def clients(self) -> frozenset[str]:
        """Who is connected."""
        with self._lock:
            return frozenset(name for name, session in self._sessions.items() if session.end is not None)

    def _publish(
        self, topic: str, payload: bytes, *, qos: int, retain: bool, expires_in_s: float | None
    ) -> None:
        with self._lock:
            if retain:
                self._retained[topic] = payload
                if not payload:
                    del self._retained[topic]
            expires_at_s = None if expires_in_s is None else self._seconds() + expires_in_s
            for session in self._sessions.values():
                pattern = next((each for each in session.subscriptions if matches(each, topic)), None)
                if pattern is not None:
                    self._offer(session, topic, payload, qos=qos, expires_at_s=expires_at_s)

    def _offer(
        self, session: _Session, topic: str, payload: bytes, *, qos: int, expires_at_s: float | None
    ) -> None:
        if qos == 0:
            into = self._into(session, topic)
            if into is not None:
                into(Message(topic, payload))
        elif len(session.waiting) < QUEUE_LIMIT:  # beyond it a journalled message comes again by itself
            session.waiting.append(_Waiting(topic, payload, False, expires_at_s, next(self._receipts)))
            self._deliver(session)

    def _subscribe(self, end: "End", pattern: str, into: Into) -> None:
        with self._lock:
            session = self._session_of(end)
            session.subscriptions[pattern] = into
            for topic, payload in self._retained.items():
                if matches(pattern, topic):
                    session.waiting.append(_Waiting(topic, payload, True, None, next(self._receipts)))
            self._deliver(session)

    def _deliver(self, session: _Session) -> None:
        """Hand over what waits and has a subscriber, oldest first; the rest waits on."""
        kept: deque[_Waiting] = deque()
        while session.waiting:
            each = session.waiting.popleft()
            if each.expires_at_s is not None and each.expires_at_s <= self._seconds():
                continue
            into = self._into(session, each.topic)
            if into is None:
                kept.append(each)
                continue
            session.unacknowledged[each.receipt] = each
            into(Message(each.topic, each.payload, each.retained, each.receipt))
        session.waiting = kept

    def _into(self, session: _Session, topic: str) -> Into | None:
        if session.end is None:
            return None
        return next(
            (into for pattern, into in session.subscriptions.items() if into and matches(pattern, topic)),
            None,
        )

    def _acknowledge(self, end: "End", receipt: int) -> None:
        with self._lock:
            self._session_of(end).unacknowledged.pop(receipt, None)

    def _leave(self, end: "End", *, orderly: bool) -> None:
        with self._lock:
            session = self._sessions.get(end.client)
            if session is None or session.end is not end:
                return
            session.end, session.left_at_s = None, self._seconds()
            if end.will is not None and not orderly:
                self._publish(end.will.topic, end.will.payload, qos=1, retain=True, expires_in_s=None)

    def _session_of(self, end: "End") -> _Session:
        session = self._sessions.get(end.client)
        if session is None or session.end is not end:
            raise TransportError(f"{end.client} is not connected")
        return session

    def _forget_old_sessions(self) -> None:
        oldest_s = self._seconds() - SESSION_KEPT_S
        for name in [n for n, s in self._sessions.items() if s.end is None and s.left_at_s < oldest_s]:
            del self._sessions[name]


class End:
    """One client's end: a Line."""

    def __init__(self, exchange: Exchange, client: str, on_connect: Callable[[], None]) -> None:
        self._exchange, self.client, self._on_connect = exchange, client, on_connect
        self.will: Will | None = None
        self.subscriptions: dict[str, Into] = {}

    @property
    def connected(self) -> bool:
        session = self._exchange._sessions.get(self.client)
        return session is not None and session.end is self

    def reopen(self, will: Will | None = None) -> None:
        self.will = will
        self._exchange._join(self)
        self._on_connect()

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int = 1,
        retain: bool = False,
        expires_in_s: float | None = None,
    ) -> None:
        if not self.connected:
            raise TransportError(f"{self.client} is not connected")
        self._exchange._publish(topic, payload, qos=qos, retain=retain, expires_in_s=expires_in_s)

    def subscribe(self, pattern: str, into: Into) -> None:
        self.subscriptions[pattern] = into
        if self.connected:
            self._exchange._subscribe(self, pattern, into)

    def acknowledge(self, message: Message) -> None:
        if message.receipt is not None:
            self._exchange._acknowledge(self, message.receipt)

    def close(self) -> None:
        self._exchange._leave(self, orderly=True)

    def drop(self) -> None:
        self._exchange._leave(self, orderly=False)
