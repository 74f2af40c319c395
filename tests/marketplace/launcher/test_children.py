"""Children end with their launcher: asked, killed, or found by the next run."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from marketplace.launcher.children import end_leftover, identify, kill, log_tail, run_to_end, spawn, stop
from marketplace.launcher.config import REPOSITORY
from marketplace.launcher.errors import LauncherError

SLEEP = "import time; time.sleep(600)"
SLEEPER = [sys.executable, "-c", f"print('up', flush=True); {SLEEP}"]
DEAF_CODE = f"import signal; signal.signal(15, signal.SIG_IGN); print('up', flush=True); {SLEEP}"
DEAF = [sys.executable, "-c", DEAF_CODE]
PARENT_CODE = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {SLEEP!r}])
print(child.pid, flush=True)
{SLEEP}
"""
PARENT_OF_SLEEPER = [sys.executable, "-c", PARENT_CODE]
LAUNCHER_CODE = f"""
import sys
from pathlib import Path
from marketplace.launcher.children import spawn
print(spawn(name="s", command={SLEEPER!r}, log=Path(sys.argv[1])).pid, flush=True)
{SLEEP}
"""


def await_line(log: Path) -> str:
    for _ in range(6000):
        if log.exists() and log.read_text():
            return log.read_text().strip()
        time.sleep(0.01)
    raise AssertionError(f"nothing in {log}")


def await_end(pid: int) -> bool:
    for _ in range(6000):
        if identify(pid) is None:
            return True
        time.sleep(0.01)
    return False


def test_a_child_is_stopped_and_its_pid_file_goes(tmp_path: Path) -> None:
    pid_file = tmp_path / "run" / "sleeper.pid"
    child = spawn(name="sleeper", command=SLEEPER, log=tmp_path / "s.log", pid_file=pid_file)
    assert await_line(tmp_path / "s.log") == "up"
    assert json.loads(pid_file.read_text())["pid"] == child.pid
    assert child.process.poll() is None

    stop(child)

    assert child.process.returncode == -signal.SIGTERM
    assert not pid_file.exists()


def test_a_child_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    child = spawn(name="deaf", command=DEAF, log=tmp_path / "d.log")
    await_line(tmp_path / "d.log")
    stop(child, grace_s=0.1)
    assert child.process.returncode == -signal.SIGKILL


@pytest.mark.parametrize("end", [stop, kill])
def test_the_childs_own_children_end_with_it(tmp_path: Path, end: object) -> None:
    child = spawn(name="parent", command=PARENT_OF_SLEEPER, log=tmp_path / "p.log")
    grandchild = int(await_line(tmp_path / "p.log"))
    assert identify(grandchild) is not None
    end(child)  # type: ignore[operator]
    assert await_end(grandchild)


def test_a_missing_program_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(LauncherError, match=r"^Cannot start ghost: /no/such/program is missing\.$"):
        spawn(name="ghost", command=["/no/such/program"], log=tmp_path / "g.log")


def test_the_kernel_ends_children_of_a_killed_launcher(tmp_path: Path) -> None:
    command = [sys.executable, "-c", LAUNCHER_CODE, str(tmp_path / "s.log")]
    launcher = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY)
    assert launcher.stdout is not None
    child = int(launcher.stdout.readline())
    await_line(tmp_path / "s.log")
    launcher.kill()
    launcher.wait()
    launcher.stdout.close()
    assert await_end(child)


def test_a_leftover_is_ended_by_the_next_run(tmp_path: Path) -> None:
    pid_file = tmp_path / "s.pid"
    child = spawn(name="s", command=SLEEPER, log=tmp_path / "s.log", pid_file=pid_file)
    await_line(tmp_path / "s.log")
    # Zombies count as ended, so nobody needs to wait for the child here.
    assert end_leftover(pid_file, stop_signal=signal.SIGTERM) is True
    assert identify(child.pid) is None
    assert end_leftover(pid_file, stop_signal=signal.SIGTERM) is False
    child.process.wait()


def test_an_innocent_process_with_the_same_pid_lives(tmp_path: Path) -> None:
    pid_file = tmp_path / "s.pid"
    child = spawn(name="s", command=SLEEPER, log=tmp_path / "s.log", pid_file=pid_file)
    recorded = json.loads(pid_file.read_text())
    pid_file.write_text(json.dumps({**recorded, "start_ticks": "1"}))
    assert end_leftover(pid_file, stop_signal=signal.SIGTERM) is False
    assert child.alive
    assert not pid_file.exists()
    kill(child)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": 1}'])
def test_a_half_written_pid_file_names_nobody(tmp_path: Path, content: str) -> None:
    pid_file = tmp_path / "s.pid"
    pid_file.write_text(content)
    assert end_leftover(pid_file, stop_signal=signal.SIGTERM) is False
    assert not pid_file.exists()


def test_a_tool_runs_to_its_end_and_gives_its_exit_code(tmp_path: Path) -> None:
    log = tmp_path / "tools.log"
    code = run_to_end(
        [sys.executable, "-c", "import os, sys; print(os.environ['A']); sys.exit(7)"],
        environment={"A": "one"},
        cwd=tmp_path,
        log=log,
    )
    assert code == 7
    assert log.read_text() == "one\n"


def test_identify_knows_ourselves_and_nobody() -> None:
    ourselves = identify(os.getpid())
    assert ourselves is not None
    assert ourselves.pid == os.getpid()
    assert identify(2**22 + 1) is None  # above any pid that Linux gives


def test_log_tail_gives_the_last_lines_and_nothing_of_no_log(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_text("one\ntwo\nthree\n")
    assert log_tail(log, lines=2) == "two\nthree"
    assert log_tail(tmp_path / "none.log") == ""
