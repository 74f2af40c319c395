"""A cabinet's flash: one SQLite file, WAL with synchronous FULL: what was committed survives a power cut.

The outbox row of a message is written in the same transaction as the state that the message tells of, and is
deleted by the server's `down/ack` and by nothing else. `history` keeps all but readings, for audit.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from lockers.protocol.allocation import AllocationState
from lockers.protocol.config import Placed
from lockers.protocol.doors import Door, DoorState, Sensor
from lockers.protocol.envelope import read_time, wire_time
from lockers.protocol.lockout import LockOut
from lockers.simulator.hardware import Fuse

_ALL_PAGES = 2**31
_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS outbox (
    boot INTEGER, seq INTEGER, topic TEXT NOT NULL, payload BLOB NOT NULL, PRIMARY KEY (boot, seq)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS history (
    boot INTEGER, seq INTEGER, ts TEXT NOT NULL, type TEXT NOT NULL, tx TEXT, body TEXT NOT NULL,
    PRIMARY KEY (boot, seq)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS door (
    door INTEGER PRIMARY KEY, state TEXT NOT NULL, sensor TEXT NOT NULL, since_s REAL NOT NULL, tx TEXT
);
CREATE TABLE IF NOT EXISTS opening (
    tx TEXT, door INTEGER, purpose TEXT NOT NULL, allocation TEXT, pickup_group INTEGER, actor TEXT NOT NULL,
    put_back INTEGER NOT NULL, result TEXT, closed INTEGER NOT NULL, PRIMARY KEY (tx, door)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS command (tx TEXT PRIMARY KEY, answer TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS placed (
    allocation TEXT PRIMARY KEY, wire TEXT NOT NULL, boot INTEGER NOT NULL, seq INTEGER NOT NULL, need TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS used_qr (
    pickup_group INTEGER, counter INTEGER, PRIMARY KEY (pickup_group, counter)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS presented (
    tx TEXT PRIMARY KEY, courier TEXT NOT NULL, recalls TEXT NOT NULL, expires TEXT NOT NULL
) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An outbox row: an encoded envelope and where it goes."""

    boot: int
    seq: int
    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Opening:
    """An order to open one door, whoever gave it. `result` is None while it is in flight."""

    tx: str
    door: int
    purpose: str
    actor: str
    allocation: str | None = None
    group: int | None = None
    put_back: bool = False
    result: str | None = None
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """An allocation as the cabinet knows it, and the message after which it last changed it itself."""

    placed: Placed
    changed: tuple[int, int] = (0, 0)
    need: dict[str, Any] | None = None  # of a drop that a sealed token brought: the cell it needs


@dataclass(frozen=True, slots=True)
class Presented:
    """A courier's token that was taken up: whose, what he may take out, until when doors open for it."""

    courier: str
    recalls: tuple[str, ...]
    expires_at: datetime


class Journal:
    """Reads see the last commit; every write stands inside `step`."""

    def __init__(self, path: Path, fuse: Fuse | None = None) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._fuse = fuse or Fuse()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def step(self) -> Iterator[None]:
        """One transaction. A power cut before the commit leaves nothing of it."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._fuse.step()
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:  # a full disk has ended it already
                self._db.execute("ROLLBACK")
            raise

    def take_no_more(self, full: bool) -> None:
        """The flash is full, or has room again."""
        pages = self._db.execute("PRAGMA page_count").fetchone()[0] if full else _ALL_PAGES
        self._db.execute(f"PRAGMA max_page_count = {pages}")

    # -- plain values ------------------------------------------------------------------------------------

    def get(self, key: str, default: Any = None) -> Any:
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return default if row is None else json.loads(row[0])

    def put(self, key: str, value: Any) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, json.dumps(value)))

    def lockout(self) -> LockOut:
        plain = self.get("lockout")
        if plain is None:
            return LockOut()
        return LockOut(
            errors=plain["errors"],
            last_error_at=_time(plain["last_error_at"]),
            forgiven_from=_time(plain["forgiven_from"]),
            slips=tuple((entry, read_time(at)) for entry, at in plain["slips"]),
        )

    def put_lockout(self, state: LockOut) -> None:
        plain = {
            "errors": state.errors,
            "last_error_at": state.last_error_at and wire_time(state.last_error_at),
            "forgiven_from": state.forgiven_from and wire_time(state.forgiven_from),
            "slips": [(entry, wire_time(at)) for entry, at in state.slips],
        }
        self.put("lockout", plain)

    # -- outbox ------------------------------------------------------------------------------------------

    def add_message(
        self, waiting: Waiting, *, ts: datetime, kind: str, tx: str | None, body: str | None
    ) -> None:
        """`body` None: a reading, which history does not keep."""
        self._db.execute(
            "INSERT INTO outbox VALUES (?, ?, ?, ?)",
            (waiting.boot, waiting.seq, waiting.topic, waiting.payload),
        )
        if body is not None:
            self._db.execute(
                "INSERT INTO history VALUES (?, ?, ?, ?, ?, ?)",
                (waiting.boot, waiting.seq, wire_time(ts), kind, tx, body),
            )

    def waiting_after(self, key: tuple[int, int], limit: int) -> list[Waiting]:
        rows = self._db.execute(
            "SELECT boot, seq, topic, payload FROM outbox WHERE (boot, seq) > (?, ?)"
            " ORDER BY boot, seq LIMIT ?",
            (*key, limit),
        )
        return [Waiting(*row) for row in rows]

    def outbox_length(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM outbox").fetchone()[0])

    def acknowledge(self, *, boot: int, upto: int) -> int:
        """The server has committed these: the only way out of the outbox. How many rows went."""
        return self._db.execute("DELETE FROM outbox WHERE boot = ? AND seq <= ?", (boot, upto)).rowcount

    # -- doors and openings ------------------------------------------------------------------------------

    def doors(self) -> dict[int, Door]:
        rows = self._db.execute("SELECT door, state, sensor, since_s, tx FROM door")
        return {row[0]: Door(DoorState(row[1]), Sensor(row[2]), row[3], row[4]) for row in rows}

    def put_door(self, number: int, door: Door) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO door VALUES (?, ?, ?, ?, ?)",
            (number, door.state.value, door.sensor.value, door.since_s, door.tx),
        )

    def put_opening(self, opening: Opening) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO opening"
            " (tx, door, purpose, actor, allocation, pickup_group, put_back, result, closed)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                opening.tx, opening.door, opening.purpose, opening.actor, opening.allocation, opening.group,
                opening.put_back, opening.result, opening.closed,
            ),
        )  # fmt: skip

    def opening(self, tx: str | None, door: int) -> Opening | None:
        found = self._openings("tx = ? AND door = ?", (tx, door))
        return found[0] if found else None

    def openings_in_flight(self) -> list[Opening]:
        return self._openings("result IS NULL", ())

    def openings_under(self, tx: str) -> list[Opening]:
        return self._openings("tx = ?", (tx,))

    def openings_of(self, allocation: str) -> list[Opening]:
        return self._openings("allocation = ?", (allocation,))

    def _openings(self, where: str, values: tuple[Any, ...]) -> list[Opening]:
        rows = self._db.execute(
            "SELECT tx, door, purpose, actor, allocation, pickup_group, put_back, result, closed"
            f" FROM opening WHERE {where} ORDER BY tx, door",
            values,
        )
        return [
            Opening(tx, door, purpose, actor, allocation, group, bool(put_back), result, bool(closed))
            for tx, door, purpose, actor, allocation, group, put_back, result, closed in rows
        ]

    # -- commands, tokens, QR: once only -----------------------------------------------------------------

    def answer(self, tx: str) -> dict[str, Any] | None:
        row = self._db.execute("SELECT answer FROM command WHERE tx = ?", (tx,)).fetchone()
        return None if row is None else json.loads(row[0])

    def put_answer(self, tx: str, answer: dict[str, Any]) -> None:
        self._db.execute("INSERT OR REPLACE INTO command VALUES (?, ?)", (tx, json.dumps(answer)))

    def qr_is_used(self, *, group: int, counter: int) -> bool:
        row = self._db.execute(
            "SELECT 1 FROM used_qr WHERE pickup_group = ? AND counter = ?", (group, counter)
        )
        return row.fetchone() is not None

    def use_qr(self, *, group: int, counter: int) -> None:
        self._db.execute("INSERT OR IGNORE INTO used_qr VALUES (?, ?)", (group, counter))

    def put_token(self, tx: str, token: Presented) -> None:
        self._db.execute(
            "INSERT OR IGNORE INTO presented VALUES (?, ?, ?, ?)",
            (tx, token.courier, json.dumps(token.recalls), wire_time(token.expires_at)),
        )

    def token(self, tx: str) -> Presented | None:
        row = self._db.execute(
            "SELECT courier, recalls, expires FROM presented WHERE tx = ?", (tx,)
        ).fetchone()
        return None if row is None else Presented(row[0], tuple(json.loads(row[1])), read_time(row[2]))

    # -- allocations -------------------------------------------------------------------------------------

    def held(self) -> dict[str, Held]:
        """Every allocation known, also those the cabinet freed and the server has not yet heard of."""
        rows = self._db.execute("SELECT allocation, wire, boot, seq, need FROM placed ORDER BY allocation")
        return {
            row[0]: Held(
                Placed.from_wire(json.loads(row[1])), (row[2], row[3]), row[4] and json.loads(row[4])
            )
            for row in rows
        }

    def live(self) -> list[Placed]:
        return [each.placed for each in self.held().values() if each.placed.state is not AllocationState.FREE]

    def put_held(self, held: Held) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO placed VALUES (?, ?, ?, ?, ?)",
            (
                held.placed.allocation, json.dumps(held.placed.as_wire()), *held.changed,
                None if held.need is None else json.dumps(held.need),
            ),
        )  # fmt: skip

    def drop_held(self, allocation: str) -> None:
        self._db.execute("DELETE FROM placed WHERE allocation = ?", (allocation,))

    def move_held(self, allocation: str, state: AllocationState, changed: tuple[int, int]) -> None:
        held = self.held().get(allocation)
        if held is not None:
            self.put_held(replace(held, placed=replace(held.placed, state=state), changed=changed))


def _time(text: str | None) -> datetime | None:
    return None if text is None else read_time(text)
