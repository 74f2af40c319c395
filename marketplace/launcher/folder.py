"""The data folder of one run: who holds it, what an earlier run left in it, how it is emptied."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

from marketplace.launcher.children import POLL_S, end_leftover, identify
from marketplace.launcher.config import Config
from marketplace.launcher.errors import FULL_DISK_ERRNOS, LauncherError, full_disk
from marketplace.launcher.processes import put_aside_long_logs
from marketplace.launcher.topology import processes

# What RESET=1 removes: all that a run makes, and nothing that a person may have put beside it.
OWN_FOLDERS = ("postgres", "logs", "gateway", "cabinets", "day", "media", "static", "keys", "secrets")
OWN_FILES = ("world.json",)
LOCK_NAME = "launcher.lock"
STOP_TIMEOUT_S = 60


@contextmanager
def hold(config: Config) -> Iterator[None]:
    """The folder exists and is ours alone; processes that a killed run left are ended.

    Raises LauncherError: folder held by another run or not writable, full disk.
    """
    lock = _take_lock(config)
    try:
        end_leftovers(config)
        put_aside_long_logs(config.log_folder)
        yield
    finally:
        os.close(lock)


def reset(config: Config) -> None:
    """Remove all that earlier runs made in a folder that we hold."""
    for name in OWN_FOLDERS:
        if (config.data / name).exists():
            shutil.rmtree(config.data / name)
    for name in OWN_FILES:
        (config.data / name).unlink(missing_ok=True)


def stop_holder(config: Config) -> str:
    """End the run that holds the folder, else whatever a killed run left; says what was done."""
    holder = _holder(config)
    running = identify(holder) if holder else None
    if running is None:
        ended = end_leftovers(config)
        return f"Ended what an earlier run left: {', '.join(ended)}." if ended else "Nothing is running."
    os.kill(running.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while identify(running.pid) == running:
        if time.monotonic() > deadline:
            raise LauncherError(f"The run with pid {running.pid} did not end within {STOP_TIMEOUT_S} s.")
        time.sleep(POLL_S)
    return f"Stopped the run with pid {running.pid}."


def is_held(config: Config) -> bool:
    """Whether a run is going on in the folder."""
    return _holder(config) is not None


def end_leftovers(config: Config) -> list[str]:
    """End what a killed run left behind, callers before those whom they call; their names."""
    stop_signals = {spec.name: signal.SIGTERM for spec in reversed(processes(config))}
    stop_signals |= {"redis": signal.SIGTERM, "postgres": signal.SIGINT}
    return [
        name
        for name, stop_signal in stop_signals.items()
        if end_leftover(config.run_folder / f"{name}.pid", stop_signal=stop_signal)
    ]


def _take_lock(config: Config) -> int:
    try:
        config.run_folder.mkdir(parents=True, exist_ok=True)
        config.device_socket.parent.mkdir(parents=True, exist_ok=True)
        config.device_socket.parent.chmod(0o700)
        lock = os.open(config.run_folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise LauncherError(
                f"{config.data} is in use by the run with pid {_holder(config)}: end it with `make stop`, "
                "or choose another folder with YINONG_DATA."
            ) from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
    except OSError as error:
        if error.errno in FULL_DISK_ERRNOS:
            raise full_disk(config.data) from error
        raise LauncherError(f"The data folder {config.data} cannot be used: {error.strerror}.") from error
    return lock


def _holder(config: Config) -> int | None:
    """The pid that the lock's file names, None when nobody holds the lock."""
    try:
        lock = os.open(config.run_folder / LOCK_NAME, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.read(lock, 20).decode("ascii", "replace")
        return int(text) if text.isdigit() else None
    else:
        return None
    finally:
        os.close(lock)
