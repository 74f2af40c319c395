"""The product's own format: what is written is read again; what is wrong is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from routing.solver.errors import FormatError
from routing.solver.formats import yinong
from routing.solver.solve import Limits, solve
from tests.routing.solver.instances import town_delivery, village_loop


@pytest.mark.parametrize("problem", [village_loop(down=20, up=20), town_delivery(parcels=20)])
def test_problem_and_plan_survive_the_file(problem: Any, tmp_path: Path) -> None:
    file = tmp_path / "problem.json"
    yinong.write_problem(problem, file)
    again = yinong.read_problem(file)
    assert again.places == problem.places
    assert again.vehicles == problem.vehicles
    assert again.shipments == problem.shipments
    assert again.objective == problem.objective
    assert (again.matrix.time_s == problem.matrix.time_s).all()
    plan = solve(problem, limits=Limits(iterations=3))
    yinong.write_plan(plan, tmp_path / "plan.json")
    assert yinong.read_plan(tmp_path / "plan.json") == plan


def _set(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(data: Any) -> None:
        *way, last = path.split("/")
        for step in way:
            data = data[int(step) if step.isdigit() else step]
        data[int(last) if last.isdigit() else last] = value

    return change


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (_set("colour", "red"), "colour"),
        (_set("format", "yinong/9"), "format"),
        (_set("places/1/colour", "red"), "places[1].colour"),
        (_set("shipments/0/options/0/place", "nowhere"), "shipments[0].options[0].place"),
        (_set("shipments/1/id", "p0"), "shipments[1].id"),
        (_set("shipments/0/weight_g", -5), "shipments[0].weight_g"),
        (_set("shipments/0/weight_g", "5"), "shipments[0].weight_g"),
        (_set("shipments/0/volume_ml", 10**9), "shipments[0].volume_ml"),
        (_set("shipments/0/zone", "lukewarm"), "shipments[0].zone"),
        (_set("shipments/0/size", "XL"), "shipments[0].size"),
        (_set("shipments/0/direction", "sideways"), "shipments[0].direction"),
        (_set("places/8/windows/0/closes_s", 3), "places[8].windows[0].closes_s"),
        (_set("vehicles/0/shift", None), "vehicles[0].shift"),
        (_set("matrix/time_s/2/3", None), "matrix.time_s[2][3]"),
        (_set("matrix/time_s/2", [1, 2]), "matrix.time_s[2]"),
        (_set("matrix/distance_m/2/3", -1), "matrix.distance_m[2][3]"),
        (_set("closed", [["hub"]]), "closed[0]"),
        (_set("closed", [["hub", "nowhere"]]), "closed"),
        (lambda data: data.pop("vehicles"), "vehicles"),
        (lambda data: data["vehicles"][0].pop("compartments"), "vehicles[0].compartments"),
    ],
)
def test_bad_input_is_refused_with_its_path(change: Callable[[Any], None], path: str, tmp_path: Path) -> None:
    file = tmp_path / "problem.json"
    yinong.write_problem(town_delivery(parcels=4), file)
    data = json.loads(file.read_text())
    change(data)
    file.write_text(json.dumps(data))
    with pytest.raises(FormatError) as caught:
        yinong.read_problem(file)
    assert caught.value.path == path
    assert caught.value.file == str(file)


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_are_none_are_refused_with_their_line(word: str, tmp_path: Path) -> None:
    file = tmp_path / "problem.json"
    file.write_text('{\n"format": "yinong/1",\n"name": ' + word + "}")
    with pytest.raises(FormatError) as caught:
        yinong.read_problem(file)
    assert caught.value.line == 3


def test_a_truncated_file_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "problem.json"
    yinong.write_problem(town_delivery(parcels=4), file)
    whole = file.read_text()
    for share in (0.1, 0.5, 0.9, 0.999):
        file.write_text(whole[: int(len(whole) * share)])
        with pytest.raises(FormatError) as caught:
            yinong.read_problem(file)
        assert caught.value.line == 1
        assert str(caught.value).startswith(f"{file}:1: ")


def test_repeated_fields_missing_files_and_foreign_bytes_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "problem.json"
    file.write_text('{"name": "a", "name": "b"}')
    with pytest.raises(FormatError, match="stands twice"):
        yinong.read_problem(file)
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(FormatError, match="not UTF-8"):
        yinong.read_problem(file)
    with pytest.raises(FormatError, match="cannot be read"):
        yinong.read_problem(tmp_path / "none.json")


def test_a_great_circle_matrix_needs_coordinates(tmp_path: Path) -> None:
    file = tmp_path / "problem.json"
    yinong.write_problem(town_delivery(parcels=2), file)
    data = json.loads(file.read_text())
    data["matrix"] = {"great_circle": {"detour": 1.4, "speed_kmh": 35}}
    file.write_text(json.dumps(data))
    expected = town_delivery(parcels=2).matrix
    assert (yinong.read_problem(file).matrix.distance_m == expected.distance_m).all()
    data["places"][3]["lon"] = data["places"][3]["lat"] = None
    file.write_text(json.dumps(data))
    with pytest.raises(FormatError) as caught:
        yinong.read_problem(file)
    assert caught.value.path == "places[3].lon"
