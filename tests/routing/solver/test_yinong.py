"""The compiled engine: its plans hold, repeat, keep promises, and its book-keeping undoes exactly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from routing.solver.check import check
from routing.solver.core.network import Network
from routing.solver.engines.yinong import layout as at
from routing.solver.engines.yinong.anneal import anneal, construct
from routing.solver.engines.yinong.arrays import compile_arrays
from routing.solver.engines.yinong.book import recount
from routing.solver.floor import floor
from routing.solver.problem import Objective, Option, Problem, ServiceLevel, Window
from routing.solver.solve import Limits, solve
from routing.solver.terms import Direction
from tests.routing.solver.instances import town_delivery, village_loop

LIMITS = Limits(iterations=300)


@pytest.mark.parametrize("problem", [village_loop(seed=1), town_delivery(seed=1)])
def test_a_small_day_is_served_in_300_iterations_at_about_the_cost_of_or_tools(problem: Problem) -> None:
    plan = solve(problem, engine="yinong", limits=LIMITS)
    assert check(problem, plan).violations == ()
    assert len(plan.unserved) <= 0.03 * len(problem.shipments)
    assert plan.cost <= 1.02 * solve(problem, engine="ortools", limits=Limits(iterations=4)).cost


@pytest.mark.parametrize("workers", [1, 2])
def test_the_same_seed_gives_the_same_plan(workers: int) -> None:
    problem = village_loop(seed=3, stations=10, down=60, up=30)
    limits = replace(LIMITS, workers=workers)
    one = solve(problem, engine="yinong", limits=limits, seed=5)
    assert one == solve(problem, engine="yinong", limits=limits, seed=5)


def test_a_plan_within_the_gap_is_good_enough() -> None:
    problem, stages = town_delivery(seed=1, parcels=40), list[str]()
    best = solve(problem, engine="yinong", limits=LIMITS).cost

    def plan(gap: float, bound: float | None) -> float:
        stages.clear()
        limits = Limits(iterations=3_000, gap=gap, bound=bound)
        return float(
            solve(problem, engine="yinong", limits=limits, listen=lambda p: stages.append(p.stage)).cost
        )

    plan(0.0, best / 2)
    assert [stage for stage in stages if stage.startswith("round")] != []
    assert plan(1.0, best) <= 2 * best
    assert [stage for stage in stages if stage.startswith("round")] == []
    cost = plan(50.0, None)
    assert floor(problem, {s.id for s in problem.shipments}) <= cost
    assert [stage for stage in stages if stage.startswith("round")] == []


def test_promised_stops_stay_where_they_are() -> None:
    problem = village_loop(seed=2, stations=8, vans=3, down=30, up=10)
    first = [s for s in problem.shipments if s.direction is Direction.DOWN][:2]
    tokens = tuple(s.options[0].id for s in first)
    locked = replace(problem.vehicles[1], locked=tokens)
    problem = replace(problem, vehicles=(problem.vehicles[0], locked, problem.vehicles[2]))
    plan = solve(problem, engine="yinong", limits=LIMITS)
    assert check(problem, plan).violations == ()
    route = next(r for r in plan.routes if r.vehicle == locked.id)
    assert tuple(h.option for h in route.handlings())[:2] == tokens


def test_service_levels_hold() -> None:
    problem = town_delivery(seed=2, parcels=60)
    problem = replace(problem, objective=Objective(service_levels=(ServiceLevel(0, 0.95),)))
    plan = solve(problem, engine="yinong", limits=LIMITS)
    assert check(problem, plan).violations == ()
    assert len(plan.unserved) <= 2


def test_what_no_plan_can_serve_stays_with_a_reason() -> None:
    problem = town_delivery(parcels=10)
    hopeless = replace(
        problem.shipments[0],
        options=tuple(
            Option(f"x{o.id}", o.place, window=Window(0, 60)) for o in problem.shipments[0].options
        ),
    )
    problem = replace(problem, shipments=(hopeless, *problem.shipments[1:]))
    plan = solve(problem, engine="yinong", limits=LIMITS)
    assert [(u.shipment, u.reason.value) for u in plan.unserved] == [(hopeless.id, "window")]


@pytest.mark.parametrize("problem", [village_loop(seed=4, down=80, up=40), town_delivery(seed=3)])
def test_the_running_account_equals_a_fresh_count(problem: Problem) -> None:
    """Costs, cells and service levels after thousands of accepted and undone iterations."""
    compiled = compile_arrays(Network.of(problem), seed=1)
    n, f = compiled.arena.n, compiled.arena.f
    recount(n, f)
    construct(n, f)
    anneal(n, f, 2_000, 500.0, 0.0)
    total = compiled.arena.view(at.TOTAL)[at.CURRENT]
    kept = {table: compiled.arena.view(table).copy() for table in (at.CELLS_USED, at.ROUTE_OF, at.NODE_OF)}
    recount(n, f)
    assert compiled.arena.view(at.TOTAL)[at.CURRENT] == pytest.approx(total, rel=1e-9)
    for table, before in kept.items():
        assert np.array_equal(compiled.arena.view(table), before)
