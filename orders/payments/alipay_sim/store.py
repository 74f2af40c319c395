"""The simulator's persistent store: one SQLite file, one writer at a time, all amounts in fen."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS trade (
    out_trade_no TEXT PRIMARY KEY, trade_no TEXT UNIQUE NOT NULL, seller_id TEXT NOT NULL,
    sub_merchant TEXT NOT NULL DEFAULT '', subject TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount > 0), status TEXT NOT NULL, product TEXT NOT NULL,
    notify_url TEXT NOT NULL DEFAULT '', passback_params TEXT NOT NULL DEFAULT '',
    buyer_id TEXT NOT NULL DEFAULT '', auth_no TEXT NOT NULL DEFAULT '',
    gmt_create TEXT NOT NULL, gmt_payment TEXT NOT NULL DEFAULT '', gmt_close TEXT NOT NULL DEFAULT '',
    expires_at TEXT NOT NULL DEFAULT '', refunded INTEGER NOT NULL DEFAULT 0,
    confirmed INTEGER NOT NULL DEFAULT 0, royalty INTEGER NOT NULL DEFAULT 0,
    waits_for_confirm INTEGER NOT NULL DEFAULT 0,
    CHECK (refunded BETWEEN 0 AND amount), CHECK (royalty BETWEEN 0 AND amount));
CREATE INDEX IF NOT EXISTS trade_paid ON trade (gmt_payment);
CREATE TABLE IF NOT EXISTS refund (
    out_trade_no TEXT NOT NULL REFERENCES trade, out_request_no TEXT NOT NULL, amount INTEGER NOT NULL,
    status TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '', gmt_refund TEXT NOT NULL,
    PRIMARY KEY (out_trade_no, out_request_no));
CREATE TABLE IF NOT EXISTS pre_order (
    pre_order_no TEXT PRIMARY KEY, out_merge_no TEXT UNIQUE NOT NULL, terms TEXT NOT NULL,
    expires_at TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS qr (
    code TEXT PRIMARY KEY, out_trade_no TEXT UNIQUE NOT NULL, terms TEXT NOT NULL,
    expires_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS act (
    token TEXT PRIMARY KEY, out_trade_nos TEXT NOT NULL, out_order_no TEXT NOT NULL DEFAULT '',
    return_url TEXT NOT NULL DEFAULT '', method TEXT NOT NULL, out_merge_no TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS auth (
    out_order_no TEXT PRIMARY KEY, auth_no TEXT UNIQUE NOT NULL, out_request_no TEXT NOT NULL,
    operation_id TEXT NOT NULL, title TEXT NOT NULL, amount INTEGER NOT NULL CHECK (amount > 0),
    paid INTEGER NOT NULL DEFAULT 0, released INTEGER NOT NULL DEFAULT 0, status TEXT NOT NULL,
    payee_user_id TEXT NOT NULL, product_code TEXT NOT NULL, notify_url TEXT NOT NULL DEFAULT '',
    gmt_create TEXT NOT NULL, gmt_trans TEXT NOT NULL DEFAULT '', CHECK (paid + released <= amount));
CREATE TABLE IF NOT EXISTS unfreeze (
    auth_no TEXT NOT NULL, out_request_no TEXT NOT NULL, operation_id TEXT NOT NULL,
    amount INTEGER NOT NULL, gmt_trans TEXT NOT NULL, PRIMARY KEY (auth_no, out_request_no));
CREATE TABLE IF NOT EXISTS settle_confirm (
    out_request_no TEXT PRIMARY KEY, trade_no TEXT NOT NULL, amount INTEGER NOT NULL,
    gmt_settle TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS royalty_hold (trade_no TEXT PRIMARY KEY, until TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS royalty_back (
    out_trade_no TEXT NOT NULL, out_request_no TEXT NOT NULL, trans_out TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount > 0), PRIMARY KEY (out_trade_no, out_request_no, trans_out));
CREATE TABLE IF NOT EXISTS royalty_receiver (
    account TEXT PRIMARY KEY, type TEXT NOT NULL, name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS royalty (
    settle_no TEXT PRIMARY KEY, trade_no TEXT NOT NULL, out_request_no TEXT NOT NULL,
    details TEXT NOT NULL, amount INTEGER NOT NULL, gmt_settle TEXT NOT NULL,
    UNIQUE (trade_no, out_request_no));
CREATE TABLE IF NOT EXISTS transfer (
    out_biz_no TEXT PRIMARY KEY, order_id TEXT NOT NULL, amount INTEGER NOT NULL, payee TEXT NOT NULL,
    gmt_trans TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS bill_link (
    token TEXT PRIMARY KEY, bill_type TEXT NOT NULL, bill_date TEXT NOT NULL, expires_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS notification (
    id INTEGER PRIMARY KEY, notify_id TEXT NOT NULL, about TEXT NOT NULL, url TEXT NOT NULL,
    body TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, due_at REAL NOT NULL, state TEXT NOT NULL,
    last_reply TEXT NOT NULL DEFAULT '');
CREATE INDEX IF NOT EXISTS notification_due ON notification (state, due_at);
CREATE TABLE IF NOT EXISTS fault (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, method TEXT NOT NULL, times INTEGER NOT NULL,
    effect TEXT NOT NULL, value TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS merchant (
    external_id TEXT PRIMARY KEY, order_id TEXT NOT NULL, smid TEXT UNIQUE NOT NULL, name TEXT NOT NULL,
    gmt_create TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS sequence (name TEXT PRIMARY KEY, last INTEGER NOT NULL);
"""

Row = sqlite3.Row


class Store:
    """One connection behind one lock: every statement of the simulator is short, so waiting is too."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")  # survives a killed process, not a lost disk
        self._db.execute("PRAGMA foreign_keys = ON")
        self._db.executescript(SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; nested uses join the outer one."""
        with self._lock:
            if self._db.in_transaction:
                yield
                return
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def one(self, sql: str, *values: Any) -> Row | None:
        with self._lock:
            row: Row | None = self._db.execute(sql, values).fetchone()
            return row

    def all(self, sql: str, *values: Any) -> list[Row]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def run(self, sql: str, *values: Any) -> int:
        """Executes and returns the number of rows touched."""
        with self._lock:
            return self._db.execute(sql, values).rowcount

    def insert(self, table: str, **values: Any) -> None:
        """`table` and column names come from this package only, never from a request."""
        columns = ", ".join(values)
        marks = ", ".join("?" * len(values))
        self.run(f"INSERT INTO {table} ({columns}) VALUES ({marks})", *values.values())

    def next_number(self, name: str) -> int:
        with self.transaction():
            self.run(
                "INSERT INTO sequence VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET last = last + 1", name
            )
            row = self.one("SELECT last FROM sequence WHERE name = ?", name)
            assert row is not None
            return int(row["last"])

    def close(self) -> None:
        with self._lock:
            self._db.close()
