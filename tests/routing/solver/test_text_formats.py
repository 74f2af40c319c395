"""Readers of the public text formats on small files of our own: values, round trips, bad input by line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from routing.solver.__main__ import main
from routing.solver.errors import FormatError
from routing.solver.formats import FORMATS, Convention, cvrplib, lilim, solomon, vrpdo
from routing.solver.terms import Direction

VRPDO = """tiny.txt

VEHICLE CAPACITY LOCATIONS CUSTOMER OPTIONS PRIORITIES NUMTYPS
3 10 4 3 5 2 3

CUSTOMER DEMAND
0 4
1 3
2 5

LOCATION XCOORD YCOORD CAP READY DUE TYP SERVICETIME
0 0 0 -1 0 100 0 0
1 3 4 -1 0 50 2 6
2 6 8 1 10 60 1 5
3 0 5 -1 0 100 2 6

OPTION LOCATION CUSTOMER PRIO SERVICETIME COST
0 1 0 0 2 0
1 2 0 1 1 0
2 2 1 0 1 0
3 3 2 0 2 0
4 1 2 1 2 0
"""

SOLOMON = """TINY

VEHICLE
NUMBER CAPACITY
 2 20

CUSTOMER
CUST NO. XCOORD. YCOORD. DEMAND READY TIME DUE DATE SERVICE TIME

 0 0 0 0 0 200 0
 1 1 1 5 0 100 10
 2 3 4 6 20 150 10
"""

LILIM = """2 20 1
0 0 0 0 0 200 0 0 0
1 1 1 5 0 100 10 0 2
2 3 4 -5 20 150 10 1 0
"""

CVRP = """NAME : tiny
TYPE : CVRP
DIMENSION : 3
EDGE_WEIGHT_TYPE : EUC_2D
CAPACITY : 9
NODE_COORD_SECTION
1 0 0
2 3 4
3 1 1
DEMAND_SECTION
1 0
2 4
3 5
DEPOT_SECTION
1
-1
EOF
"""
TEXTS = {"vrpdo": VRPDO, "solomon": SOLOMON, "lilim": LILIM, "cvrplib": CVRP}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tiny.txt"


def test_delivery_options_are_read(file: Path) -> None:
    file.write_text(VRPDO)
    problem = vrpdo.read_problem(file)
    assert problem.matrix.distance_m[0, 1] == 5.0
    assert [o.id for o in problem.shipments[0].options] == ["0", "1"]
    assert [o.preference for o in problem.shipments[0].options] == [0, 1]
    locker = problem.places[2].cells
    assert locker is not None
    assert locker[0].small == 1
    assert problem.places[1].cells is None
    assert (problem.places[2].setup_s, problem.places[2].windows[0].closes_s) == (5, 60)


def test_the_convention_of_2021_scales_and_widens(file: Path) -> None:
    file.write_text(VRPDO)
    problem = vrpdo.read_problem(file, tilk=True)
    assert problem.matrix.distance_m[0, 1] == 50
    assert problem.matrix.time_s[1, 3] == 32  # ceil(10 * sqrt(10))
    assert [p.windows[0].closes_s for p in problem.places] == [1000, 550, 620, 1050]
    assert (problem.places[1].setup_s, problem.shipments[0].options[0].service_s) == (60, 20)


def test_solomon_counts_truncated_tenths_or_real_distance(file: Path) -> None:
    file.write_text(SOLOMON)
    problem = solomon.read_problem(file)
    assert problem.matrix.distance_m[0, 1] == 14
    window = problem.shipments[0].options[0].window
    assert window is not None
    assert window.closes_s == 1000
    real = solomon.read_problem(file, routes_first=True)
    assert real.matrix.distance_m[0, 1] == pytest.approx(2**0.5)
    assert real.vehicles[0].fixed_fen == solomon.ROUTE


def test_lilim_reads_pairs(file: Path) -> None:
    file.write_text(LILIM)
    [pair] = lilim.read_problem(file).shipments
    assert (pair.direction, pair.id, pair.options[0].id) == (Direction.PAIR, "1", "2")
    assert pair.collection is not None
    assert pair.collection.place == "1"


def test_cvrplib_rounds(file: Path) -> None:
    file.write_text(CVRP)
    problem = cvrplib.read_problem(file)
    assert (problem.matrix.distance_m[0, 2], problem.matrix.distance_m[0, 1]) == (1, 5)
    assert [s.volume_ml for s in problem.shipments] == [4, 5]


@pytest.mark.parametrize(
    ("family", "lists", "cost"),
    [
        ("vrpdo", [[0, 2], [3]], 5 + 5 + 10 + 5 + 5),
        ("solomon", [[1, 2]], 1.4 + 3.6 + 5.0),
        ("lilim", [[1, 2]], 2**0.5 + 13**0.5 + 5),
        ("cvrplib", [[1, 2]], 5 + 4 + 1),
    ],
)
def test_plans_survive_the_file(family: str, lists: list[list[int]], cost: float, file: Path) -> None:
    file.write_text(TEXTS[family])
    form = FORMATS[family]
    problem = form.read_problem(file, Convention())
    plan = file.with_name("plan.json")
    plan.write_text(json.dumps({"routes": lists, "cost": 0}))
    solution = form.read_plan(plan, problem)
    assert form.cost(solution, problem) == pytest.approx(cost)
    form.write_plan(solution, problem, plan)
    written = json.loads(plan.read_text())
    assert written["routes"] == lists
    assert written["cost"] == pytest.approx(cost)


def _refusal(family: str, file: Path, text: str) -> str | None:
    file.write_text(text)
    try:
        FORMATS[family].read_problem(file, Convention())
    except FormatError as error:
        return str(error)
    return None


@pytest.mark.parametrize("family", TEXTS)
def test_a_cut_file_is_refused_by_name_or_reads(family: str, file: Path) -> None:
    """Wherever the file is cut, the reader answers with a problem or with FormatError, never otherwise."""
    text = TEXTS[family]
    refusals = [_refusal(family, file, text[:end]) for end in range(0, len(text), 7)]
    assert all(refusal is None or refusal.startswith(str(file)) for refusal in refusals)
    assert sum(refusal is not None for refusal in refusals) >= 0.7 * len(refusals)


@pytest.mark.parametrize(
    ("family", "old", "new", "line", "field"),
    [
        ("vrpdo", "1 3 4 -1 0 50 2 6", "1 3 x -1 0 50 2 6", 13, "YCOORD"),
        ("vrpdo", "1 3 4 -1 0 50 2 6", "1 3 4 -1 60 50 2 6", 13, "DUE"),
        ("vrpdo", "1 3 4 -1 0 50 2 6", "1 3 4 -1 0 50 2", 13, "SERVICETIME"),
        ("vrpdo", "4 1 2 1 2 0", "4 9 2 1 2 0", 22, "LOCATION"),
        ("vrpdo", "4 1 2 1 2 0", "3 1 2 1 2 0", 22, "OPTION"),
        ("vrpdo", "4 1 2 1 2 0", "4 1 2 1 2 0\n5 1 2 1 2 0", 23, ""),
        ("solomon", " 2 3 4 6 20 150 10", " 2 3 4 6 200 150 10", 12, "DUE DATE"),
        ("solomon", " 2 3 4 6 20 150 10", " 2 3 4 inf 20 150 10", 12, "DEMAND"),
        ("solomon", " 2 3 4 6 20 150 10", " 1 3 4 6 20 150 10", 12, "CUST NO."),
        ("lilim", "1 1 1 5 0 100 10 0 2", "1 1 1 5 0 100 10 0 9", 3, "DELIVERY"),
        ("cvrplib", "EUC_2D", "EXPLICIT", None, "EDGE_WEIGHT_TYPE"),
        ("cvrplib", "2 3 4", "2 3", 8, "Y"),
    ],
)
def test_bad_lines_are_named(
    family: str, old: str, new: str, line: int | None, field: str, file: Path
) -> None:
    file.write_text(TEXTS[family].replace(old, new))
    with pytest.raises(FormatError) as caught:
        FORMATS[family].read_problem(file, Convention())
    assert caught.value.path == field
    if line is not None:
        assert caught.value.line == line


BAD = [
    # family, what stands there, what stands there instead, line, field
    ("vrpdo", "0 4\n", "0 40\n", 7, "DEMAND"),
    ("vrpdo", "0 4\n", "0 -4\n", 7, "DEMAND"),
    ("vrpdo", "0 4\n", "0 inf\n", 7, "DEMAND"),
    ("vrpdo", "0 4\n", "0 4 1\n", 7, "DEMAND"),
    ("vrpdo", "1 3\n2 5", "0 3\n2 5", 8, "CUSTOMER"),
    ("vrpdo", "1 3 4 -1 0 50 2 6", "1 3 -1 0 50 2 6", 13, "SERVICETIME"),
    ("vrpdo", "1 3 4 -1 0 50 2 6", "1 3 4 -1 60 50 2 6", 13, "DUE"),
    ("vrpdo", "4 1 2 1 2 0", "4 1 7 1 2 0", 22, "CUSTOMER"),
    ("vrpdo", "3 3 2 0 2 0\n4 1 2 1 2 0\n", "3 3 2", 21, "PRIO"),
    ("solomon", " 1 1 1 5 0 100 10", " 1 1 1 50 0 100 10", 11, "DEMAND"),
    ("solomon", " 1 1 1 5 0 100 10", " 1 1 1 -5 0 100 10", 11, "DEMAND"),
    ("solomon", " 1 1 1 5 0 100 10", " 1 1 1 nan 0 100 10", 11, "DEMAND"),
    ("solomon", " 1 1 1 5 0 100 10", " 1 1 1 5 0 100 10 7", 11, "SERVICE TIME"),
    ("solomon", " 1 1 1 5 0 100 10", " 2 1 1 5 0 100 10", 11, "CUST NO."),
    ("solomon", " 1 1 1 5 0 100 10", " 1 1 1 5 120 100 10", 11, "DUE DATE"),
    ("solomon", " 2 3 4 6 20 150 10", " 2 3 4", 12, "DEMAND"),
    ("lilim", "1 1 1 5 0 100 10 0 2", "1 1 1 50 0 100 10 0 2", 3, "DEMAND"),
    ("lilim", "1 1 1 5 0 100 10 0 2", "1 1 1 5 -9 100 10 0 2", 3, "EARLIEST"),
    ("lilim", "1 1 1 5 0 100 10 0 2", "1 1 1 5 101 100 10 0 2", 3, "LATEST"),
    ("lilim", "1 1 1 5 0 100 10 0 2", "2 1 1 5 0 100 10 0 2", 3, "TASK NO."),
    ("lilim", "2 3 4 -5 20 150 10 1 0", "2 3 4 -5 20 150 10 0 0", 4, "PICKUP"),
    ("lilim", "2 3 4 -5 20 150 10 1 0", "2 3 4 -5", 4, "EARLIEST"),
    ("cvrplib", "3 5\nDEPOT", "3 50\nDEPOT", 13, "DEMAND"),
    ("cvrplib", "3 5\nDEPOT", "3 -5\nDEPOT", 13, "DEMAND"),
    ("cvrplib", "3 5\nDEPOT", "2 5\nDEPOT", 13, "NODE"),
    ("cvrplib", "3 1 1", "3 1 inf", 9, "Y"),
    ("cvrplib", "3 5\nDEPOT_SECTION\n1\n-1\nEOF\n", "3 5\n", 13, "DEPOT_SECTION"),
]


@pytest.mark.parametrize(("family", "old", "new", "line", "field"), BAD)
def test_bad_input_exits_2_naming_file_line_and_field(
    family: str, old: str, new: str, line: int, field: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert TEXTS[family].count(old) == 1
    file.write_text(TEXTS[family].replace(old, new))
    assert main(["solve", str(file), "--format", family, "--iterations", "1"]) == 2
    assert capsys.readouterr().err.startswith(f"error: {file}:{line}: {field}: ")


@pytest.mark.parametrize("family", TEXTS)
def test_the_command_line_knows_the_family_by_sight(
    family: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(TEXTS[family])
    plan = file.with_name("plan.json")
    assert main(["solve", str(file), "--iterations", "50", "--out", str(plan)]) == 0
    line = json.loads(capsys.readouterr().out)
    assert (line["engine"], line["unserved"]) == ("yinong", 0)
    assert main(["check", str(file), str(plan)]) == 0
    assert json.loads(capsys.readouterr().out)["feasible"] is True
