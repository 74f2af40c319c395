"""The launcher as a person starts it: exit codes, one clear line, nothing left behind."""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg
import pytest

from marketplace.launcher.children import identify
from marketplace.launcher.config import REPOSITORY, read_config
from marketplace.launcher.folder import OWN_FILES, OWN_FOLDERS, reset

OF_THE_TEST_PROCESS = {"DATABASE_URL", "REDIS_URL", "MQTT_URL", "DJANGO_SETTINGS_MODULE"}


def environment(folder: Path, **extra: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name not in OF_THE_TEST_PROCESS}
    return {**inherited, "YINONG_DATA": str(folder), "YINONG_THROW_AWAY": "1", **extra}


def launch(command: str, folder: Path, **extra: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "marketplace.launcher", command],
        env=environment(folder, **extra),
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(run: subprocess.Popen[str]) -> tuple[int, str, str]:
    output, errors = run.communicate(timeout=180)
    return run.returncode, output, errors


def exported(run: subprocess.Popen[str]) -> dict[str, str]:
    """Read the `export NAME=VALUE` lines, up to the line that says that the services serve."""
    assert run.stdout is not None
    found: dict[str, str] = {}
    for line in run.stdout:
        if line.startswith("# "):
            return found
        name, _, value = shlex.split(line)[1].partition("=")
        found[name] = value
    raise AssertionError(f"it ended: {run.stderr.read() if run.stderr else ''}")


def pids(folder: Path) -> dict[str, int]:
    files = (folder / "run").glob("*.pid")
    found = {file.stem: re.search(r'"pid": (\d+)', file.read_text()) for file in files}
    return {name: int(match[1]) for name, match in found.items() if match}


@pytest.fixture
def services(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Mapping[str, str]]]:
    run = launch("services", tmp_path)
    try:
        yield run, exported(run)
    finally:
        if run.poll() is None:
            run.terminate()
        finish(run)


def test_ctrl_c_ends_the_services_and_is_no_error(
    services: tuple[subprocess.Popen[str], Mapping[str, str]], tmp_path: Path
) -> None:
    run, exports = services
    with psycopg.connect(exports["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    started = pids(tmp_path)
    assert set(started) == {"postgres", "redis"}

    run.send_signal(signal.SIGINT)
    code, output, errors = finish(run)

    assert (code, output, errors) == (0, "yinong: stopping\n", "")
    assert [identify(pid) for pid in started.values()] == [None, None]
    assert pids(tmp_path) == {}


def test_a_second_run_on_the_same_folder_is_refused_and_the_first_goes_on(
    services: tuple[subprocess.Popen[str], Mapping[str, str]], tmp_path: Path
) -> None:
    run, exports = services
    code, output, errors = finish(launch("services", tmp_path))
    assert (code, output) == (1, "")
    assert errors == (
        f"yinong: {tmp_path} is in use by the run with pid {run.pid}: end it with `make stop`, "
        "or choose another folder with YINONG_DATA.\n"
    )
    with psycopg.connect(exports["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_stop_ends_a_run_of_another_terminal(
    services: tuple[subprocess.Popen[str], Mapping[str, str]], tmp_path: Path
) -> None:
    run, _ = services
    started = pids(tmp_path)
    code, output, _ = finish(launch("stop", tmp_path))
    assert (code, output) == (0, f"Stopped the run with pid {run.pid}.\n")
    assert finish(run)[0] == 128 + signal.SIGTERM
    assert [identify(pid) for pid in started.values()] == [None, None]


def test_stop_with_nothing_running_says_so(tmp_path: Path) -> None:
    assert finish(launch("stop", tmp_path)) == (0, "Nothing is running.\n", "")


def test_the_data_outlive_a_launcher_that_was_killed(
    services: tuple[subprocess.Popen[str], Mapping[str, str]], tmp_path: Path
) -> None:
    run, exports = services
    with psycopg.connect(exports["DATABASE_URL"]) as connection:
        connection.execute("CREATE TABLE kept (what text)")
    run.kill()
    finish(run)

    again = launch("services", tmp_path)
    with psycopg.connect(exported(again)["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    again.terminate()
    finish(again)


@pytest.mark.parametrize("command", ["up", "demo"])
def test_a_port_in_use_is_one_clear_line(tmp_path: Path, command: str) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        code, output, errors = finish(launch(command, tmp_path, PORT=str(port)))
    assert (code, output) == (1, "")
    assert re.fullmatch(
        rf"yinong: Port {port} on 127\.0\.0\.1 is in use: choose another one, e\.g\. PORT=\d+\.\n", errors
    )
    assert list(tmp_path.iterdir()) == []


def test_a_data_folder_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, output, errors = finish(launch("services", tmp_path / "file" / "data"))
    assert (code, output) == (1, "")
    assert errors == (f"yinong: The data folder {tmp_path}/file/data cannot be used: Not a directory.\n")


def test_reset_removes_what_runs_made_and_nothing_else(tmp_path: Path) -> None:
    config = read_config({"YINONG_DATA": str(tmp_path)})
    for name in (*OWN_FOLDERS, "mine"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("x")
    for name in (*OWN_FILES, "notes.txt"):
        (tmp_path / name).write_text("x")
    reset(config)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "notes.txt"]
    assert (tmp_path / "mine" / "file").read_text() == "x"
