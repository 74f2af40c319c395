"""Whole stops as requests: the coarse problem says what the fine one does, and its search finds more."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from routing.solver.check import check
from routing.solver.core.network import Network
from routing.solver.engines.yinong import layout as at
from routing.solver.engines.yinong.anneal import anneal, construct
from routing.solver.engines.yinong.arrays import Compiled, compile_arrays
from routing.solver.engines.yinong.book import keep_best, recount
from routing.solver.engines.yinong.choices import choose
from routing.solver.engines.yinong.levels import PHASES
from routing.solver.engines.yinong.stops import FILL, Routes, gather
from routing.solver.problem import Problem
from routing.solver.solve import Limits, solve
from routing.solver.terms import Reason
from routing.solver.worlds import world


def planned(problem: Problem) -> tuple[Compiled, Routes]:
    """A problem laid out, with a first plan in its arena."""
    compiled = compile_arrays(Network.of(problem), seed=1)
    arena = compiled.arena
    recount(arena.n, arena.f)
    arena.f[arena.n[at.TOTAL] + at.BEST] = arena.f[arena.n[at.TOTAL] + at.CURRENT]
    construct(arena.n, arena.f)
    routes, lengths = arena.view(at.ROUTE), arena.view(at.LENGTH)
    return compiled, [routes[r, 1 : lengths[r] + 1].tolist() for r in range(len(lengths))]


def cost_of(compiled: Compiled, routes: Routes) -> float:
    """Cost of a plan as the search counts it, values of what is absent included."""
    for slot, nodes in enumerate(routes):
        compiled.arena.view(at.LENGTH)[slot] = len(nodes)
        compiled.arena.view(at.ROUTE)[slot, 1 : len(nodes) + 1] = nodes
    recount(compiled.arena.n, compiled.arena.f)
    return float(compiled.arena.f[compiled.arena.n[at.TOTAL] + at.CURRENT])


@pytest.mark.parametrize("name", ["county", "county-plain"])
def test_the_coarse_plan_costs_uses_and_serves_what_the_fine_one_does(name: str) -> None:
    fine, routes = planned(world(name, shipments=300))
    stops = gather(fine, routes, seed=1)
    coarse = stops.compiled
    assert len(coarse.requests) < 0.5 * len(fine.requests)
    assert cost_of(coarse, stops.routes) == pytest.approx(cost_of(fine, routes))
    for table in (at.CELLS_USED, at.STOPS, at.SPARE):
        assert np.allclose(coarse.arena.view(table), fine.arena.view(table)), table
    unfolded = stops.unfold(stops.routes)
    assert [Counter(route) for route in unfolded] == [Counter(route) for route in routes]
    assert sorted(m for r in coarse.requests for m in r.members) == sorted(
        m for r in fine.requests for m in r.members
    )


def test_what_is_absent_keeps_its_alternatives_and_no_request_fills_too_much() -> None:
    fine, routes = planned(world("county-plain", shipments=300))
    gone = fine.origin[routes[0][0]][0]
    stops = gather(fine, [[x for x in route if fine.origin[x][0] != gone] for route in routes], seed=1)
    assert fine.requests[gone] in stops.compiled.requests
    demand, capacity = stops.compiled.arena.view(at.DEMAND), stops.compiled.arena.view(at.CAPACITY)
    shares = demand.max(axis=0) / capacity.max(axis=0)
    single = [len(request.chains) > 1 for request in stops.compiled.requests]
    assert all(alone or share.max(initial=0.0) <= FILL for alone, share in zip(single, shares, strict=True))


def test_the_first_choice_is_taken_where_a_van_goes_anyway_as_long_as_there_are_cells() -> None:
    compiled = compile_arrays(Network.of(world("county", shipments=600)), seed=1)
    nodes, requests = compiled.arena.view(at.NODE), compiled.arena.view(at.REQUEST)
    chosen = list(choose(compiled))
    used = np.zeros_like(compiled.arena.view(at.CELL_ROOM))
    for node in chosen:
        if nodes[node, at.CELLS] >= 0:
            used[nodes[node, at.CELLS]] += requests[nodes[node, at.OF_REQUEST], at.NEED : at.NEED + 3]
    assert (used <= compiled.arena.view(at.CELL_ROOM)).all()
    assert len({int(nodes[node, at.OF_REQUEST]) for node in chosen}) == len(chosen)
    first = [node for node in chosen if compiled.origin[node][1] == 0]
    assert len(first) > 0.8 * len(chosen)


def test_moving_whole_stops_finds_what_moving_single_requests_does_not() -> None:
    fine, _ = planned(world("county-plain", shipments=600))
    cost_of(fine, [[] for _ in fine.slots])
    stops = gather(fine, [[] for _ in fine.slots], seed=1, absent=choose(fine))
    coarse = stops.compiled.arena
    cost_of(stops.compiled, stops.routes)
    construct(coarse.n, coarse.f)
    start = coarse.view(at.ROUTE).copy(), coarse.view(at.LENGTH).copy()
    routes = [start[0][r, 1 : start[1][r] + 1].tolist() for r in range(len(start[1]))]
    first = cost_of(fine, stops.unfold(routes))
    for arena in (coarse, fine.arena):
        keep_best(arena.n, arena.f)
        anneal(arena.n, arena.f, 1000, 60.0, 0.0)
    by_stops, one_by_one = (float(a.f[a.n[at.TOTAL] + at.BEST]) for a in (coarse, fine.arena))
    assert by_stops < 0.96 * one_by_one < first


@pytest.mark.parametrize("name", ["county", "county-plain"])
def test_the_search_on_two_levels_keeps_every_rule_and_the_seed_decides_it(name: str) -> None:
    problem, stages = world(name, shipments=300), list[str]()
    limits = Limits(iterations=1_600, workers=2)
    plan = solve(problem, engine="yinong", limits=limits, listen=lambda p: stages.append(p.stage))
    assert check(problem, plan).violations == ()
    assert {entry.reason for entry in plan.unserved} <= {Reason.NO_CELL}  # more large parcels than cells
    assert stages.count("round 1 of 40") == len(PHASES)
    assert plan == solve(problem, engine="yinong", limits=limits)
