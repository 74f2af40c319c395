"""What the auditor looks at: rows of the database, and the door history of each cabinet's journal."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import DictRow, dict_row

Row = dict[str, Any]

OPENED, CLOSED = "door.opened", "door.closed"


@dataclass(frozen=True, slots=True)
class Opening:
    """One opening of one door under one order, as the cabinet wrote it down."""

    device: str
    door: int
    purpose: str
    allocation: str | None


@dataclass(slots=True)
class Journals:
    """Openings that opened and then closed, and those that did not, over all cabinets."""

    devices: set[str] = field(default_factory=set)
    finished: dict[Opening, int] = field(default_factory=lambda: defaultdict(int))

    @classmethod
    def read(cls, folder: Path) -> "Journals":
        """Every `DEVICE.db` of the folder. Raises FileNotFoundError when there is no folder."""
        if not folder.is_dir():
            raise FileNotFoundError(f"no folder of journals: {folder}")
        found = cls()
        for path in sorted(folder.glob("*.db")):
            found.devices.add(path.stem)
            for opening in finished_openings(path.stem, history(path)):
                found.finished[opening] += 1
        return found

    def count(self, device: str, door: int, allocation: str, *purposes: str) -> int:
        """How often this door opened and closed for this allocation and one of the purposes."""
        return sum(self.finished.get(Opening(device, door, purpose, allocation), 0) for purpose in purposes)


def history(path: Path) -> Iterator[tuple[str, str | None, Mapping[str, Any]]]:
    """(type, order, body) of the door messages of a journal, in the order in which they were written."""
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    try:
        rows = connection.execute(
            "SELECT type, tx, body FROM history WHERE type IN (?, ?) ORDER BY boot, seq", (OPENED, CLOSED)
        )
        for kind, order, body in rows:
            yield kind, order, json.loads(body)
    finally:
        connection.close()


def finished_openings(
    device: str, messages: Iterator[tuple[str, str | None, Mapping[str, Any]]]
) -> Iterator[Opening]:
    """An opening is finished once its door closed after it had opened, both under the same order."""
    is_open: set[tuple[str, int]] = set()
    for kind, order, body in messages:
        if order is None:
            continue
        key = (order, int(body["door"]))
        if kind == OPENED:
            is_open.add(key)
        elif key in is_open:
            is_open.remove(key)
            yield Opening(device, key[1], str(body.get("purpose", "")), body.get("allocation"))


class Evidence:
    """The day's rows, read once each. `day` is the delivery day that is judged."""

    def __init__(
        self, connection: psycopg.Connection[DictRow], journals: Journals, day: date | None = None
    ) -> None:
        self._connection = connection
        self.journals = journals
        self.day = day or self._busiest_day()

    def rows(self, sql: str, **parameters: Any) -> list[Row]:
        """`%(day)s` is always there."""
        query = sql.encode()
        return list(self._connection.execute(query, {"day": self.day, **parameters}).fetchall())

    def value(self, sql: str, **parameters: Any) -> Any:
        (row,) = self.rows(sql, **parameters)
        (found,) = row.values()
        return found

    def _busiest_day(self) -> date:
        found = self._connection.execute(
            "SELECT deliver_on FROM orders_order"
            " GROUP BY deliver_on ORDER BY count(*) DESC, deliver_on LIMIT 1"
        ).fetchone()
        if found is None:
            raise LookupError("no order was ever placed: there is no day to judge")
        day: date = found["deliver_on"]
        return day


def connect(database_url: str) -> psycopg.Connection[DictRow]:
    """A read-only connection with one view of the database from first to last statement."""
    connection = psycopg.connect(database_url, row_factory=dict_row)
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    return connection
