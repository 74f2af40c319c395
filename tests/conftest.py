"""The test session's own PostgreSQL.

`DATABASE_URL` is decided before Django's settings load; the server starts when the first test asks for
the database, and ends with the session (also on Ctrl-C, also when the session is killed).
A `DATABASE_URL` of the environment wins. `YINONG_TEST_PG=15` takes Debian's PostgreSQL 15 instead.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from django.conf import settings

from marketplace.launcher import postgres
from marketplace.launcher.children import stop
from marketplace.launcher.errors import LauncherError

_CLUSTER = pytest.StashKey[postgres.Cluster]()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketplace.settings")
    if "DATABASE_URL" in os.environ:
        return
    if settings.configured:
        # pytest-django loads an exported settings module before any conftest: too early for our database.
        raise pytest.UsageError("Unset DJANGO_SETTINGS_MODULE: the tests choose their settings themselves.")
    root = Path(tempfile.mkdtemp(prefix="yinong-test-"))
    root.chmod(0o755)  # the server may run as another user; what is private lies one folder deeper
    config.add_cleanup(lambda: shutil.rmtree(root, ignore_errors=True))
    try:
        cluster = postgres.plan_cluster(root=root, binaries=_binaries(), settings=postgres.THROW_AWAY)
    except LauncherError as error:
        raise pytest.UsageError(str(error)) from error
    config.stash[_CLUSTER] = cluster
    os.environ["DATABASE_URL"] = cluster.url


@pytest.fixture(scope="session")
def database_server(pytestconfig: pytest.Config) -> Iterator[str]:
    """A running PostgreSQL; gives its DATABASE_URL."""
    cluster = pytestconfig.stash.get(_CLUSTER, None)
    if cluster is None:
        yield os.environ["DATABASE_URL"]
        return
    server = postgres.start(cluster)
    try:
        yield cluster.url
    finally:
        stop(server)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(database_server: str) -> None:
    """pytest-django asks for this before it makes the test database: the server must be up by then."""


def _binaries() -> Path:
    major = os.environ.get("YINONG_TEST_PG", "18")
    return postgres.embedded_binaries() if major == "18" else postgres.distribution_binaries(int(major))
