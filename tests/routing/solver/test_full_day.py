"""Days that use everything a problem can say at once: solved by `yinong`, proved by the judge."""

from __future__ import annotations

from functools import cache

import pytest

from routing.solver.check import check
from routing.solver.full_day import SMALL_VALUE, TOUR, full_day
from routing.solver.problem import Problem
from routing.solver.solution import Solution
from routing.solver.solve import Limits, solve
from routing.solver.terms import Direction, Goods, Zone

SEEDS = range(1, 5)


@cache
def _solved(seed: int) -> tuple[Problem, Solution]:
    problem = full_day(seed=seed)
    return problem, solve(problem, engine="yinong", limits=Limits(iterations=600))


def test_the_family_uses_every_feature() -> None:
    problem = full_day(seed=1)
    shipments, vans, places = problem.shipments, problem.vehicles, problem.places
    assert {s.direction for s in shipments} == set(Direction)
    assert {s.zone for s in shipments} >= {Zone.AMBIENT, Zone.CHILLED}
    assert {s.goods for s in shipments} >= {Goods.FOOD, Goods.NEUTRAL}
    assert any(len(s.options) > 1 and s.options[1].compensation_fen for s in shipments)
    assert any(s.cold_budget_s is not None for s in shipments)
    assert any(s.value_fen == SMALL_VALUE for s in shipments)
    assert any(s.vehicles for s in shipments)
    assert any(s.release_s for s in shipments)
    assert any(s.due_s for s in shipments)
    assert any(place.cells for place in places)
    assert any(place.needs for place in places)
    assert len(vans[0].locked) == 2
    assert any(van.max_trips > 1 for van in vans)
    assert any(len(van.breaks) == 2 for van in vans)
    assert len({van.shift for van in vans}) > 1
    assert problem.closed


@pytest.mark.parametrize("seed", SEEDS)
def test_its_plans_hold(seed: int) -> None:
    problem, plan = _solved(seed)
    assert check(problem, plan).violations == ()
    assert plan.engine == "yinong"
    left = {entry.shipment for entry in plan.unserved}
    dear = [s for s in problem.shipments if s.id in left and s.value_fen > SMALL_VALUE]
    assert len(dear) <= 0.05 * len(problem.shipments)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_fixed_tour_is_driven_by_its_van_and_begins_as_promised(seed: int) -> None:
    problem, plan = _solved(seed)
    [route] = [route for route in plan.routes if route.vehicle == problem.vehicles[0].id]
    promised = problem.vehicles[0].locked
    assert tuple(h.option for h in route.handlings())[: len(promised)] == promised
    own = {s.id for s in problem.shipments if s.vehicles is not None}
    assert own & plan.chosen().keys() <= {h.shipment for h in route.handlings()}
    stations = {s.options[0].place for s in problem.shipments if s.vehicles is not None}
    assert len(stations) <= TOUR


def test_where_vans_are_few_they_reload() -> None:
    problem = full_day(seed=2, shipments=240, vans=2)
    plan = solve(problem, engine="yinong", limits=Limits(iterations=600))
    assert check(problem, plan).violations == ()
    assert sum(visit.reload for route in plan.routes for visit in route.visits) > 0


def test_where_vans_are_few_what_is_worth_little_stays() -> None:
    problem = full_day(seed=2, shipments=300, vans=1)
    plan = solve(problem, engine="yinong", limits=Limits(iterations=600))
    assert check(problem, plan).violations == ()
    left = {entry.shipment for entry in plan.unserved}
    cheap = {s.id for s in problem.shipments if s.value_fen == SMALL_VALUE}
    assert len(left) > 0
    share = len(left & cheap) / len(cheap)
    assert share > len(left - cheap) / (len(problem.shipments) - len(cheap))
