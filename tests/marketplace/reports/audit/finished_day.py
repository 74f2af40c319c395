"""A finished day of the `test` world for the auditor's tests, and copies of it to plant lies in.

The day is played once for all tests, by the same client as `make demo`, against the real processes, and it
is a bad day. Web, worker, drain and ingest are killed twenty times (SIGKILL to the process group) at seeded
random moments, one process at a time or two at once. Players are killed on the road and in the evening: what
one knows of the day it must find in the API.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from marketplace.launcher.config import REPOSITORY
from tests.product import Product, running_product

PROCESSES = ("web", "worker", "drain", "ingest", "cabinets", "gateway")
DAY_LIMIT_S = 1800
KILLS = 20
VICTIMS = ("web", "worker", "drain", "ingest")
#: the first moments at which the player is killed: some stops are done; some people have their parcels
KILLED_WHEN = (
    "SELECT EXISTS (SELECT FROM routing_stop WHERE status = 'done')",
    "SELECT EXISTS (SELECT FROM orders_fulfilment WHERE status = 'collected')",
)


@dataclass(frozen=True)
class FinishedDay:
    """The services still run; the product's own processes have ended, so nothing changes any more."""

    database: str
    journals: Path
    summary: dict[str, Any]
    killed_at: tuple[str, ...]
    """Business times at which a player was killed."""
    killed: tuple[str, ...]
    """The processes that were killed, in turn."""
    folder: Path

    @contextmanager
    def copy(self, *, name: str) -> Iterator[FinishedDay]:
        """The same day in a database and a folder of its own."""
        journals = self.folder / name
        shutil.copytree(self.journals, journals)
        with psycopg.connect(make_conninfo(self.database, dbname="postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE yinong")
            try:
                database = make_conninfo(self.database, dbname=name)
                yield FinishedDay(database, journals, self.summary, self.killed_at, self.killed, self.folder)
            finally:
                connection.execute(f"DROP DATABASE {name}")

    def lie(self, *statements: str) -> None:
        """Change rows past every trigger, foreign key and constraint that is no index."""
        with psycopg.connect(self.database) as connection:
            connection.execute("SET session_replication_role = replica")
            for statement in statements:
                changed = connection.execute(statement)
                assert changed.rowcount != 0, f"the lie changes nothing: {statement}"


@contextmanager
def finished_day(folder: Path) -> Iterator[FinishedDay]:
    with running_product(folder / "data") as product:
        with killed_at_random(product, random.Random(20)) as killed:
            killed_at = tuple(_play_until(product, folder, when) for when in KILLED_WHEN)
            _play_to_the_end(product, folder)
        for name in PROCESSES:
            product.supervisor.stop(name)
        yield FinishedDay(
            database=product.database_url,
            journals=product.config.cabinets_folder,
            summary=json.loads((folder / "summary.json").read_text(encoding="utf-8")),
            killed_at=killed_at,
            killed=tuple(killed),
            folder=folder,
        )


@contextmanager
def killed_at_random(product: Product, rng: random.Random) -> Iterator[list[str]]:
    """Kill and start again beside the block until KILLS are done; gives who was killed, as it grows."""
    killed: list[str] = []
    over = threading.Event()
    with ThreadPoolExecutor(max_workers=1) as killer:
        killing = killer.submit(_kill_until, over, product, rng, killed)
        try:
            yield killed
        finally:
            over.set()
    killing.result()


def _kill_until(over: threading.Event, product: Product, rng: random.Random, killed: list[str]) -> None:
    while len(killed) < KILLS and not over.wait(rng.uniform(0.2, 2.0)):
        pair = rng.random() < 0.2 and len(killed) + 2 <= KILLS
        victims = rng.sample(VICTIMS, 2 if pair else 1)
        for name in victims:
            product.supervisor.kill(name)
        over.wait(rng.uniform(0.0, 0.5))
        for name in victims:
            product.supervisor.restart(name)
        for name in victims:
            product.supervisor.await_ready(name, timeout_s=DAY_LIMIT_S)
        killed += victims


def _play_until(product: Product, folder: Path, condition: str) -> str:
    """Play and kill the player once the condition holds; gives the business time of the kill."""
    player, killed_at = _start_player(product, folder), ""
    with psycopg.connect(product.database_url, autocommit=True) as connection:
        while player.poll() is None:
            if _first_value(connection, condition):
                player.kill()
                killed_at = str(_first_value(connection, "SELECT frozen_at FROM database_clocksetting"))
            time.sleep(0.1)
    output, _ = player.communicate()
    assert killed_at, output[-3000:]
    return killed_at


def _play_to_the_end(product: Product, folder: Path) -> None:
    player = _start_player(product, folder)
    output, _ = player.communicate(timeout=DAY_LIMIT_S)
    assert player.returncode == 0, output[-3000:]


def _start_player(product: Product, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "marketplace.simulation", "day"),
            *("--base-url", product.url, "--summary", str(folder / "summary.json")),
        ],
        cwd=REPOSITORY,
        env=product.supervisor.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _first_value(connection: psycopg.Connection[Any], sql: str) -> Any:
    row = connection.execute(sql).fetchone()
    assert row is not None
    return row[0]
