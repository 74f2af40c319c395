"""One run: PostgreSQL and Redis up, a supervisor over all, tools run in the foreground."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from marketplace.launcher import postgres, redis
from marketplace.launcher.children import run_to_end
from marketplace.launcher.config import REPOSITORY, Config, product_environment
from marketplace.launcher.errors import LauncherError
from marketplace.launcher.processes import Supervisor
from marketplace.launcher.topology import PYTHON


@contextmanager
def running_services(config: Config) -> Iterator[Supervisor]:
    """PostgreSQL and Redis answer (the environment's own ones when it names them); all that was
    started ends with the block, also on Ctrl-C and SIGTERM.

    The caller holds the data folder. Raises LauncherError: missing program, full disk, no answer.
    """
    with (
        _signals_end_the_block(),
        Supervisor(run_folder=config.run_folder, log_folder=config.log_folder) as supervisor,
    ):
        try:
            _start_services(config, supervisor)
            yield supervisor
        finally:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)  # the end is under way: nothing breaks it off


def run_tool(environment: Mapping[str, str], *arguments: str, log: Path | None = None) -> int:
    """Run `python -m ARGUMENTS` to its end; gives its exit code. Output goes to `log`, else to ours."""
    return run_to_end([PYTHON, "-m", *arguments], environment=environment, cwd=REPOSITORY, log=log)


def require_tool(supervisor: Supervisor, *arguments: str, quiet: bool = False) -> None:
    """As `run_tool` in the product's environment; raises LauncherError when the tool fails.

    When `quiet`, its output goes to the log tools.log only.
    """
    log = supervisor.log("tools") if quiet else None
    code = run_tool(supervisor.environment, *arguments, log=log)
    if code != 0:
        where = f": see {log}" if log else ""
        raise LauncherError(f"`{' '.join(arguments)}` failed with exit code {code}{where}.")


def _start_services(config: Config, supervisor: Supervisor) -> None:
    database_url, redis_url = config.database_url, config.redis_url
    if database_url is None:
        settings = postgres.THROW_AWAY if config.throw_away else postgres.DURABLE
        cluster = postgres.plan_cluster(root=config.data, settings=settings)
        supervisor.adopt(postgres.start(cluster, pid_file=supervisor.pid_file("postgres")))
        database_url = cluster.url
    if redis_url is None:
        broker = redis.plan_broker(root=config.data)
        supervisor.adopt(redis.start(broker, pid_file=supervisor.pid_file("redis")))
        redis_url = broker.url
    supervisor.environment.update(product_environment(config, database_url=database_url, redis_url=redis_url))


@contextmanager
def _signals_end_the_block() -> Iterator[None]:
    """SIGTERM and SIGHUP end the run as Ctrl-C does: through every `finally`."""

    def leave(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    numbers = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
    earlier = {number: signal.getsignal(number) for number in numbers}
    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGHUP, leave)
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
