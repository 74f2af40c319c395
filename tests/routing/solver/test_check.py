"""The judge: good plans pass, and each kind of lie is called by its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from routing.solver.check import check
from routing.solver.problem import Cells, Compartment, Option, Place, Problem, Shipment, Window
from routing.solver.solution import Action, Handling, Route, Solution, Unserved, Visit
from routing.solver.terms import Direction, Goods, Reason, Size, Zone
from tests.routing.solver.instances import HUB, problem_of, van

MINUTE = 60


def _problem(**van_changes: Any) -> Problem:
    """Hub, a locker with one S and one L cell, a cold cabinet, a station; milk, a box, eggs up, a pair."""
    places = [
        Place(HUB, 115.39, 28.69),
        Place("locker", 115.40, 28.69, setup_s=120, cells=(Cells(Zone.AMBIENT, 1, 0, 1),)),
        Place("cold", 115.41, 28.69, setup_s=120, cells=(Cells(Zone.CHILLED, 0, 2, 0, 2, 6),)),
        Place("station", 115.42, 28.69, (Window(7 * 3600, 12 * 3600),), setup_s=300),
    ]
    cold = {"zone": Zone.CHILLED, "min_c": 0, "max_c": 7, "goods": Goods.FOOD}
    base = {"volume_ml": 10_000, "weight_g": 1_000}
    shipments = [
        Shipment("box", Direction.DOWN, (Option("box.0", "locker", service_s=20),), size=Size.S, **base),
        Shipment(
            "tin", Direction.DOWN, (Option("tin.0", "locker", compensation_fen=50),), size=Size.S, **base
        ),
        Shipment(
            "milk",
            Direction.DOWN,
            (Option("milk.0", "cold"),),
            size=Size.M,
            cold_budget_s=300,
            **base,
            **cold,
        ),
        Shipment(
            "eggs", Direction.UP, (Option("eggs.0", "station", service_s=60),), **base, goods=Goods.FOOD
        ),
    ]
    return problem_of("judged", places, [van("v1", **van_changes), van("v2")], shipments)


def _plan(problem: Problem) -> Solution:
    """v1: locker, cold cabinet, station; written down by hand from the matrix."""
    drop, collect = Action.DROP, Action.COLLECT
    stops = [
        ("locker", 140, (Handling("box", "box.0", drop, Size.S), Handling("tin", "tin.0", drop, Size.L))),
        ("cold", 120, (Handling("milk", "milk.0", drop, Size.M),)),
        ("station", 360, (Handling("eggs", "eggs.0", collect),)),
    ]
    rows, time_s, place = problem.index.places, 7 * 3600.0, HUB
    visits: list[Visit] = []
    metres = 0.0
    for label, needed, handlings in stops:
        arrival_s = time_s + float(problem.matrix.time_s[rows[place], rows[label]])
        metres += float(problem.matrix.distance_m[rows[place], rows[label]])
        visits.append(Visit(label, arrival_s, arrival_s, arrival_s + needed, handlings))
        time_s, place = arrival_s + needed, label
    return_s = time_s + float(problem.matrix.time_s[rows[place], 0])
    metres += float(problem.matrix.distance_m[rows[place], 0])
    cost = 8_000 + metres / 1000 * 120 + (return_s - 7 * 3600) / 3600 * 3_000 + 50
    route = Route("v1", 7 * 3600.0, return_s, tuple(visits), metres, cost)
    return Solution(problem.name, (route,), (), cost)


def _names(problem: Problem, plan: Solution) -> set[str]:
    return {violation.name for violation in check(problem, plan).violations}


def test_a_sound_plan_passes_and_is_counted() -> None:
    problem = _problem()
    plan = _plan(problem)
    verdict = check(problem, plan)
    assert verdict.violations == ()
    assert verdict.feasible
    assert verdict.cost == pytest.approx(float(plan.cost))
    assert verdict.distance_m == plan.routes[0].distance_m
    assert verdict.duration_s == pytest.approx(float(plan.routes[0].return_s - plan.routes[0].depart_s))
    assert verdict.cold_s == {"milk": 120.0}
    assert verdict.unserved_value == 0


def _route(plan: Solution, **changes: Any) -> Solution:
    return replace(plan, routes=(replace(plan.routes[0], **changes),))


def _visit(plan: Solution, number: int, **changes: Any) -> Solution:
    visits = list(plan.routes[0].visits)
    visits[number] = replace(visits[number], **changes)
    return _route(plan, visits=tuple(visits))


def _handle(plan: Solution, number: int, *handlings: Handling) -> Solution:
    return _visit(plan, number, handlings=handlings)


BOX = Handling("box", "box.0", Action.DROP, Size.S)
TIN = Handling("tin", "tin.0", Action.DROP, Size.L)
MILK = Handling("milk", "milk.0", Action.DROP, Size.M)
EGGS = Handling("eggs", "eggs.0", Action.COLLECT)


@pytest.mark.parametrize(
    ("mutate", "names"),
    [
        (lambda p: _handle(p, 0, BOX, replace(TIN, cell=Size.S)), {"cells_full"}),
        (lambda p: _handle(p, 0, BOX, replace(TIN, cell=None)), {"cell_size"}),
        (lambda p: _handle(p, 1, replace(MILK, cell=Size.S)), {"cell_size"}),
        (lambda p: _handle(p, 2, EGGS, BOX), {"served_once", "wrong_place", "cell_missing", "service_time"}),
        (lambda p: _handle(p, 0, BOX), {"served_once", "cost"}),
        (lambda p: _handle(p, 0, TIN, replace(BOX, option="tin.0")), {"unknown_stop", "cost"}),
        (lambda p: _handle(p, 1, replace(MILK, shipment="ghost")), None),
        (lambda p: _visit(p, 1, start_s=p.routes[0].visits[1].arrival_s - 10), {"service_time"}),
        (lambda p: _visit(p, 1, arrival_s=p.routes[0].visits[0].depart_s), {"travel_time"}),
        (lambda p: _visit(p, 2, start_s=13 * 3600, depart_s=13 * 3600 + 360), None),
        (lambda p: _visit(p, 0, depart_s=p.routes[0].visits[0].start_s + 1), {"service_time"}),
        (lambda p: _visit(p, 0, place="cold"), None),
        (lambda p: _route(p, depart_s=6 * 3600.0), {"shift", "cost"}),
        (lambda p: _route(p, return_s=14 * 3600.0), {"shift", "cost"}),
        (lambda p: _route(p, return_s=p.routes[0].depart_s), {"travel_time", "cost"}),
        (lambda p: _route(p, distance_m=1.0), {"distance"}),
        (lambda p: _route(p, vehicle="v9"), None),
        (lambda p: replace(p, routes=(p.routes[0], p.routes[0])), None),
        (lambda p: replace(p, cost=1.0), {"cost"}),
        (lambda p: replace(p, unserved=(Unserved("box", Reason.WINDOW),)), {"served_once"}),
        (lambda p: replace(p, unserved=(Unserved("ghost", Reason.WINDOW),)), {"unknown_shipment"}),
        (lambda p: replace(p, routes=(), cost=0), {"served_once"}),
    ],
)
def test_a_lie_is_called_by_its_name(mutate: Callable[[Solution], Solution], names: set[str] | None) -> None:
    problem = _problem()
    found = _names(problem, mutate(_plan(problem)))
    assert found == names if names is not None else found


def _changed(problem: Problem, label: str, **changes: Any) -> Problem:
    return replace(
        problem, shipments=tuple(replace(s, **changes) if s.id == label else s for s in problem.shipments)
    )


def _place(problem: Problem, label: str, **changes: Any) -> Problem:
    return replace(
        problem, places=tuple(replace(p, **changes) if p.id == label else p for p in problem.places)
    )


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (lambda p: _changed(p, "milk", cold_budget_s=100), {"cold_budget"}),
        (lambda p: _changed(p, "milk", min_c=0, max_c=5), {"cell_zone"}),
        (lambda p: _changed(p, "box", goods=Goods.PESTICIDE), {"segregation"}),
        (lambda p: _changed(p, "box", release_s=8 * 3600), {"release"}),
        (lambda p: _changed(p, "box", due_s=7 * 3600), {"due"}),
        (lambda p: _changed(p, "eggs", due_s=7 * 3600), {"due"}),
        (lambda p: _changed(p, "eggs", hub="station"), {"wrong_hub"}),
        (lambda p: _changed(p, "box", vehicles=frozenset({"v2"})), {"vehicle_promised"}),
        (lambda p: _changed(p, "box", size=Size.L), {"cell_size"}),
        (lambda p: _place(p, "locker", cells=(Cells(Zone.AMBIENT, 1, 0, 0),)), {"cells_full"}),
        (lambda p: _place(p, "cold", cells=(Cells(Zone.FROZEN, 9, 9, 9),)), {"cell_zone"}),
        (lambda p: _place(p, "locker", needs=frozenset({"trike"})), {"access"}),
        (lambda p: _place(p, "locker", windows=(Window(0, 3600),)), {"window"}),
        (lambda p: replace(p, closed=frozenset({("locker", "cold")})), {"closed_road"}),
        (lambda p: replace(p, vehicles=(van("v1", max_distance_m=100), p.vehicles[1])), {"range"}),
        (lambda p: replace(p, vehicles=(van("v1", locked=("milk.0",)), p.vehicles[1])), {"locked"}),
    ],
)
def test_a_plan_for_another_problem_fails(change: Callable[[Problem], Problem], names: set[str]) -> None:
    problem = _problem()
    assert _names(change(problem), _plan(problem)) == names


def test_pesticide_beside_food_in_one_cabinet_fails() -> None:
    problem = _changed(
        _place(_problem(), "locker", holds=frozenset({Goods.FOOD})), "milk", goods=Goods.NEUTRAL
    )
    problem = _changed(problem, "eggs", goods=Goods.NEUTRAL)
    assert _names(_changed(problem, "box", goods=Goods.PESTICIDE), _plan(problem)) == {"segregation"}
    assert _names(_changed(problem, "box", goods=Goods.FOOD), _plan(problem)) == set()


def test_overload_is_found_on_the_leg_where_it_happens() -> None:
    small = (Compartment(Zone.AMBIENT, 20_000, 9_000), Compartment(Zone.CHILLED, 10_000, 9_000, 2, 4))
    problem = _problem(compartments=small)
    assert _names(problem, _plan(problem)) == set()
    problem = _changed(problem, "eggs", volume_ml=20_001)
    assert _names(problem, _plan(problem)) == {"volume"}
    problem = _changed(problem, "eggs", volume_ml=1, weight_g=9_500)
    assert _names(problem, _plan(problem)) == {"weight"}


def test_milk_rides_warm_only_within_its_budget() -> None:
    warm = (Compartment(Zone.AMBIENT, 100_000, 90_000),)
    problem = _problem(compartments=warm)
    verdict = check(problem, _plan(problem))
    assert {v.name for v in verdict.violations} == {"cold_budget"}
    ride_s = float(_plan(problem).routes[0].visits[1].depart_s) - 7 * 3600
    assert verdict.cold_s == {"milk": ride_s}
    assert _names(_changed(problem, "milk", cold_budget_s=ride_s), _plan(problem)) == set()
    assert _names(_changed(problem, "milk", cold_budget_s=None), _plan(problem)) == {"temperature"}


def test_an_unserved_shipment_is_priced() -> None:
    problem = _changed(_problem(), "eggs", value_fen=777)
    plan = _plan(problem)
    visits = plan.routes[0].visits[:2]
    plan = replace(_route(plan, visits=visits), unserved=(Unserved("eggs", Reason.WINDOW),))
    verdict = check(problem, plan)
    assert verdict.unserved_value == 777
    assert {v.name for v in verdict.violations} == {"distance", "cost"}
