"""`make test` itself: what is skipped is named, and never passes for success."""

import sys
from dataclasses import replace

import pytest

from tests import suite


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[suite.Step]:
    """Replaces every step's command by one that succeeds; gives the steps that were run."""
    run: list[suite.Step] = []
    really_run = suite._run_all

    def record(chosen: tuple[suite.Step, ...], missing: frozenset[str]) -> list[str]:
        harmless = tuple(replace(step, command=(sys.executable, "-c", "")) for step in chosen)
        run.extend(step for step in chosen if not missing & set(step.needs))
        return really_run(harmless, missing)

    monkeypatch.setattr(suite, "_run_all", record)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.delenv("ALLOW_SKIPS", raising=False)
    return run


def lacking(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    needs = {name: replace(need, present=lambda: True) for name, need in suite.NEEDS.items()}
    for name in names:
        needs[name] = replace(needs[name], present=lambda: False)
    monkeypatch.setattr(suite, "NEEDS", needs)


def test_all_there_and_all_green_is_0(monkeypatch: pytest.MonkeyPatch, steps: list[suite.Step]) -> None:
    lacking(monkeypatch)
    assert suite.main([]) == 0
    assert steps == [*suite.TESTS, *suite.LINT, *suite.PAGES]


def test_what_is_missing_is_named_and_exits_3(
    monkeypatch: pytest.MonkeyPatch, steps: list[suite.Step], capsys: pytest.CaptureFixture[str]
) -> None:
    lacking(monkeypatch, "browser", "postgresql-15")
    assert suite.main([]) == suite.SKIPPED
    assert [step.command[-1] for step in steps[:5]] == [
        "processes and not browser",
        "not django_db and not processes and not browser",
        "processes and not browser",
        *["django_db and not processes and not browser"] * 2,
    ]
    assert steps[5:] == [*suite.LINT, *suite.PAGES]
    assert [line for line in capsys.readouterr().out.splitlines() if line.startswith(("SKIPPED", "Not"))] == [
        "SKIPPED: browser tests (Chromium with a Chinese font): install chromium fonts-noto-cjk",
        "SKIPPED: database tests on PostgreSQL 15: install postgresql-15",
        "Not all was tested, no browser, postgresql-15: exit 3 (ALLOW_SKIPS=1 accepts this).",
    ]


def test_skips_can_be_accepted(monkeypatch: pytest.MonkeyPatch, steps: list[suite.Step]) -> None:
    lacking(monkeypatch, "mosquitto")
    monkeypatch.setenv("ALLOW_SKIPS", "1")
    assert suite.main([]) == 0
    assert [step.command[-1] for step in steps[:6]] == [
        "processes and not mosquitto",
        "not django_db and not processes and not mosquitto",
        "processes and not mosquitto",
        *["django_db and not processes and not mosquitto"] * 3,
    ]


def test_a_failure_is_named_and_the_other_steps_run_all_the_same(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ran = suite._run_all(
        (
            suite.Step("one", (sys.executable, "-c", "print('of one'); raise SystemExit(5)")),
            suite.Step("two", (sys.executable, "-c", "import time; time.sleep(0.5); print('of two')")),
        ),
        frozenset(),
    )
    assert ran == ["one"]
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        *("== one", "of one", lines[2]),
        *("== two", "of two", lines[5]),
    ]
    assert [line.rpartition(" ")[2] for line in (lines[2], lines[5])] == ["5", "0"]
