"""The supervisor: order, readiness, killing and reviving one process by name."""

import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from marketplace.launcher.children import identify, spawn
from marketplace.launcher.errors import LauncherError
from marketplace.launcher.processes import DEATHS_TO_GIVE_UP, LOG_KEPT, Supervisor, put_aside_long_logs
from marketplace.launcher.sockets import free_port
from marketplace.launcher.topology import ProcessSpec

HOST = "127.0.0.1"


def sleeper(name: str) -> ProcessSpec:
    return ProcessSpec(name, (sys.executable, "-c", "import time; time.sleep(600)"))


def http_server(name: str, port: int) -> ProcessSpec:
    return ProcessSpec(
        name,
        (sys.executable, "-m", "http.server", str(port), "--bind", HOST),
        health_url=f"http://{HOST}:{port}/",
    )


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    with Supervisor(run_folder=tmp_path / "run", log_folder=tmp_path / "logs") as supervisor:
        yield supervisor


def test_leaving_the_block_ends_all_even_on_an_error(tmp_path: Path) -> None:
    pids: list[int] = []

    def run() -> None:
        with Supervisor(run_folder=tmp_path / "run", log_folder=tmp_path / "logs") as supervisor:
            supervisor.start_all([sleeper("one"), sleeper("two")])
            pids.extend(supervisor.pid(name) for name in ("one", "two"))
            raise RuntimeError("something went wrong")

    with pytest.raises(RuntimeError, match="something went wrong"):
        run()
    assert [identify(pid) for pid in pids] == [None, None]
    assert list((tmp_path / "run").iterdir()) == []


def test_start_all_waits_until_a_process_answers(supervisor: Supervisor) -> None:
    spec = http_server("web", free_port(HOST))
    supervisor.start_all([spec])
    assert supervisor.alive("web")


def test_one_process_is_killed_and_started_again_while_the_other_goes_on(supervisor: Supervisor) -> None:
    supervisor.start_all([sleeper("one"), sleeper("two")])
    one, two = supervisor.pid("one"), supervisor.pid("two")

    supervisor.kill("one")
    assert not supervisor.alive("one")
    assert supervisor.alive("two")

    supervisor.restart("one")
    assert supervisor.alive("one")
    assert supervisor.pid("one") != one
    assert supervisor.pid("two") == two


def test_a_process_that_ends_before_it_is_ready_is_named_with_its_log(supervisor: Supervisor) -> None:
    code = "import sys; print('the key file is missing'); sys.exit(3)"
    spec = ProcessSpec("web", (sys.executable, "-c", code), health_url=f"http://{HOST}:{free_port(HOST)}/")
    with pytest.raises(LauncherError) as failure:
        supervisor.start_all([spec])
    assert str(failure.value) == textwrap.dedent(
        f"""\
        The process web ended before it was ready (its log: {supervisor.log("web")}).
          web | the key file is missing"""
    )


def test_a_silent_process_is_named(supervisor: Supervisor) -> None:
    spec = ProcessSpec("ingest", sleeper("ingest").command, socket="/nowhere/devices.sock")
    supervisor.start(spec)
    with pytest.raises(LauncherError, match=r"^The process ingest was not ready after 0 s"):
        supervisor.await_ready("ingest", timeout_s=0)


def test_revive_starts_again_what_died_and_gives_up_after_three_deaths(supervisor: Supervisor) -> None:
    supervisor.start_all([sleeper("worker"), sleeper("drain")])
    assert supervisor.revive() == []
    for _ in range(DEATHS_TO_GIVE_UP - 1):
        supervisor.kill("worker")
        assert supervisor.revive() == ["worker"]
        assert supervisor.alive("worker")
    supervisor.kill("worker")
    with pytest.raises(LauncherError, match=r"^The process worker died 3 times within 60 s"):
        supervisor.revive()
    assert supervisor.alive("drain")


def test_a_dead_service_is_not_revived(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.adopt(
        spawn(name="postgres", command=sleeper("x").command, log=tmp_path / "p.log", pid_file=None)
    )
    supervisor.kill("postgres")
    with pytest.raises(LauncherError, match=r"^The process postgres died"):
        supervisor.revive()


def test_only_long_logs_are_put_aside(tmp_path: Path) -> None:
    (tmp_path / "long.log").write_bytes(b"x" * (LOG_KEPT + 1))
    (tmp_path / "short.log").write_text("x")
    put_aside_long_logs(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["long.log.1", "short.log"]
