"""Child processes that never outlive the launcher.

Three nets, each for what the one before misses:

1. `stop()` asks the leader of a child's process group to end, waits, then kills the whole group.
2. The kernel signals a child when the launcher itself is killed (`PR_SET_PDEATHSIG`).
3. A pid file names the child by pid, start time and boot, so the next run ends what was left over and
   never an innocent process that got the same pid.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from marketplace.launcher.errors import FULL_DISK_ERRNOS, LauncherError, full_disk

PR_SET_PDEATHSIG = 1
POLL_S = 0.02
TOOL_GRACE_S = 10


@dataclass(frozen=True)
class ProcessIdentity:
    """A process that cannot be mistaken for a later one with the same pid."""

    pid: int
    start_ticks: str
    boot: str


@dataclass
class Child:
    """A running child; its pid is also the id of its process group."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    stop_signal: signal.Signals
    pid_file: Path | None
    asked_to_end: bool = False

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def alive(self) -> bool:
        return self.process.poll() is None


def identify(pid: int) -> ProcessIdentity | None:
    """The identity of a live process, None when there is none (a zombie counts as none)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field is the command in parentheses and may hold spaces; count from behind it.
    fields = stat.rpartition(")")[2].split()
    if fields[0] in {"Z", "X"}:
        return None
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return ProcessIdentity(pid=pid, start_ticks=fields[19], boot=boot)


def spawn(
    *,
    name: str,
    command: Sequence[str],
    log: Path,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stop_signal: signal.Signals = signal.SIGTERM,
    pid_file: Path | None = None,
) -> Child:
    """Start a child in its own process group, with its output appended to `log`.

    Call from the main thread: the kernel ties the parent-death signal to the thread that forked.
    Raises LauncherError when the program is missing or the disk is full.
    """
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=None if environment is None else dict(environment),
                cwd=cwd,
                process_group=0,
                preexec_fn=_die_with_parent(stop_signal),
            )
        if pid_file is not None:
            _write_pid_file(pid_file, process.pid)
    except FileNotFoundError as error:
        raise LauncherError(f"Cannot start {name}: {error.filename} is missing.") from error
    except OSError as error:
        if error.errno in FULL_DISK_ERRNOS:
            raise full_disk(log.parent) from error
        raise LauncherError(f"Cannot start {name}: {error}.") from error
    return Child(name=name, process=process, log=log, stop_signal=stop_signal, pid_file=pid_file)


def run_to_end(
    command: Sequence[str], *, environment: Mapping[str, str], cwd: Path, log: Path | None = None
) -> int:
    """Run a program to its end and give its exit code; its output goes to `log`, else to ours.

    An exception here (Ctrl-C) ends the program before it goes on.
    """
    output = log.open("ab") if log is not None else None
    try:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT if output else None,
            env=dict(environment),
            cwd=cwd,
            process_group=0,
            preexec_fn=_die_with_parent(signal.SIGTERM),
        )
    finally:
        if output is not None:
            output.close()
    try:
        return process.wait()
    except BaseException:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=TOOL_GRACE_S)
        _kill_group(process.pid)
        process.wait()
        raise


def ask_to_end(child: Child) -> None:
    """Send the stop signal to the group's leader, once: some take a second one for impatience."""
    if child.alive and not child.asked_to_end:
        child.asked_to_end = True
        _signal_process(child.pid, child.stop_signal)


def stop(child: Child, *, grace_s: float = 15) -> None:
    """Ask the leader to end, wait, then end whatever is left of its group."""
    if child.alive:
        ask_to_end(child)
        with contextlib.suppress(subprocess.TimeoutExpired):  # the group is killed just below
            child.process.wait(timeout=grace_s)
    kill(child)


def kill(child: Child) -> None:
    """End the whole group at once, as a power cut would."""
    _kill_group(child.pid)
    child.process.wait()
    if child.pid_file is not None:
        child.pid_file.unlink(missing_ok=True)


def end_leftover(pid_file: Path, *, stop_signal: signal.Signals, grace_s: float = 15) -> bool:
    """End the process that an earlier, killed run left behind; True when there was one."""
    recorded = _read_pid_file(pid_file)
    if recorded is None or identify(recorded.pid) != recorded:
        pid_file.unlink(missing_ok=True)
        return False
    _signal_process(recorded.pid, stop_signal)
    deadline = time.monotonic() + grace_s
    while identify(recorded.pid) == recorded and time.monotonic() < deadline:
        time.sleep(POLL_S)
    _kill_group(recorded.pid)
    pid_file.unlink(missing_ok=True)
    return True


def log_tail(log: Path, *, lines: int = 12) -> str:
    try:
        return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return ""


def _die_with_parent(stop_signal: signal.Signals) -> Callable[[], None]:
    if sys.platform != "linux":
        raise LauncherError("Yinong's launcher needs Linux (under Windows: WSL 2).")
    libc = ctypes.CDLL(None, use_errno=True)  # loaded before the fork: the child must not touch the loader
    parent = os.getpid()

    def prepare() -> None:
        libc.prctl(PR_SET_PDEATHSIG, int(stop_signal), 0, 0, 0)
        if os.getppid() != parent:  # the parent died between fork and prctl
            os._exit(1)

    return prepare


def _signal_process(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return  # it ended by itself in the meantime


def _kill_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return  # nobody left in it


def _write_pid_file(pid_file: Path, pid: int) -> None:
    identity = identify(pid)
    if identity is None:
        return  # already dead: whoever waits for it to get ready will say so
    pid_file.parent.mkdir(parents=True, exist_ok=True)
    pid_file.write_text(json.dumps(identity.__dict__), encoding="utf-8")


def _read_pid_file(pid_file: Path) -> ProcessIdentity | None:
    try:
        return ProcessIdentity(**json.loads(pid_file.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None  # none, or half-written by a run that died: then it names nobody
