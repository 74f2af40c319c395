"""The command line: one JSON line, exit codes, bad input named."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from routing.solver.__main__ import main
from routing.solver.formats import yinong
from tests.routing.solver.instances import town_delivery


def test_solve_then_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, plan = tmp_path / "town.json", tmp_path / "plan.json"
    yinong.write_problem(town_delivery(parcels=30), file)
    assert (
        main(
            [
                "solve",
                str(file),
                "--engine",
                "ortools",
                "--iterations",
                "5",
                "--seed",
                "3",
                "--out",
                str(plan),
            ]
        )
        == 0
    )
    line = json.loads(capsys.readouterr().out)
    assert line.keys() == {"instance", "cost", "routes", "unserved", "seconds", "engine", "seed"}
    assert (line["instance"], line["unserved"], line["engine"], line["seed"]) == ("town-1", 0, "ortools", 3)
    assert main(["check", str(file), str(plan)]) == 0
    verdict = json.loads(capsys.readouterr().out)
    assert verdict["feasible"] is True
    assert verdict["cost"] == pytest.approx(line["cost"])


def test_something_unserved_exits_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    problem = town_delivery(parcels=5)
    lonely = replace(problem.shipments[0], options=())
    yinong.write_problem(replace(problem, shipments=(lonely, *problem.shipments[1:])), tmp_path / "t.json")
    assert main(["solve", str(tmp_path / "t.json"), "--iterations", "2"]) == 1
    assert json.loads(capsys.readouterr().out)["unserved"] == 1


def test_bad_input_exits_2_and_names_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "town.json"
    yinong.write_problem(town_delivery(parcels=5), file)
    file.write_text(file.read_text().replace('"id": "p1"', '"id": "p0"'))
    assert main(["solve", str(file), "--iterations", "2"]) == 2
    assert f"{file}: shipments[1].id: duplicate 'p0'" in capsys.readouterr().err
    assert main(["solve", str(tmp_path / "none"), "--iterations", "2"]) == 2
    (tmp_path / "odd").write_text("hello")
    assert main(["solve", str(tmp_path / "odd"), "--iterations", "2"]) == 2
    assert "looks like none of" in capsys.readouterr().err


def test_a_broken_plan_fails_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, plan = tmp_path / "town.json", tmp_path / "plan.json"
    yinong.write_problem(town_delivery(parcels=10), file)
    main(["solve", str(file), "--iterations", "2", "--out", str(plan)])
    data = json.loads(plan.read_text())
    data["routes"][0]["visits"].pop()
    plan.write_text(json.dumps(data))
    capsys.readouterr()
    assert main(["check", str(file), str(plan)]) == 1
    assert json.loads(capsys.readouterr().out)["feasible"] is False
