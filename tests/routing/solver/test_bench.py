"""The bench on a small family of our own: gaps, groups, resuming."""

from __future__ import annotations

from pathlib import Path

import pytest

from routing.solver import bench
from routing.solver.__main__ import main
from routing.solver.bench.measure import measure
from routing.solver.errors import FormatError, ProblemError
from tests.routing.solver.test_text_formats import SOLOMON, VRPDO


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "family"
    folder.mkdir()
    (folder / "c101.txt").write_text(SOLOMON)
    (folder / "U_25_1.txt").write_text(VRPDO)
    (folder / "bks.csv").write_text(
        "instance,bks_cost,bks_routes,dimacs_cost\nc101,9.0,1,10.0\nU_25_1,25.0,2,\nlost,1,1,\nr101,,,\n"
    )
    return folder


def test_cases_are_those_that_can_be_read_and_compared(folder: Path) -> None:
    found = {case.file.stem: (case.cost, case.routes, case.form.name) for case in bench.cases(folder)}
    assert found == {"c101": (10.0, None, "solomon"), "U_25_1": (25.0, 2, "vrpdo")}


@pytest.mark.parametrize(
    ("instance", "group"),
    [
        ("rc101", "100"),
        ("c1_2_3", "200"),
        ("lrc1_10_1", "l1000"),
        ("UBC_400_7", "400"),
        ("V_50small_8", "50"),
        ("X-n106-k14", "X-n"),
    ],
)
def test_groups_are_sizes(instance: str, group: str) -> None:
    assert bench.group_of(instance) == group


def test_a_run_is_measured_and_resumed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = folder / "results.csv"
    command = ["bench", str(folder), "--seconds", "25:0.2,0.3", "--workers", "1", "--out", str(out)]
    assert main([*command, "--engines", "yinong"]) == 0
    rows = {r.instance: r for r in bench.load_results(out)}
    assert rows["c101"].gap_pct == pytest.approx(0.0)
    assert rows["U_25_1"].feasible
    assert main([*command, "--engines", "yinong", "--resume"]) == 0
    assert len(bench.load_results(out)) == 2
    said = capsys.readouterr().out
    assert "family 25 yinong 0.2 s x 1: 1 runs, 100 % feasible" in said
    assert (
        "family 100 yinong 0.3 s x 1: 1 runs, 100 % feasible, 1 with the known routes, median +0.00 %" in said
    )


def test_what_cannot_be_measured_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", str(folder / "none")]) == 2
    assert main(["bench", str(folder), "--engines", "magic"]) == 2
    assert "unknown engine 'magic'" in capsys.readouterr().err
    (folder / "odd.csv").write_text("a,b\n")
    with pytest.raises(FormatError):
        bench.load_results(folder / "odd.csv")


def test_budgets_are_given_by_size_class() -> None:
    budget = bench.Budget.of("25:10,400:60,20")
    assert [budget.seconds(f"U_{size}_1") for size in ("25small", "100", "400")] == [10, 20, 60]
    for wrong in ("25:ten", "0", "400:-1", "nan"):
        with pytest.raises(ProblemError, match="--seconds"):
            bench.Budget.of(wrong)


def test_a_larger_sample_holds_the_smaller(tmp_path: Path) -> None:
    names = [f"U_{size}_{k}" for size in (25, 100) for k in range(6)]
    for name in names:
        (tmp_path / f"{name}.txt").write_text(VRPDO)
    (tmp_path / "bks.csv").write_text("instance,bks_cost,bks_routes\n" + "".join(f"{n},1,1\n" for n in names))
    found = bench.cases(tmp_path)
    two, four = bench.sample(found, 2), bench.sample(found, 4)
    assert (len(two), len(four), len(bench.sample(found, None))) == (4, 8, 12)
    assert {case.file for case in two} < {case.file for case in four}


def test_a_refusal_is_a_row(folder: Path) -> None:
    case = next(case for case in bench.cases(folder) if case.file.stem == "U_25_1")
    result = measure(case, engine="vroom", seconds=1, workers=1, seed=1)
    assert not result.feasible
    assert "options" in result.refused or "install-bench" in result.refused
    assert bench.summary([result])[0].median_pct is None


def test_an_engine_s_own_account_is_in_the_unit_of_the_family(folder: Path) -> None:
    for case in bench.cases(folder):
        result = measure(case, engine="ortools-default", seconds=0.3, workers=1, seed=1)
        assert result.claimed_cost == pytest.approx(result.cost, abs=1e-3)
        assert result.claimed_routes == (0 if case.routes is None else result.routes)
        assert result.ignores == ""
