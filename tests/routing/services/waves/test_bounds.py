"""The floor under a plan's cost: exact on one stop, never above what a plan costs."""

from __future__ import annotations

import pytest

from routing.services.waves.bounds import floor_fen
from routing.solver.matrix import Matrix
from routing.solver.problem import Compartment, Option, Place, Problem, Shipment, Vehicle, Window
from routing.solver.solve import Limits, solve
from routing.solver.terms import Direction, Zone


def problem(stops: int, weight_g: int = 1_000) -> Problem:
    """Stops on a line, 10 km and 10 minutes apart; two vans that carry 5 kg each."""
    places = (Place("hub"), *(Place(f"p{n}", setup_s=60) for n in range(stops)))
    table = [[abs(a - b) for b in range(stops + 1)] for a in range(stops + 1)]
    van = {
        "start": "hub",
        "end": "hub",
        "compartments": (Compartment(Zone.AMBIENT, 100_000, 5_000),),
        "shift": Window(0, 40_000),
        "fixed_fen": 1_000,
        "fen_per_km": 100,
        "fen_per_hour": 3_600,
    }
    shipments = tuple(
        Shipment(f"s{n}", Direction.DOWN, (Option(f"s{n}.0", f"p{n}", service_s=30),), 1_000, weight_g)
        for n in range(stops)
    )
    matrix = Matrix([[10_000 * d for d in row] for row in table], [[600 * d for d in row] for row in table])
    return Problem("line", places, tuple(Vehicle(f"v{n}", **van) for n in range(2)), shipments, matrix)


def test_it_counts_vans_roads_and_service() -> None:
    asked = problem(4)
    plan = solve(asked, limits=Limits(iterations=20), engine="ortools")
    # one van, 40 km of tree, 4 x 10 min of driving and 4 x 90 s of service at 1 fen a second
    assert floor_fen(asked, plan) == pytest.approx(1_000 + 4_000 + 2_400 + 360)
    assert plan.cost == pytest.approx(1_000 + 8_000 + 4_800 + 360)


def test_what_one_van_cannot_carry_needs_two() -> None:
    asked = problem(4, weight_g=2_000)
    plan = solve(asked, limits=Limits(iterations=20), engine="ortools")
    assert floor_fen(asked, plan) == pytest.approx(2_000 + 4_000 + 2_400 + 360)
    assert floor_fen(asked, plan) <= plan.cost
