"""The bench on a small family of our own: gaps, groups, resuming."""

from __future__ import annotations

from pathlib import Path

import pytest

from routing.solver import bench
from routing.solver.__main__ import main
from routing.solver.errors import FormatError
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
    command = ["bench", str(folder), "--seconds", "0.3", "--workers", "1", "--out", str(out)]
    assert main([*command, "--engines", "yinong"]) == 0
    rows = {r.instance: r for r in bench.load_results(out)}
    assert rows["c101"].gap_pct == pytest.approx(0.0)
    assert rows["U_25_1"].feasible
    assert main([*command, "--engines", "yinong", "--resume"]) == 0
    assert len(bench.load_results(out)) == 2
    assert "family 100 yinong: 1 runs, 1 with the known routes, median +0.00 %" in capsys.readouterr().out


def test_what_cannot_be_measured_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", str(folder / "none")]) == 2
    assert main(["bench", str(folder), "--engines", "magic"]) == 2
    assert "unknown engine 'magic'" in capsys.readouterr().err
    (folder / "odd.csv").write_text("a,b\n")
    with pytest.raises(FormatError):
        bench.load_results(folder / "odd.csv")
