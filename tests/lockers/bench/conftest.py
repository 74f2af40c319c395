"""`make bench-devices`: the same code as the tests at full size, and its table in docs/bench-devices.md."""

import os
import platform
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from marketplace.kernel import clock
from tests.lockers.conftest import _locker_keys  # noqa: F401 - fresh root keys here too
from tests.lockers.services.conftest import bench, frozen, put_up  # noqa: F401 - a cabinet and its server

PAGE = Path(__file__).parents[3] / "docs" / "bench-devices.md"
HEAD = """# Devices: what was measured

`make bench-devices` writes this page; it starts its own PostgreSQL and Mosquitto. {machine}.

| what | result |
| --- | --- |
"""
Row = Callable[[str, str], None]


@pytest.fixture(scope="session")
def rows() -> Iterator[list[tuple[str, str]]]:
    """Rows of this run replace those of the same name; the others stay."""
    made: list[tuple[str, str]] = []
    yield made
    known = dict(_read()) if PAGE.exists() else {}
    known.update(made)
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, {clock.wall():%Y-%m-%d}"
    lines = [f"| {what} | {result} |" for what, result in known.items()]
    PAGE.write_text(HEAD.format(machine=machine) + "\n".join(lines) + "\n")


@pytest.fixture
def row(rows: list[tuple[str, str]]) -> Row:
    def add(what: str, result: str) -> None:
        rows.append((what, result))
        print(f"\n{what}: {result}")

    return add


def _read() -> Iterator[tuple[str, str]]:
    for line in PAGE.read_text().splitlines()[6:]:
        _, what, result, _ = (cell.strip() for cell in line.split("|"))
        yield what, result
