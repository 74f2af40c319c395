"""Root keys of a test run: fresh, in a folder of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lockers.services.devices import root_keys


@pytest.fixture(autouse=True)
def _locker_keys(tmp_path: Path, settings: object) -> Iterator[None]:
    settings.LOCKER_KEY_FILE = str(tmp_path / "keys" / "locker.json")  # type: ignore[attr-defined]
    root_keys._read.cache_clear()
    yield
    root_keys._read.cache_clear()
