"""The auditor on a real finished day: silent about the truth, and every planted lie is found by its name."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from marketplace.launcher.config import REPOSITORY
from marketplace.reports.audit.checks import CHECKS
from marketplace.reports.audit.findings import Verdict
from marketplace.reports.audit.judge import judge
from tests.marketplace.reports.audit.finished_day import KILLS, VICTIMS, FinishedDay, finished_day
from tests.marketplace.reports.audit.lies import ALTERED_ENTRY, LIES

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FinishedDay]:
    with finished_day(tmp_path_factory.mktemp("day")) as played:
        yield played


def verdict_on(day: FinishedDay) -> Verdict:
    return judge(database_url=day.database, journals=day.journals)


def found(day: FinishedDay) -> set[str]:
    return {finding.check for finding in verdict_on(day).findings}


# -- the truth ---------------------------------------------------------------------------------------------


def test_a_true_day_has_no_findings(day: FinishedDay) -> None:
    verdict = verdict_on(day)
    assert [str(finding) for finding in verdict.findings] == []
    assert verdict.passed
    assert set(verdict.checks) == set(CHECKS)


def test_the_day_survived_twenty_kills(day: FinishedDay) -> None:
    assert len(day.killed) == KILLS, f"the day was over after {len(day.killed)} kills: {day.killed}"
    assert set(day.killed) == set(VICTIMS)


def test_the_counts_are_those_of_the_world(day: FinishedDay) -> None:
    counts = verdict_on(day).counts
    assert (counts["parcels"], counts["up"]["parcels"], counts["down"]["parcels"]) == (80, 36, 44)
    assert (counts["chilled"]["parcels"], counts["frozen"]["parcels"]) == (12, 3)
    assert counts["direct"]["parcels"] == 4
    assert counts["served_share"] >= 0.97
    assert counts["postings"] == counts["postings_expected"] > 0


def test_a_player_that_was_killed_twice_finished_the_day(day: FinishedDay) -> None:
    """Every order and every incident once, although players died on the road and in the evening."""
    assert len(day.killed_at) == 2
    assert day.killed_at[0] < day.killed_at[1]
    assert day.summary["orders"]["placed"] == day.summary["orders"]["wanted"] == 72
    assert day.summary["parcels"]["asked_for"] == 80
    assert set(day.summary["incidents"]) == {"wrong_code", "lock_out", "claim", "warm_cabinet"}


def test_the_summary_and_the_auditor_agree(day: FinishedDay) -> None:
    counts, parcels = verdict_on(day).counts, day.summary["parcels"]
    assert parcels["delivered"] == counts["served"]
    assert parcels["collected"] == counts["collected"]
    assert parcels["served_share"] == counts["served_share"]


# -- the lies ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(LIES))
def test_a_lie_in_the_database_is_found_by_its_name(day: FinishedDay, name: str) -> None:
    statements, expected = LIES[name]
    with day.copy(name=f"lie_{name}") as copy:
        copy.lie(*statements)
        assert found(copy) == expected


@pytest.mark.parametrize(
    ("purpose", "expected"),
    [("deposit", {"delivery without a door"}), ("collect", {"collection without a door"})],
)
def test_a_parcel_without_its_door_is_found(day: FinishedDay, purpose: str, expected: set[str]) -> None:
    with day.copy(name=f"lie_door_{purpose}") as copy:
        assert forget_one_opening(copy.journals, purpose) >= 2
        assert found(copy) == expected


def forget_one_opening(journals: Path, purpose: str) -> int:
    """Take the messages of one opening for this purpose out of the first journal that has one."""
    for path in sorted(journals.glob("*.db")):
        with sqlite3.connect(path) as connection:
            row = connection.execute(
                "SELECT tx FROM history WHERE type = 'door.opened' AND json_extract(body, '$.purpose') = ?",
                (purpose,),
            ).fetchone()
            if row is not None:
                return connection.execute("DELETE FROM history WHERE tx = ?", row).rowcount
    return 0


# -- the command -------------------------------------------------------------------------------------------


def run(day: FinishedDay, *extra: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(sys.executable, "-m", "marketplace.reports.audit"),
            *("--database-url", day.database, "--journals", str(day.journals)),
            *extra,
        ],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_says_passed_and_exits_zero(day: FinishedDay, tmp_path: Path) -> None:
    done = run(day, "--json", str(tmp_path / "audit.json"))
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "passed")
    assert json.loads((tmp_path / "audit.json").read_text(encoding="utf-8"))["findings"] == []


def test_the_command_names_findings_and_exits_one(day: FinishedDay) -> None:
    with day.copy(name="lie_by_command") as copy:
        copy.lie(*ALTERED_ENTRY)
        done = run(copy)
    assert done.returncode == 1
    assert "! unbalanced posting: settled " in done.stdout
