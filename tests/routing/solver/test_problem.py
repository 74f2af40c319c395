"""Problems refuse nonsense and name where it stands."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from routing.solver.errors import ProblemError
from routing.solver.matrix import Matrix
from routing.solver.problem import Cells, Compartment, Option, Place, Problem, Shipment, Vehicle, Window
from routing.solver.terms import Direction, Size, Zone
from tests.routing.solver.instances import town_delivery, van, village_loop


def test_nested_cells_count_every_cell_that_takes_the_size() -> None:
    cells = Cells(Zone.AMBIENT, small=5, medium=3, large=2)
    assert [cells.at_least(size) for size in Size] == [10, 5, 2]


@pytest.mark.parametrize(
    ("make", "path"),
    [
        (lambda: Window(10, 9), "closes_s"),
        (lambda: Window(math.inf, math.inf), "opens_s"),
        (lambda: Cells(Zone.AMBIENT, small=-1), "small"),
        (lambda: Cells(Zone.CHILLED, min_c=4), "min_c"),
        (lambda: Cells(Zone.CHILLED, min_c=4, max_c=2), "min_c"),
        (lambda: Place("a", lon=200.0, lat=1.0), "lon"),
        (lambda: Place("a", lon=1.0), "lon"),
        (lambda: Place(""), "id"),
        (lambda: Option("o", "a", compensation_fen=-1), "compensation_fen"),
        (lambda: Compartment(Zone.AMBIENT, volume_ml=math.nan, weight_g=1), "volume_ml"),
        (lambda: van("v", max_trips=0), "max_trips"),
        (lambda: van("v", compartments=()), "compartments"),
        (lambda: _shipment(weight_g=-1), "weight_g"),
        (lambda: _shipment(release_s=5, due_s=4), "due_s"),
        (lambda: _shipment(direction=Direction.PAIR), "collection"),
    ],
)
def test_a_value_without_sense_is_refused_by_field(make: Any, path: str) -> None:
    with pytest.raises(ProblemError) as caught:
        make()
    assert caught.value.path == path


def _shipment(**changes: Any) -> Shipment:
    values: dict[str, Any] = {
        "id": "s",
        "direction": Direction.DOWN,
        "options": (),
        "volume_ml": 1,
        "weight_g": 1,
    }
    return Shipment(**{**values, **changes})


def _with_first(problem: Problem, **changes: Any) -> Problem:
    first = replace(problem.shipments[0], **changes)
    return replace(problem, shipments=(first, *problem.shipments[1:]))


def test_references_that_lead_nowhere_are_named() -> None:
    problem = town_delivery(parcels=3)
    lost = (Option("x", "nowhere"),)
    with pytest.raises(ProblemError) as caught:
        _with_first(problem, options=lost)
    assert caught.value.path == "shipments[0].options[0].place"
    with pytest.raises(ProblemError) as caught:
        _with_first(problem, hub="nowhere")
    assert caught.value.path == "shipments[0].hub"
    with pytest.raises(ProblemError) as caught:
        replace(problem, vehicles=(van("v", locked=("nothing",)),))
    assert caught.value.path == "vehicles[0].locked[0]"


def test_duplicates_are_named_at_their_second_place() -> None:
    problem = town_delivery(parcels=3)
    with pytest.raises(ProblemError) as caught:
        _with_first(problem, id="p2")
    assert caught.value.path == "shipments[2].id"
    with pytest.raises(ProblemError) as caught:
        _with_first(problem, options=problem.shipments[1].options)
    assert caught.value.path == "shipments[1].options[0].id"


def test_a_shipment_that_no_van_takes_is_refused() -> None:
    problem = town_delivery(parcels=3)
    with pytest.raises(ProblemError) as caught:
        _with_first(problem, volume_ml=10**9)
    assert caught.value.path == "shipments[0].volume_ml"


def test_the_matrix_names_the_cell() -> None:
    good = np.zeros((2, 2))
    for value in (math.inf, math.nan, -1.0):
        bad = good.copy()
        bad[1, 0] = value
        with pytest.raises(ProblemError) as caught:
            Matrix(good, bad)
        assert caught.value.path == "matrix.time_s[1][0]"
    with pytest.raises(ProblemError) as caught:
        Matrix([[0, 1], [1, None]], good)
    assert caught.value.path == "matrix.distance_m[1][1]"
    with pytest.raises(ProblemError) as caught:
        Matrix([[0, 1], [1]], good)
    assert caught.value.path == "matrix.distance_m[1]"
    with pytest.raises(ProblemError) as caught:
        replace(village_loop(down=1, up=0), matrix=Matrix(good, good))
    assert caught.value.path == "matrix"


def test_a_matrix_cannot_be_changed_afterwards() -> None:
    table = np.ones((2, 2))
    matrix = Matrix(table, table)
    table[0, 0] = 5
    assert matrix.distance_m[0, 0] == 1
    with pytest.raises(ValueError, match="read-only"):
        matrix.distance_m[0, 0] = 5


@pytest.mark.parametrize(
    ("zone", "budget_s", "rooms", "expected"),
    [
        (Zone.CHILLED, None, (Zone.AMBIENT, Zone.CHILLED), (1, False)),
        (Zone.CHILLED, None, (Zone.AMBIENT,), None),
        (Zone.CHILLED, 600, (Zone.AMBIENT,), (0, True)),
        (Zone.FROZEN, 600, (Zone.AMBIENT, Zone.CHILLED), (1, True)),
        (Zone.CHILLED, 600, (Zone.FROZEN,), None),
        (Zone.AMBIENT, 600, (Zone.CHILLED,), None),
    ],
)
def test_where_a_shipment_rides(
    zone: Zone, budget_s: int | None, rooms: tuple[Zone, ...], expected: tuple[int, bool] | None
) -> None:
    shipment = _shipment(zone=zone, cold_budget_s=budget_s)
    vehicle = van("v", compartments=tuple(Compartment(room, 10, 10) for room in rooms))
    assert isinstance(vehicle, Vehicle)
    assert vehicle.compartment_for(shipment) == expected


def test_a_band_that_is_too_warm_does_not_keep() -> None:
    shipment = _shipment(zone=Zone.CHILLED, min_c=0, max_c=4)
    warm = van("v", compartments=(Compartment(Zone.CHILLED, 10, 10, min_c=2, max_c=7),))
    cold = van("v", compartments=(Compartment(Zone.CHILLED, 10, 10, min_c=2, max_c=4),))
    assert warm.compartment_for(shipment) is None
    assert cold.compartment_for(shipment) == (0, False)
