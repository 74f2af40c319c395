"""The runs behind docs/benchmarks.md at a small size: rows kept and resumed, page and pictures drawn."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from routing.solver.bench.__main__ import main
from routing.solver.bench.chart import exponent, growth_svg, points
from routing.solver.bench.days import VARIANTS, WHOLE, Day, first_choices, measure_day, two_loops
from routing.solver.bench.page import write_page
from routing.solver.bench.picture import plan_svg
from routing.solver.bench.results import load_rows
from routing.solver.bench.runner import machine, run_table, shifts
from routing.solver.bench.tables import TABLES, WITH_OPTIONS, Scope
from routing.solver.solve import Limits, solve
from routing.solver.terms import Direction
from routing.solver.worlds import world
from tests.routing.solver.public import DATA, needs_data

SVG = "{http://www.w3.org/2000/svg}"


def scope(folder: Path, scale: float) -> Scope:
    return Scope(data=DATA, pictures=folder / "pictures", scale=scale)


def day(**changes: object) -> Day:
    """A row that asks for a small county on one worker."""
    asked = Day("county", 60, WHOLE, "yinong", 0.2, 0, 1, 1, 0.0, 0, 0, 0.0, 0.0, 0)
    return replace(asked, **changes)  # type: ignore[arg-type]


def test_a_table_is_run_once_kept_and_written(tmp_path: Path) -> None:
    file, said = tmp_path / "bench" / "variants.csv", list[str]()
    jobs = TABLES["variants"][1](scope(tmp_path, 0.02))
    assert run_table(file, Day, jobs, say=said.append, apart=False) == len(VARIANTS)
    assert run_table(file, Day, jobs, say=said.append, apart=False) == 0
    rows = {row.variant: row for row in load_rows(file, Day)}
    assert rows.keys() == VARIANTS.keys()
    assert all(row.unserved == 0 and row.cost > 0 and not row.refused for row in rows.values())
    assert rows["produce on a loop of its own"].cost > rows[WHOLE].cost
    write_page(tmp_path / "bench", tmp_path / "benchmarks.md", tmp_path / "pictures")
    page = (tmp_path / "benchmarks.md").read_text()
    assert "## What each freedom is worth" in page
    assert f"| first choices only | {rows['first choices only'].cost / 100:,.0f} |" in page
    assert "## Growth" not in page


def test_one_core_runs_share_the_machine_and_the_others_have_it_alone(tmp_path: Path) -> None:
    jobs = TABLES["speedup"][1](scope(tmp_path, 0.0025))
    assert [(at_once, [job.cores for job in mine]) for at_once, mine in shifts(jobs)] == [(2, [1]), (1, [2])]
    assert run_table(tmp_path / "speedup.csv", Day, jobs, say=lambda line: None, apart=False) == 2
    one, two = load_rows(tmp_path / "speedup.csv", Day)
    assert (one.cost, one.iterations) == (two.cost, 50)
    assert one.memory_mb > 50


def test_a_refusal_is_a_row() -> None:
    row = measure_day(day(engine="vroom"))
    assert "options" in row.refused or "install-bench" in row.refused
    assert row.cost == 0


def test_variants_leave_out_what_they_say() -> None:
    county = world("county", shipments=200)
    assert {len(item.options) for item in first_choices(county).shipments} == {1}
    down, other = two_loops(county)
    assert {item.direction for item in down.shipments} == {Direction.DOWN}
    assert len(down.shipments) + len(other.shipments) == len(county.shipments)
    (warm,) = VARIANTS["no cold budget"](county)
    assert all(item.cold_budget_s is None for item in warm.shipments)


def test_growth_is_read_between_the_runs_around_two_percent() -> None:
    rows = [
        day(shipments=size, seconds=budget, took_s=budget * size / 1000, cost=cost * size)
        for size in (300, 3_000)
        for budget, cost in ((1.0, 110.0), (2.0, 104.0), (4.0, 101.0), (8.0, 100.0))
    ]
    found = points(rows)
    assert [point.shipments for point in found] == [300, 3_000]
    assert 2.0 < found[1].seconds / 3 < 4.0
    assert exponent(found) == pytest.approx(1.0)
    assert not any(point.at_most for point in found)
    quick = points([replace(row, cost=100.0) for row in rows])
    assert all(point.at_most for point in quick)
    picture = ET.fromstring(growth_svg(found))
    assert len(picture.findall(f"{SVG}circle")) == 4


def test_a_plan_is_drawn_with_a_line_per_tour_and_a_triangle_per_hub() -> None:
    city = world("city", shipments=60)
    plan = solve(city, engine="yinong", limits=Limits(iterations=5), seed=1)
    picture = ET.fromstring(plan_svg(city, plan))
    assert len(picture.findall(f"{SVG}polyline")) == len(plan.routes)
    assert len(picture.findall(f"{SVG}path")) == 10


@needs_data
def test_the_public_tables_are_sampled_by_size(tmp_path: Path) -> None:
    goals = TABLES["goals"][1](scope(tmp_path, 1.0))
    assert len(goals) == 9
    assert {job.seconds for job in goals} == {10.0, 20.0, 60.0}
    beside = TABLES["peers"][1](scope(tmp_path, 1.0))
    assert {job.cores for job in beside} == {1}
    assert sum("vrpdo_dumez" in job.key for job in beside) == 3 * len(WITH_OPTIONS)


def test_missing_instances_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["goals", "--data", str(tmp_path), "--docs", str(tmp_path)]) == 2
    assert "bks.csv" in capsys.readouterr().err
    assert main(["plain", "--plan", "--docs", str(tmp_path)]) == 0
    assert "plain: 7 runs" in capsys.readouterr().out
    assert not (tmp_path / "benchmarks.md").exists()


def test_the_machine_is_stated() -> None:
    facts = machine()
    assert facts["ortools"].startswith("9.")
    assert int(facts["cores"]) >= 1
