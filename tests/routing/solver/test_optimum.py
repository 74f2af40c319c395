"""The search against the optimum, on small problems that use every feature.

`make bench-router` runs 500 of them with up to four shipments; the suite a few.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings

from routing.solver.check import check
from routing.solver.problem import Problem
from routing.solver.solve import Limits, solve
from tests.routing.solver.exact import optimum, worth
from tests.routing.solver.strategies import problems

EXAMPLES = int(os.environ.get("ROUTER_EXAMPLES", "12"))
MOST_SHIPMENTS = 4 if EXAMPLES > 100 else 3


def test_the_search_finds_the_optimum_on_19_of_20_small_problems() -> None:
    gaps: list[float] = []

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(problems(most_shipments=MOST_SHIPMENTS))
    def run(problem: Problem) -> None:
        plan = solve(problem, engine="yinong", limits=Limits(iterations=400), seed=1)
        assert check(problem, plan).feasible
        gaps.append(worth(problem, plan) - optimum(problem))

    run()
    equal = sum(gap <= 0.05 for gap in gaps)
    print(f"{equal} of {len(gaps)} equal to the optimum; worst {max(gaps):.2f} fen")
    assert min(gaps) >= -0.05, "cheaper than the optimum: the yardstick is wrong"
    assert equal >= 0.95 * len(gaps)


def test_the_yardstick_sees_a_worse_plan() -> None:
    from tests.routing.solver.instances import town_delivery

    problem = town_delivery(parcels=2)
    best = optimum(problem)
    lazy = solve(problem, engine="ortools", limits=Limits(iterations=1))
    assert worth(problem, lazy) >= best - 0.05
    assert worth(problem, type(lazy)(lazy.problem, (), lazy.unserved, 0.0)) == pytest.approx(0.0)
