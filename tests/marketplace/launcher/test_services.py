"""The embedded PostgreSQL and Redis, really started; and what is said when they cannot be."""

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis as redis_client

from marketplace.launcher import postgres, redis, sockets
from marketplace.launcher.children import kill, stop
from marketplace.launcher.errors import LauncherError


@pytest.fixture
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("data")  # closed to others: the server must get in all the same
    yield folder
    shutil.rmtree(folder)


def test_postgres_keeps_its_data_over_a_stop_and_a_power_cut(root: Path) -> None:
    cluster = postgres.plan_cluster(root=root)
    server = postgres.start(cluster, pid_file=root / "postgres.pid")
    with psycopg.connect(cluster.url) as connection:
        version = connection.execute("SHOW server_version").fetchone()
        connection.execute("CREATE TABLE kept (what text)")
        connection.execute("INSERT INTO kept VALUES ('before the stop')")
    assert version is not None
    assert version[0].startswith("18.")
    stop(server)
    assert server.process.returncode == 0

    server = postgres.start(cluster, pid_file=root / "postgres.pid")
    with psycopg.connect(cluster.url) as connection:
        connection.execute("INSERT INTO kept VALUES ('before the power cut')")
    kill(server)

    server = postgres.start(cluster, pid_file=root / "postgres.pid")
    with psycopg.connect(cluster.url) as connection:
        rows = connection.execute("SELECT what FROM kept ORDER BY what").fetchall()
    stop(server)
    assert rows == [("before the power cut",), ("before the stop",)]


def test_postgres_listens_on_no_network_port(root: Path) -> None:
    cluster = postgres.plan_cluster(root=root, settings=postgres.THROW_AWAY)
    server = postgres.start(cluster)
    with psycopg.connect(cluster.url) as connection:
        addresses = connection.execute("SHOW listen_addresses").fetchone()
    stop(server)
    assert addresses == ("",)
    assert cluster.socket_folder.stat().st_mode & 0o777 == 0o700


def test_postgres_that_cannot_start_says_why(root: Path) -> None:
    cluster = postgres.plan_cluster(root=root, settings=("max_connections=many",))
    with pytest.raises(LauncherError, match=r"^PostgreSQL did not start: .*max_connections.*"):
        postgres.start(cluster)


def test_a_full_disk_is_said_before_anything_is_written(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(root)._replace(free=1024)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(LauncherError, match="has less than 200 MB left"):
        postgres.start(postgres.plan_cluster(root=root))
    assert list(root.iterdir()) == []


def test_a_missing_distribution_is_named() -> None:
    with pytest.raises(LauncherError, match=r"install the Debian package postgresql-9\.$"):
        postgres.distribution_binaries(9)


def test_redis_answers_and_forgets(root: Path) -> None:
    broker = redis.plan_broker(root=root)
    server = redis.start(broker)
    client = redis_client.Redis(unix_socket_path=str(broker.socket))
    client.set("k", "v")
    assert client.config_get("save") == {"save": ""}
    stop(server)
    server = redis.start(broker)
    assert client.get("k") is None
    client.close()
    stop(server)


def test_a_deep_folder_gets_a_short_stand_in_always_the_same(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["deep" * 10] * 4)
    short = sockets.fitting_folder(deep, longest_name="s.sock")
    assert short != deep
    assert len(str(short / "s.sock")) <= sockets.LONGEST_SOCKET_PATH
    assert sockets.fitting_folder(deep, longest_name="s.sock") == short
    assert sockets.fitting_folder(Path("/tmp/x"), longest_name="s.sock") == Path("/tmp/x")


def test_no_path_short_enough_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path.joinpath(*["deep" * 10] * 4)
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(deep))
    with pytest.raises(LauncherError, match="set TMPDIR to a shorter folder"):
        sockets.fitting_folder(deep, longest_name="s.sock")


def test_a_port_in_use_is_said_with_a_way_out() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(LauncherError, match=rf"^Port {port} on 127\.0\.0\.1 is in use: choose another"):
            sockets.require_free_port("127.0.0.1", port)
    sockets.require_free_port("127.0.0.1", port)
