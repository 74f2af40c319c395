"""Where the public instances lie. They are no part of the project; tests that need them skip without."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DATA = Path(os.environ.get("YINONG_ROUTING_DATA", ROOT.parent / "shared" / "data" / "routing"))

needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"no public routing instances at {DATA} (YINONG_ROUTING_DATA)"
)


def files(family: str, pattern: str) -> list[Path]:
    """Files of a family, or one that does not exist so that a skipped test still has a case."""
    return sorted((DATA / family).glob(pattern)) or [DATA / family / pattern]


def best_known(family: str) -> dict[str, dict[str, str]]:
    """Rows of bks.csv by instance."""
    with (DATA / family / "bks.csv").open(encoding="utf-8", newline="") as stream:
        return {row["instance"]: row for row in csv.DictReader(stream)}
