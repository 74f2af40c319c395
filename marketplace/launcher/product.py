"""The whole product: services, tables, a world, every process, all healthy."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from marketplace.launcher import folder, report
from marketplace.launcher.config import REPOSITORY, Config
from marketplace.launcher.processes import Supervisor
from marketplace.launcher.session import require_tool, running_services
from marketplace.launcher.sockets import require_free_port
from marketplace.launcher.topology import processes


@contextmanager
def running_product(config: Config) -> Iterator[Supervisor]:
    """Everything is up and healthy within the block; everything that was started ends with it.

    Raises LauncherError with one clear line (and the end of a log) when something does not come up.
    """
    require_free_port(config.host, config.port)
    with folder.hold(config):
        if config.reset:
            folder.reset(config)
        with running_services(config) as supervisor:
            _prepare_database(config, supervisor)
            report.say("start the processes")
            supervisor.start_all(processes(config))
            yield supervisor


def _prepare_database(config: Config, supervisor: Supervisor) -> None:
    """Tables, static files, and a world where there is none."""
    report.say("migrate")
    require_tool(supervisor, "django", "migrate", "--no-input", quiet=True)
    _collect_static(config, supervisor)
    if config.reset or not _has_world(supervisor.environment["DATABASE_URL"]):
        report.say(f"load the world {config.world}")
        seed = ["--seed", str(config.seed)] if config.seed is not None else []
        again = ["--reset"] if config.reset else []  # a database of the caller's own is not thrown away
        require_tool(supervisor, "django", "load_world", config.world, *seed, *again)


def _has_world(database_url: str) -> bool:
    with psycopg.connect(database_url) as connection:
        return connection.execute("SELECT 1 FROM places_hub LIMIT 1").fetchone() is not None


def _collect_static(config: Config, supervisor: Supervisor) -> None:
    """Static files come from installed packages alone: they change when the locked requirements do."""
    stamp = config.data / "static" / ".requirements"
    locked = hashlib.sha256((REPOSITORY / "requirements.txt").read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text(encoding="ascii") == locked:
        return
    require_tool(supervisor, "django", "collectstatic", "--no-input", quiet=True)
    stamp.write_text(locked, encoding="ascii")
