"""What of the auditor needs no day: it loads no product code, reads journals, and refuses plainly."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from marketplace.launcher.config import REPOSITORY
from marketplace.reports.audit.__main__ import main
from marketplace.reports.audit.evidence import Journals, Opening, finished_openings

DEPOSIT = {"door": 3, "purpose": "deposit", "allocation": "a"}


def test_it_loads_no_product_code() -> None:
    script = (
        "import sys, marketplace.reports.audit.__main__;"
        "print(sorted(m for m in sys.modules if m.split('.')[0] in"
        " ('marketplace', 'farmers', 'catalog', 'lockers', 'routing', 'orders', 'django')"
        " and not m.startswith('marketplace.reports')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "['marketplace']"


def test_only_a_door_that_opened_and_then_closed_counts() -> None:
    messages = [
        ("door.closed", "t1", DEPOSIT),
        ("door.opened", "t1", DEPOSIT),
        ("door.closed", "t2", DEPOSIT),
        ("door.opened", None, DEPOSIT),
        ("door.closed", "t1", DEPOSIT),
        ("door.closed", "t1", DEPOSIT),
    ]
    assert list(finished_openings("L1", iter(messages))) == [Opening("L1", 3, "deposit", "a")]


def test_a_journal_is_read_without_being_changed(tmp_path: Path) -> None:
    path = tmp_path / "L1.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE history (boot, seq, ts, type, tx, body)")
        for seq, kind in enumerate(("door.opened", "door.closed")):
            row = (1, seq, "", kind, "t", '{"door": 3, "purpose": "deposit", "allocation": "a"}')
            connection.execute("INSERT INTO history VALUES (?, ?, ?, ?, ?, ?)", row)
    before = path.read_bytes()
    journals = Journals.read(tmp_path)
    assert journals.devices == {"L1"}
    assert journals.count("L1", 3, "a", "deposit") == 1
    assert journals.count("L1", 3, "a", "collect") == 0
    assert journals.count("L1", 4, "a", "deposit") == 0
    assert path.read_bytes() == before


def test_without_a_database_it_says_so_and_exits_two(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["--database-url", "postgresql://127.0.0.1:1/none", "--journals", str(tmp_path)])
    assert code == 2
    assert capsys.readouterr().err.startswith("audit: ")
