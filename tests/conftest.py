"""The test session's own PostgreSQL.

`DATABASE_URL` is decided when this module is imported, before Django's settings load and before any
other conftest imports models. The server starts when the first test asks for the database, and ends
with the session (also on Ctrl-C, also when the session is killed).
A `DATABASE_URL` of the environment wins. `YINONG_TEST_PG=15` takes Debian's PostgreSQL 15 instead.
"""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import django
import hypothesis
import pytest
from django.conf import settings
from django.test import TransactionTestCase

from marketplace.launcher import postgres
from marketplace.launcher.children import stop
from marketplace.launcher.errors import LauncherError
from tests.database import copy_migrated, empty_tables, migrate

ROOT = Path(tempfile.mkdtemp(prefix="yinong-test-"))


def _decide_database() -> postgres.Cluster | None:
    """Set `DATABASE_URL`; None when the environment already names a database."""
    if "DATABASE_URL" in os.environ:
        return None
    if settings.configured:
        # pytest-django loads an exported settings module before any conftest: too early for our database.
        raise pytest.UsageError("Unset DJANGO_SETTINGS_MODULE: the tests choose their settings themselves.")
    ROOT.chmod(0o755)  # the server may run as another user; what is private lies one folder deeper
    major = os.environ.get("YINONG_TEST_PG", "18")
    try:
        binaries = (
            postgres.embedded_binaries() if major == "18" else postgres.distribution_binaries(int(major))
        )
        cluster = postgres.plan_cluster(root=ROOT, binaries=binaries, settings=postgres.THROW_AWAY)
    except LauncherError as error:
        raise pytest.UsageError(str(error)) from error
    os.environ["DATABASE_URL"] = cluster.url
    return cluster


CLUSTER = _decide_database()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketplace.settings")
os.environ.setdefault("SECRET_KEY", "of-the-tests-only")
os.environ.setdefault("TESTER_CONSOLE", "1")  # tests move business time
os.environ["REDIS_URL"] = "memory://"  # tasks run in this process, or are only counted
os.environ["YINONG_DATA"] = str(ROOT / "data")  # keys and files of the tests end with the session
(ROOT / "data" / "static").mkdir(parents=True)
django.setup()
# `--hypothesis-profile=default` tries twice as much. No deadline: a busy machine is slow for any reason.
hypothesis.settings.register_profile("suite", max_examples=50, deadline=None)
hypothesis.settings.load_profile("suite")


@pytest.hookimpl(trylast=True)  # tests/browser/conftest.py sets the marker
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests last: Playwright keeps an event loop running, beside which no other may run."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


def pytest_collection_finish() -> None:
    """What is loaded by now stays to the end: the collector need not walk through it again and again."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    shutil.rmtree(ROOT, ignore_errors=True)


@pytest.fixture(scope="session")
def database_server() -> Iterator[str]:
    """A running PostgreSQL with every table; gives its DATABASE_URL."""
    if CLUSTER is None:
        yield os.environ["DATABASE_URL"]
        return
    migrated = copy_migrated(CLUSTER)
    server = postgres.start(CLUSTER)
    try:
        if not migrated:
            migrate(CLUSTER.url)
        yield CLUSTER.url
    finally:
        stop(server)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(database_server: str) -> None:
    """pytest-django asks for this before it makes the test database: the server must be up by then."""


if CLUSTER is not None:

    @pytest.fixture(scope="session")
    def django_db_setup(django_test_environment: None, database_server: str) -> None:
        """The session's own server is thrown away: its database is the tests', no second stands beside it."""

    TransactionTestCase._fixture_teardown = lambda _self: empty_tables()  # type: ignore[attr-defined]
