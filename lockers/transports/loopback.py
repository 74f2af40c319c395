"""The loopback: the exchange over a unix socket, many devices through one connection. The embedded default.

The ingest process owns the socket (mode 0600: whoever may open it may speak for any device). A frame is a
32-bit length, a 16-bit header length, a JSON header and the payload as it is.

    to the server  open {client, will}, close {client}, drop {client}, pub {client, topic, qos, retain},
                   sub {client, pattern}, ack {client, receipt}
    to the client  {client, topic, retained, receipt}
"""

import contextlib
import os
import queue
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson

from lockers.transports.exchange import End, Exchange
from lockers.transports.port import Into, Message, TransportError, Will, matches

_LENGTHS = struct.Struct(">IH")
_FRAME_LIMIT = 1024 * 1024
_RETRY_S = (0.1, 0.2, 0.5, 1.0, 2.0)


class LoopbackServer:
    """Accepts cabinets' processes on `path` and joins them to the exchange until `close`."""

    def __init__(self, path: Path, exchange: Exchange) -> None:
        self._path, self._exchange = path, exchange
        self._listener = _listen(path)
        self._connections: set[socket.socket] = set()
        self._closed = False
        threading.Thread(target=self._accept, name="loopback-accept", daemon=True).start()

    def close(self) -> None:
        self._closed = True
        _shut(self._listener)  # wakes accept()
        for connection in list(self._connections):
            _shut(connection)
        self._path.unlink(missing_ok=True)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # closed
                return
            self._connections.add(connection)
            if self._closed:  # it waited in the backlog
                _shut(connection)
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        ends: dict[str, End] = {}
        outgoing: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        writer = threading.Thread(target=_write_all, args=(connection, outgoing), daemon=True)
        writer.start()
        try:
            for header, payload in _frames(connection):
                self._obey(header, payload, ends, outgoing.put)
        finally:
            for end in ends.values():
                end.drop()
            outgoing.put(None)
            self._connections.discard(connection)
            _shut(connection)

    def _obey(
        self, header: dict[str, Any], payload: bytes, ends: dict[str, End], send: Callable[[bytes], None]
    ) -> None:
        client, verb = str(header["client"]), header["op"]
        if verb == "open" and client in ends and ends[client].connected:
            return
        if verb == "open":
            will = header.get("will")
            ends[client] = self._exchange.connect(
                client, will=Will(will[0], will[1].encode()) if will else None
            )
            return
        end = ends.get(client)
        if end is None:
            return
        # Thrown out by a second connection of the same name: that one speaks now.
        with contextlib.suppress(TransportError):
            if verb == "pub":
                end.publish(header["topic"], payload, qos=header["qos"], retain=header["retain"])
            elif verb == "sub":
                end.subscribe(header["pattern"], lambda message: send(_message(client, message)))
            elif verb == "ack":
                end.acknowledge(Message("", b"", receipt=header["receipt"]))
            elif verb == "close":
                ends.pop(client).close()
            elif verb == "drop":
                ends.pop(client).drop()


class LoopbackLink:
    """The cabinets' side: one socket that reconnects by itself, and any number of devices on it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._ends: dict[str, LoopbackEnd] = {}
        self._closed = threading.Event()
        threading.Thread(target=self._run, name="loopback-link", daemon=True).start()

    def connect(
        self, client: str, *, will: Will | None = None, on_connect: Callable[[], None] = lambda: None
    ) -> "LoopbackEnd":
        """`on_connect` runs on the link's thread at each (re)connection and must only queue."""
        end = self.line(client, on_connect=on_connect)
        end.reopen(will)
        return end

    def line(self, client: str, *, on_connect: Callable[[], None] = lambda: None) -> "LoopbackEnd":
        """An end that is not yet connected."""
        end = LoopbackEnd(self, client, on_connect)
        with self._lock:
            self._ends[client] = end
        return end

    def close(self) -> None:
        self._closed.set()
        with self._lock:
            if self._socket is not None:
                _shut(self._socket)

    def _run(self) -> None:
        tries = 0
        while not self._closed.is_set():
            try:
                connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                connection.connect(str(self._path))
            except OSError:
                connection.close()
                self._closed.wait(_RETRY_S[min(tries, len(_RETRY_S) - 1)])
                tries += 1
                continue
            tries = 0
            self._speak(connection)

    def _speak(self, connection: socket.socket) -> None:
        with self._lock:
            self._socket = connection
            ends = list(self._ends.values())
        for end in ends:
            end._opened()
        try:
            for header, payload in _frames(connection):
                addressed = self._ends.get(header["client"])
                if addressed is not None:
                    addressed._arrived(
                        Message(header["topic"], payload, header["retained"], header["receipt"])
                    )
        finally:
            with self._lock:
                self._socket = None
            _shut(connection)

    def _send(self, header: dict[str, Any], payload: bytes = b"") -> None:
        with self._lock:
            if self._socket is None:
                raise TransportError("the server's socket is away")
            try:
                self._socket.sendall(_frame(header, payload))
            except OSError as error:
                raise TransportError(str(error)) from error


class LoopbackEnd:
    """One device's end on the link: a Line."""

    def __init__(self, link: LoopbackLink, client: str, on_connect: Callable[[], None]) -> None:
        self._link, self.client, self._on_connect = link, client, on_connect
        self._will: Will | None = None
        self._subscriptions: dict[str, Into] = {}
        self._open = False

    @property
    def connected(self) -> bool:
        return self._open and self._link._socket is not None

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int = 1,
        retain: bool = False,
        expires_in_s: float | None = None,
    ) -> None:
        """Upward messages do not expire: `expires_in_s` is for the server's end."""
        if not self._open:
            raise TransportError(f"{self.client} is not connected")
        self._link._send(
            {"op": "pub", "client": self.client, "topic": topic, "qos": qos, "retain": retain}, payload
        )

    def subscribe(self, pattern: str, into: Into) -> None:
        self._subscriptions[pattern] = into
        if not self._open:
            return
        with contextlib.suppress(TransportError):  # while away: `_opened` says it again
            self._link._send({"op": "sub", "client": self.client, "pattern": pattern})

    def acknowledge(self, message: Message) -> None:
        if message.receipt is not None:
            with contextlib.suppress(TransportError):  # then it comes again
                self._link._send({"op": "ack", "client": self.client, "receipt": message.receipt})

    def close(self) -> None:
        self._leave("close")

    def drop(self) -> None:
        self._leave("drop")

    def _leave(self, verb: str) -> None:
        self._open = False
        with contextlib.suppress(TransportError):
            self._link._send({"op": verb, "client": self.client})

    def reopen(self, will: Will | None = None) -> None:
        self._will, self._open = will, True
        if self._link._socket is not None:
            self._opened()

    def _opened(self) -> None:
        if not self._open:
            return
        will = [self._will.topic, self._will.payload.decode()] if self._will else None
        with contextlib.suppress(TransportError):  # lost again: the link reconnects and calls anew
            self._link._send({"op": "open", "client": self.client, "will": will})
            for pattern in list(self._subscriptions):
                self._link._send({"op": "sub", "client": self.client, "pattern": pattern})
            self._on_connect()

    def _arrived(self, message: Message) -> None:
        into = next(
            (into for pattern, into in self._subscriptions.items() if matches(pattern, message.topic)), None
        )
        if self._open and into is not None:
            into(message)


def _listen(path: Path) -> socket.socket:
    """A socket left by a killed process is replaced; a living one is not."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.connect(str(path))
        listener.close()
        raise TransportError(f"another process listens on {path}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(before)
    listener.listen()
    return listener


def _message(client: str, message: Message) -> bytes:
    header = {
        "client": client,
        "topic": message.topic,
        "retained": message.retained,
        "receipt": message.receipt,
    }
    return _frame(header, message.payload)


def _frame(header: dict[str, Any], payload: bytes) -> bytes:
    head = orjson.dumps(header)
    return _LENGTHS.pack(_LENGTHS.size - 4 + len(head) + len(payload), len(head)) + head + payload


def _frames(connection: socket.socket) -> Iterator[tuple[dict[str, Any], bytes]]:
    """(header, payload) until the line ends, or says something that is no frame."""
    with contextlib.suppress(OSError), connection.makefile("rb") as stream:
        while len(lengths := stream.read(_LENGTHS.size)) == _LENGTHS.size:
            total, head = _LENGTHS.unpack(lengths)
            rest = total - (_LENGTHS.size - 4)
            if total > _FRAME_LIMIT or head > rest:
                return
            frame = stream.read(rest)
            if len(frame) < rest:
                return
            yield orjson.loads(frame[:head]), frame[head:]


def _write_all(connection: socket.socket, outgoing: "queue.SimpleQueue[bytes | None]") -> None:
    """A slow or dead peer must not hold the exchange's lock: writing has its own thread."""
    with contextlib.suppress(OSError):
        while (frame := outgoing.get()) is not None:
            connection.sendall(frame)


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
