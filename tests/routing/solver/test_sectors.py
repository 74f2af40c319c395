"""A large day cut into sectors, solved apart and joined: nothing is lost, doubled, or overfilled."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from routing.solver import joining
from routing.solver.check import check
from routing.solver.errors import SolverError
from routing.solver.formats.yinong import dump_plan, dump_problem, parse_plan, parse_problem
from routing.solver.full_day import full_day
from routing.solver.joining import join
from routing.solver.problem import Problem, Vehicle
from routing.solver.sectors import Sector, cut
from routing.solver.solution import Solution
from routing.solver.solve import Limits, solve

FEW = Limits(iterations=30)
RELAXED = settings(
    max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
DAYS = st.integers(1, 10_000)


def day(seed: int, *, vans: int = 7) -> Problem:
    """Everything a problem can say, but reloads, with small vans."""
    whole = full_day(seed=seed, shipments=70, vans=vans)
    small = [_smaller(replace(van, max_trips=1), 12 if van.locked else 9) for van in whole.vehicles]
    return replace(whole, vehicles=tuple(small))


def _smaller(van: Vehicle, times: int) -> Vehicle:
    rooms = (replace(c, volume_ml=c.volume_ml / times, weight_g=c.weight_g / times) for c in van.compartments)
    return replace(van, compartments=tuple(rooms))


def cut_day(problem: Problem, sectors: int = 3) -> tuple[Solution, list[Sector]]:
    first = solve(problem, engine="yinong", limits=FEW)
    with patch("routing.solver.sectors.FEWEST_TOURS", 1):
        return first, cut(problem, first, sectors=sectors)


def holds(problem: Problem, plan: Solution) -> None:
    assert check(problem, plan).violations == ()
    left = [entry.shipment for entry in plan.unserved]
    assert sorted([*left, *plan.chosen()]) == sorted(s.id for s in problem.shipments)


@RELAXED
@given(DAYS)
def test_a_cut_gives_everything_to_one_sector_and_no_cell_to_two(seed: int) -> None:
    problem = day(seed)
    first, sectors = cut_day(problem)
    assert len(sectors) == min(3, len(first.routes)) > 1
    assert sorted(s.id for x in sectors for s in x.problem.shipments) == sorted(
        s.id for s in problem.shipments
    )
    assert sorted(v.id for x in sectors for v in x.problem.vehicles) == sorted(v.id for v in problem.vehicles)
    cells, shared = Counter[tuple[str, str, str]](), Counter[tuple[str, str, str]]()
    for place in problem.places:
        for group in place.cells or ():
            cells += Counter(
                {(place.id, group.zone, k): getattr(group, k) for k in ("small", "medium", "large")}
            )
    for sector in sectors:
        for place in sector.problem.places:
            for group in place.cells or ():
                names = ("small", "medium", "large")
                shared += Counter({(place.id, group.zone, k): getattr(group, k) for k in names})
    assert shared <= cells
    for sector in sectors:
        holds(sector.problem, sector.first)
    assert sum(s.first.cost for s in sectors) == pytest.approx(first.cost)


@RELAXED
@given(DAYS)
def test_sectors_solved_apart_join_to_one_plan_that_holds(seed: int) -> None:
    problem = day(seed)
    _, sectors = cut_day(problem)
    # as they come back from other machines
    parts = [parse_problem(json.loads(dump_problem(sector.problem))) for sector in sectors]
    plans = [parse_plan(json.loads(dump_plan(solve(part, engine="yinong", limits=FEW)))) for part in parts]
    plan = join(problem, plans, limits=FEW)
    holds(problem, plan)
    unpolished = join(problem, plans, limits=Limits(seconds=0.0))
    holds(problem, unpolished)
    assert _rank(problem, plan) <= _rank(problem, unpolished)


@RELAXED
@given(DAYS, st.randoms(use_true_random=False))
def test_what_changed_since_the_cut_is_repaired(seed: int, random) -> None:
    """Shipments went and came, a third of the cells and a van are gone: the plan holds in the new day."""
    problem = day(seed)
    _, sectors = cut_day(problem)
    shipments = [s for s in problem.shipments if s.vehicles is None]
    promised = {label for van in problem.vehicles for label in van.locked}
    kept = [s for s in problem.shipments if random.random() < 0.9 or s.options[0].id in promised]
    fewer = tuple(
        replace(p, cells=tuple(replace(g, medium=g.medium * 2 // 3, small=g.small * 2 // 3) for g in p.cells))
        if p.cells
        else p
        for p in problem.places
    )
    new = replace(
        shipments[0], id="new", options=tuple(replace(o, id=f"new{o.id}") for o in shipments[0].options)
    )
    changed = replace(problem, places=fewer, shipments=(*kept, new), vehicles=problem.vehicles[:-1])
    holds(changed, join(changed, [sector.first for sector in sectors], limits=FEW))


def test_a_border_that_cannot_be_solved_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = day(3)
    first, sectors = cut_day(problem)
    told: list[str] = []

    def refuse(*_: object, **__: object) -> Solution:
        raise SolverError("no")

    monkeypatch.setattr(joining, "solve", refuse)
    plan = join(problem, [s.first for s in sectors], limits=FEW, listen=lambda note: told.append(note.stage))
    assert plan.cost == pytest.approx(first.cost)
    assert "border left as it is: no" in told


def test_small_plans_and_vans_that_reload_are_not_cut() -> None:
    problem = day(1)
    first = solve(problem, engine="yinong", limits=FEW)
    assert cut(problem, replace(first, routes=first.routes[:5]), sectors=4) == []
    vans = (replace(problem.vehicles[0], max_trips=2), *problem.vehicles[1:])
    with patch("routing.solver.sectors.FEWEST_TOURS", 1):
        assert cut(replace(problem, vehicles=vans), first, sectors=2) == []
        assert len(cut(problem, first, sectors=2)) == 2
        assert len(cut(problem, first, sectors=100)) == len(first.routes)


def _rank(problem: Problem, plan: Solution) -> tuple[float, float]:
    left = {entry.shipment for entry in plan.unserved}
    return sum(s.value_fen for s in problem.shipments if s.id in left), round(plan.cost, 3)
