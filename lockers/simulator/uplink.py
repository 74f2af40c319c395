"""The line to the server: sends the outbox until it is acknowledged, and says that the cabinet lives."""

import contextlib
from collections.abc import Iterable
from itertools import groupby

from lockers.protocol.envelope import SIZE_LIMIT_BYTES, encode, join_batch
from lockers.protocol.messages import Kind
from lockers.protocol.topics import Channel, Topic
from lockers.simulator.board import FIRMWARE, Board
from lockers.simulator.hardware import Fuse
from lockers.simulator.journal import Waiting
from lockers.transports.port import Line, TransportError

IN_FLIGHT_LIMIT = 800
RESEND_AFTER_S = 5.0
HEARTBEAT_S = 30.0
BATCH = 200


class Uplink:
    """Go-back-n over the outbox: a cursor runs ahead of acknowledgements, and falls back after 5 s."""

    def __init__(self, line: Line, fuse: Fuse) -> None:
        self.line, self._fuse = line, fuse
        self._in_flight: list[tuple[int, int]] = []
        self._moved_at_s = 0.0
        self._heartbeat_at_s = -HEARTBEAT_S

    def joined(self, board: Board) -> None:
        """A new connection: say so, and send everything unacknowledged again."""
        self._in_flight.clear()
        self._heartbeat_at_s = -HEARTBEAT_S
        board.doors_dirty = True
        with contextlib.suppress(TransportError):
            self._state(board, Channel.CONNECTION, Kind.CONNECTION, {"online": True, "start": board.start_id})

    def acknowledged(self, *, boot: int, upto: int, seconds: float) -> None:
        left = [key for key in self._in_flight if not (key[0] == boot and key[1] <= upto)]
        if len(left) < len(self._in_flight):
            self._in_flight, self._moved_at_s = left, seconds

    def pump(self, board: Board) -> None:
        """Send what is due. What cannot be sent stays in the outbox."""
        if not self.line.connected:
            return
        now_s = board.world.seconds()
        try:
            if board.heartbeat_asked or now_s - self._heartbeat_at_s >= HEARTBEAT_S:
                board.heartbeat_asked, self._heartbeat_at_s = False, now_s
                self._heartbeat(board)
            if board.doors_dirty:
                self._doors(board)
            self._send_outbox(board, now_s)
        except TransportError:
            self._in_flight.clear()

    def _send_outbox(self, board: Board, now_s: float) -> None:
        if self._in_flight and now_s - self._moved_at_s > RESEND_AFTER_S:
            self._in_flight.clear()
        if not self._in_flight:
            self._moved_at_s = now_s
        while len(self._in_flight) < IN_FLIGHT_LIMIT:
            after = self._in_flight[-1] if self._in_flight else (0, 0)
            rows = board.journal.waiting_after(after, min(BATCH, IN_FLIGHT_LIMIT - len(self._in_flight)))
            if not rows:
                return
            for topic, payload in _payloads(rows):
                self._fuse.step()
                self.line.publish(topic, payload)
            self._in_flight.extend((row.boot, row.seq) for row in rows)

    def _heartbeat(self, board: Board) -> None:
        body = {
            "uptime_s": max(0, round((board.wall() - board.started_at).total_seconds())),
            "outbox": board.journal.outbox_length(),
            "firmware": FIRMWARE,
            "config": board.journal.get("config_version", 0),
            "mains": board.hardware.on_mains,
            "battery": board.hardware.battery_pct,
        }
        topic = Topic(board.device, Channel.HEARTBEAT)
        self.line.publish(str(topic), encode(board.envelope(Kind.HEARTBEAT, body)), qos=0)

    def _doors(self, board: Board) -> None:
        states = {str(number): door.state.value for number, door in sorted(board.doors.items())}
        self._state(board, Channel.DOORS, Kind.DOOR_STATES, {"doors": states, "asof": board.last_said})
        board.doors_dirty = False

    def _state(self, board: Board, channel: Channel, kind: Kind, body: dict[str, object]) -> None:
        topic = Topic(board.device, channel)
        self.line.publish(str(topic), encode(board.envelope(kind, body)), retain=True)


def _payloads(rows: Iterable[Waiting]) -> Iterable[tuple[str, bytes]]:
    """Batches of one topic each, in order, within the size limit."""
    for topic, same in groupby(rows, key=lambda row: row.topic):
        batch: list[bytes] = []
        size = 2
        for row in same:
            if batch and size + len(row.payload) + 1 > SIZE_LIMIT_BYTES:
                yield topic, join_batch(batch)
                batch, size = [], 2
            batch.append(row.payload)
            size += len(row.payload) + 1
        yield topic, join_batch(batch)
