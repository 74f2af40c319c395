"""Over random problems: plans hold; plans that were tampered with do not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, given, settings

from routing.solver.check import check
from routing.solver.problem import Problem
from routing.solver.solution import Action, Route, Solution, Visit
from routing.solver.solve import Limits, solve
from routing.solver.terms import Direction, Goods, Size
from tests.routing.solver.strategies import problems

RELAXED = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
#: many a random plan has nothing to tamper with in that way
TAMPERED = settings(RELAXED, max_examples=20)
QUICK = Limits(iterations=1)


def _names(problem: Problem, plan: Solution) -> set[str]:
    return {violation.name for violation in check(problem, plan).violations}


def _cabinet_drops(problem: Problem, plan: Solution) -> list[tuple[int, int, int]]:
    """(route, visit, handling) of all drops into cells."""
    return [
        (r, v, h)
        for r, route in enumerate(plan.routes)
        for v, visit in enumerate(route.visits)
        for h, handling in enumerate(visit.handlings)
        if handling.cell is not None
    ]


def _with_visit(plan: Solution, r: int, v: int, visit: Visit) -> Solution:
    route = plan.routes[r]
    visits = (*route.visits[:v], visit, *route.visits[v + 1 :])
    return _with_route(plan, r, replace(route, visits=visits))


def _with_route(plan: Solution, r: int, route: Route) -> Solution:
    return replace(plan, routes=(*plan.routes[:r], route, *plan.routes[r + 1 :]))


@pytest.mark.parametrize(("engine", "iterations"), [("ortools", 1), ("yinong", 40)])
@RELAXED
@given(problem=problems())
def test_plans_hold_and_account_for_every_shipment(engine: str, iterations: int, problem: Problem) -> None:
    plan = solve(problem, engine=engine, limits=Limits(iterations=iterations))
    assert _names(problem, plan) == set()
    left = {entry.shipment for entry in plan.unserved}
    assert left | plan.chosen().keys() == {s.id for s in problem.shipments}


@TAMPERED
@given(problems())
def test_a_smaller_cell_fails(problem: Problem) -> None:
    plan = solve(problem, engine="ortools", limits=QUICK)
    drops = _cabinet_drops(problem, plan)
    drops = [d for d in drops if problem.shipments[_shipment(problem, plan, d)].size is not Size.S]
    assume(drops)
    r, v, h = drops[0]
    visit = plan.routes[r].visits[v]
    handlings = list(visit.handlings)
    handlings[h] = replace(handlings[h], cell=Size.S)
    assert "cell_size" in _names(problem, _with_visit(plan, r, v, replace(visit, handlings=tuple(handlings))))


def _shipment(problem: Problem, plan: Solution, at: tuple[int, int, int]) -> int:
    r, v, h = at
    return problem.index.shipments[plan.routes[r].visits[v].handlings[h].shipment]


@TAMPERED
@given(problems())
def test_swapped_cells_fail(problem: Problem) -> None:
    """Two parcels change their cells, and the larger one does not fit into the other's."""
    plan = solve(problem, engine="ortools", limits=QUICK)
    drops = _cabinet_drops(problem, plan)
    sizes = {drop: problem.shipments[_shipment(problem, plan, drop)].size for drop in drops}
    cells = {(r, v, h): plan.routes[r].visits[v].handlings[h].cell for r, v, h in drops}
    swaps = [(one, other) for one in drops for other in drops if (sizes[one] or 0) > (cells[other] or 0)]
    assume(swaps)
    one, other = swaps[0]
    for (r, v, h), cell in ((one, cells[other]), (other, cells[one])):
        visit = plan.routes[r].visits[v]
        handlings = list(visit.handlings)
        handlings[h] = replace(handlings[h], cell=cell)
        plan = _with_visit(plan, r, v, replace(visit, handlings=tuple(handlings)))
    assert "cell_size" in _names(problem, plan)


@TAMPERED
@given(problems())
def test_an_overfull_locker_fails(problem: Problem) -> None:
    plan = solve(problem, engine="ortools", limits=QUICK)
    drops = _cabinet_drops(problem, plan)
    assume(drops)
    r, v, _ = drops[0]
    label = plan.routes[r].visits[v].place
    emptied = replace(
        problem,
        places=tuple(
            replace(p, cells=tuple(replace(g, small=0, medium=0, large=0) for g in p.cells))
            if p.id == label and p.cells
            else p
            for p in problem.places
        ),
    )
    assert _names(emptied, plan) == {"cells_full"}


@TAMPERED
@given(problems())
def test_a_late_stop_fails(problem: Problem) -> None:
    plan = solve(problem, engine="ortools", limits=QUICK)
    assume(plan.routes)
    visit = plan.routes[0].visits[-1]
    late = replace(visit, start_s=visit.start_s + 86_400, depart_s=visit.depart_s + 86_400)
    assert "travel_time" in _names(problem, _with_visit(plan, 0, len(plan.routes[0].visits) - 1, late))
    later = replace(plan.routes[0], return_s=plan.routes[0].return_s + 86_400)
    assert "shift" in _names(problem, _with_route(plan, 0, later))


@TAMPERED
@given(problems())
def test_warm_milk_fails(problem: Problem) -> None:
    plan = solve(problem, engine="ortools", limits=QUICK)
    cold = {s.id for s in problem.shipments if s.cold_budget_s is not None}
    assume(cold & plan.chosen().keys())
    impatient = replace(
        problem,
        shipments=tuple(replace(s, cold_budget_s=1) if s.id in cold else s for s in problem.shipments),
    )
    assert _names(impatient, plan) == {"cold_budget"}


@TAMPERED
@given(problems())
def test_food_beside_pesticide_fails(problem: Problem) -> None:
    plan = solve(problem, engine="ortools", limits=QUICK)
    together = [r for r in plan.routes if len({h.shipment for h in r.handlings()}) > 1]
    assume(together)
    one, other = list(dict.fromkeys(h.shipment for h in together[0].handlings()))[:2]
    kinds = {one: Goods.FOOD, other: Goods.PESTICIDE}
    mixed = replace(
        problem, shipments=tuple(replace(s, goods=kinds.get(s.id, s.goods)) for s in problem.shipments)
    )
    assert "segregation" in _names(mixed, plan)


@TAMPERED
@given(problems())
def test_a_drop_before_its_collection_fails(problem: Problem) -> None:
    plan = solve(problem, engine="ortools", limits=QUICK)
    pairs = {s.id for s in problem.shipments if s.direction is Direction.PAIR}
    served = [h for r in plan.routes for h in r.handlings() if h.shipment in pairs]
    assume(served)
    r = next(k for k, route in enumerate(plan.routes) if served[0] in route.handlings())
    swap = {Action.DROP: Action.COLLECT, Action.COLLECT: Action.DROP}
    route = plan.routes[r]
    visits = tuple(
        replace(
            visit,
            handlings=tuple(
                replace(h, action=swap[h.action]) if h.shipment in pairs else h for h in visit.handlings
            ),
        )
        for visit in route.visits
    )
    assert "pair_order" in _names(problem, _with_route(plan, r, replace(route, visits=visits)))
