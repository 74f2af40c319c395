"""Databases of the tests: migrated once a run, copied by whoever needs one, emptied by what was written.

Seventy migrations cost ten seconds of one core. The first process of a run that needs a database makes them
in a cluster that is then stopped; every other copies its files. `make test` names the folder of these
templates in `YINONG_TEST_TEMPLATES` and removes it at its end, so that none outlives the code that made it;
a pytest session of its own makes its own.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection, transaction

from marketplace.launcher import postgres
from marketplace.launcher.children import stop

TEMPLATES = "YINONG_TEST_TEMPLATES"
REPOSITORY = Path(__file__).resolve().parent.parent
#: what `migrate` itself writes, and no test
OF_MIGRATE = frozenset({"django_migrations", "django_content_type", "auth_permission"})


@contextmanager
def templates_of_this_run() -> Iterator[None]:
    """Processes started within the block share their templates; these end with it."""
    with tempfile.TemporaryDirectory(prefix="yinong-templates-") as folder:
        Path(folder).chmod(0o755)  # the server may run as another user; what is private lies deeper
        os.environ[TEMPLATES] = folder
        try:
            yield
        finally:
            del os.environ[TEMPLATES]


def copy_migrated(cluster: postgres.Cluster) -> bool:
    """Give a cluster that does not exist yet the files of a migrated one; False outside a run's folder.

    `postgres.start(cluster)` then serves the product's database with every table.
    """
    if TEMPLATES not in os.environ or cluster.data.exists():
        return False
    template = _template(Path(os.environ[TEMPLATES]), cluster)
    cluster.data.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-Rp", str(template.data), str(cluster.data)], check=True)
    return True


def _template(folder: Path, like: postgres.Cluster) -> postgres.Cluster:
    """The stopped, migrated cluster of this PostgreSQL version; who comes meanwhile waits for it."""
    root = folder / str(postgres.major_version(like.binaries))
    root.mkdir(exist_ok=True)
    template = postgres.plan_cluster(root=root, binaries=like.binaries, settings=postgres.THROW_AWAY)
    ready = root / "ready"
    with (root / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            server = postgres.start(template)
            try:
                migrate(template.url)
            finally:
                stop(server)
            ready.touch()
    return template


def migrate(url: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "django", "migrate", "--no-input", "--verbosity", "0"],
        cwd=REPOSITORY,
        env={
            **os.environ,
            "DATABASE_URL": url,
            "DJANGO_SETTINGS_MODULE": "marketplace.settings",
            "SECRET_KEY": "of-the-tests-only",
        },
        check=True,
    )


def empty_tables() -> None:
    """Delete every row that a test has committed, past triggers and foreign keys; sequences go on.

    Django's flush truncates all tables: a third of a second of one core for the few rows of most tests.
    """
    tables = {
        connection.ops.quote_name(name)
        for name in connection.introspection.django_table_names(only_existing=True, include_views=False)
        if name not in OF_MIGRATE
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (TABLE {name})" for name in sorted(tables))
        )
        written = [name for (name,) in cursor.fetchall()]
        cursor.execute("SET LOCAL session_replication_role = replica")
        for name in written:
            cursor.execute(f"DELETE FROM {name}")


@contextmanager
def undone() -> Iterator[None]:
    """A savepoint that is always rolled back. Product code may take it for the outside of a transaction."""
    atomic = transaction.atomic()
    vars(atomic)["_from_testcase"] = True  # what Django's own TestCase says of its transactions
    with atomic:
        yield
        transaction.set_rollback(True)
