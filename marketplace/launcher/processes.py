"""The supervisor: starts the product's processes, watches them, and ends every one that it started."""

from __future__ import annotations

import signal
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from marketplace.launcher.children import Child, ask_to_end, end_leftover, kill, log_tail, spawn, stop
from marketplace.launcher.config import REPOSITORY
from marketplace.launcher.errors import LauncherError
from marketplace.launcher.topology import ProcessSpec

READY_TIMEOUT_S = 60
READY_POLL_S = 0.1
DEATHS_TO_GIVE_UP = 3
DEATHS_WINDOW_S = 60
LOG_KEPT = 10 * 1024 * 1024  # bytes: a longer log is put aside at the next start


class Supervisor:
    """A context manager: leaving it, for whatever reason, ends its processes in reverse order.

    Each process has the log LOGS/NAME.log and the pid file RUN/NAME.pid. One process can be ended,
    killed and started again by name while the others go on.
    """

    def __init__(
        self, *, run_folder: Path, log_folder: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.environment = dict(environment or {})
        self._run_folder = run_folder
        self._log_folder = log_folder
        self._specs: dict[str, ProcessSpec] = {}
        self._children: dict[str, Child] = {}
        self._deaths: dict[str, list[float]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop_all()

    def adopt(self, child: Child) -> None:
        """Take over the end of a service that was started elsewhere (PostgreSQL, Redis)."""
        self._children[child.name] = child

    def start(self, spec: ProcessSpec) -> None:
        """Start one process; a leftover of an earlier run is ended first."""
        pid_file = self.pid_file(spec.name)
        end_leftover(pid_file, stop_signal=signal.SIGTERM)
        self._specs[spec.name] = spec
        self._children[spec.name] = spawn(
            name=spec.name,
            command=spec.command,
            log=self.log(spec.name),
            environment=self.environment,
            cwd=REPOSITORY,
            pid_file=pid_file,
        )

    def start_all(self, specs: Iterable[ProcessSpec]) -> None:
        """Start all in order, then wait until each is ready: every process finds its partners by itself."""
        started = [*specs]
        for spec in started:
            self.start(spec)
        for spec in started:
            self.await_ready(spec.name)

    def restart(self, name: str) -> None:
        """Start a process again that was stopped or killed."""
        self.start(self._specs[name])

    def stop(self, name: str) -> None:
        stop(self._children[name])

    def kill(self, name: str) -> None:
        """End a process and all its own children at once, as a power cut would."""
        kill(self._children[name])

    def pid(self, name: str) -> int:
        return self._children[name].pid

    def alive(self, name: str) -> bool:
        return self._children[name].alive

    def log(self, name: str) -> Path:
        return self._log_folder / f"{name}.log"

    def pid_file(self, name: str) -> Path:
        return self._run_folder / f"{name}.pid"

    def await_ready(self, name: str, *, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Wait until the process answers; returns at once for one that gives no sign.

        Raises LauncherError with the end of its log when it dies or stays silent.
        """
        deadline = time.monotonic() + timeout_s
        while not is_ready(self._specs[name]):
            if not self.alive(name):
                raise self._failure(name, "ended before it was ready")
            if time.monotonic() > deadline:
                raise self._failure(name, f"was not ready after {timeout_s:.0f} s")
            time.sleep(READY_POLL_S)

    def revive(self) -> list[str]:
        """Start again what died by itself; the names of these.

        Raises LauncherError when one died three times within a minute, or when a service died: the
        database's and Redis's addresses are only good for as long as they live.
        """
        dead = [name for name, child in self._children.items() if not child.alive]
        for name in dead:
            if name not in self._specs:
                raise self._failure(name, "died")
            deaths = [at for at in self._deaths.get(name, []) if at > time.monotonic() - DEATHS_WINDOW_S]
            self._deaths[name] = [*deaths, time.monotonic()]
            if len(self._deaths[name]) >= DEATHS_TO_GIVE_UP:
                raise self._failure(name, f"died {DEATHS_TO_GIVE_UP} times within {DEATHS_WINDOW_S} s")
            kill(self._children[name])  # what its own children left behind
            self.restart(name)
        return dead

    def stop_all(self) -> None:
        """End the product's processes together, then the services that they need, the last started first."""
        for name in self._specs:
            ask_to_end(self._children[name])
        while self._children:
            _, child = self._children.popitem()
            stop(child)

    def _failure(self, name: str, what: str) -> LauncherError:
        log = self._children[name].log
        tail = "\n".join(f"  {name} | {line}" for line in log_tail(log).splitlines())
        return LauncherError(f"The process {name} {what} (its log: {log}).\n{tail}".rstrip())


def is_ready(spec: ProcessSpec) -> bool:
    if spec.health_url is not None and not _answers(spec.health_url):
        return False
    return spec.socket is None or _accepts(spec.socket)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return int(response.status) == 200
    except (urllib.error.URLError, OSError):
        return False


def _accepts(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(path)
        except OSError:
            return False
        return True


def put_aside_long_logs(folder: Path) -> None:
    """Keep one earlier generation of each log that grew beyond `LOG_KEPT`."""
    for log in folder.glob("*.log"):
        if log.stat().st_size > LOG_KEPT:
            log.replace(log.with_suffix(".log.1"))
