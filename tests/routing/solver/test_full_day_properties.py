"""Over random days that use everything at once: plans hold, plans that were tampered with do not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from routing.solver.check import check
from routing.solver.full_day import full_day
from routing.solver.problem import Problem
from routing.solver.solution import Action, Handling, Solution, Visit
from routing.solver.solve import Limits, solve
from routing.solver.terms import Direction, Goods, Size

EVERYTHING = settings(
    max_examples=10, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
FEW = Limits(iterations=40)
Tampered = tuple[Problem, Solution]


@st.composite
def days(draw: st.DrawFn) -> Problem:
    """A small day of the family: 20 to 60 shipments, two to four vans."""
    size, vans = draw(st.integers(20, 60)), draw(st.integers(2, 4))
    return full_day(seed=draw(st.integers(1, 100_000)), shipments=size, vans=vans)


def where(plan: Solution) -> Iterator[tuple[int, int, Visit, Handling]]:
    """Every handling with the numbers of its route and visit."""
    for r, route in enumerate(plan.routes):
        for v, visit in enumerate(route.visits):
            for handling in visit.handlings:
                yield r, v, visit, handling


def with_visits(plan: Solution, r: int, visits: tuple[Visit, ...]) -> Solution:
    route = replace(plan.routes[r], visits=visits)
    return replace(plan, routes=(*plan.routes[:r], route, *plan.routes[r + 1 :]))


def with_handling(plan: Solution, r: int, v: int, old: Handling, new: Handling) -> Solution:
    visits = list(plan.routes[r].visits)
    visits[v] = replace(visits[v], handlings=tuple(new if h == old else h for h in visits[v].handlings))
    return with_visits(plan, r, tuple(visits))


def with_shipment(problem: Problem, label: str, **changes: object) -> Problem:
    """The same day, but for one shipment."""
    shipments = (replace(s, **changes) if s.id == label else s for s in problem.shipments)
    return replace(problem, shipments=tuple(shipments))


def a_smaller_cell(problem: Problem, plan: Solution) -> Iterator[Tampered]:
    for r, v, _, handling in where(plan):
        size = problem.shipments[problem.index.shipments[handling.shipment]].size
        if handling.cell is not None and size is not None and size > Size.S:
            yield problem, with_handling(plan, r, v, handling, replace(handling, cell=Size.S))


def an_overfull_locker(problem: Problem, plan: Solution) -> Iterator[Tampered]:
    for _, _, visit, handling in where(plan):
        if handling.cell is not None:
            places = (
                replace(p, cells=tuple(replace(g, small=0, medium=0, large=0) for g in p.cells or ()))
                if p.id == visit.place
                else p
                for p in problem.places
            )
            yield replace(problem, places=tuple(places)), plan


def a_late_stop(problem: Problem, plan: Solution) -> Iterator[Tampered]:
    for r, v, visit, _ in where(plan):
        late = replace(visit, start_s=visit.start_s + 86_400, depart_s=visit.depart_s + 86_400)
        visits = plan.routes[r].visits
        yield problem, with_visits(plan, r, (*visits[:v], late, *visits[v + 1 :]))


def warm_milk(problem: Problem, plan: Solution) -> Iterator[Tampered]:
    for _, _, _, handling in where(plan):
        if problem.shipments[problem.index.shipments[handling.shipment]].cold_budget_s is not None:
            yield with_shipment(problem, handling.shipment, cold_budget_s=1), plan


def food_beside_pesticide(problem: Problem, plan: Solution) -> Iterator[Tampered]:
    for _, _, visit, _ in where(plan):
        labels = list(dict.fromkeys(handling.shipment for handling in visit.handlings))
        if len(labels) > 1:
            one = with_shipment(problem, labels[0], goods=Goods.FOOD)
            yield with_shipment(one, labels[1], goods=Goods.PESTICIDE), plan


def a_drop_before_its_collection(problem: Problem, plan: Solution) -> Iterator[Tampered]:
    for r, _, _, handling in where(plan):
        pair = problem.shipments[problem.index.shipments[handling.shipment]].direction is Direction.PAIR
        if pair and handling.action is Action.DROP:
            visits = []
            for visit in plan.routes[r].visits:
                kept = [h for h in visit.handlings if h != handling]
                if any(h.shipment == handling.shipment for h in kept):
                    kept.insert(0, handling)
                visits.append(replace(visit, handlings=tuple(kept)))
            yield problem, with_visits(plan, r, tuple(visits))


def a_promise_broken(problem: Problem, plan: Solution) -> Iterator[Tampered]:
    for r, route in enumerate(plan.routes):
        locked = problem.vehicles[problem.index.vehicles[route.vehicle]].locked
        if locked and len(route.handlings()) > len(locked):
            yield problem, with_visits(plan, r, route.visits[::-1])


def another_van_than_promised(problem: Problem, plan: Solution) -> Iterator[Tampered]:
    for route in plan.routes:
        others = frozenset(van.id for van in problem.vehicles if van.id != route.vehicle)
        yield with_shipment(problem, route.handlings()[0].shipment, vehicles=others), plan


def a_road_closed(problem: Problem, plan: Solution) -> Iterator[Tampered]:
    for route in plan.routes:
        way = (problem.vehicles[problem.index.vehicles[route.vehicle]].start, route.visits[0].place)
        if way[0] != way[1]:
            yield replace(problem, closed=problem.closed | {way}), plan


def a_street_too_narrow(problem: Problem, plan: Solution) -> Iterator[Tampered]:
    for _, _, visit, _ in where(plan):
        places = (
            replace(p, needs=frozenset({"ferry"})) if p.id == visit.place else p for p in problem.places
        )
        yield replace(problem, places=tuple(places)), plan


def a_van_too_small(problem: Problem, plan: Solution) -> Iterator[Tampered]:
    for route in plan.routes:
        if len(route.handlings()) > 3:
            vans = (
                replace(v, compartments=tuple(replace(c, volume_ml=1, weight_g=1) for c in v.compartments))
                if v.id == route.vehicle
                else v
                for v in problem.vehicles
            )
            yield replace(problem, vehicles=tuple(vans)), plan


def a_shipment_lost(problem: Problem, plan: Solution) -> Iterator[Tampered]:
    for r, v, visit, handling in where(plan):
        visits = plan.routes[r].visits
        kept = tuple(h for h in visit.handlings if h != handling)
        yield problem, with_visits(plan, r, (*visits[:v], replace(visit, handlings=kept), *visits[v + 1 :]))


TAMPERINGS: dict[Callable[[Problem, Solution], Iterator[Tampered]], set[str]] = {
    a_smaller_cell: {"cell_size"},
    an_overfull_locker: {"cells_full"},
    a_late_stop: {"travel_time"},
    warm_milk: {"cold_budget"},
    food_beside_pesticide: {"segregation"},
    a_drop_before_its_collection: {"pair_order"},
    a_promise_broken: {"locked"},
    another_van_than_promised: {"vehicle_promised"},
    a_road_closed: {"closed_road"},
    a_street_too_narrow: {"access"},
    a_van_too_small: {"volume"},
    a_shipment_lost: {"served_once"},
}


def names(problem: Problem, plan: Solution) -> set[str]:
    return {violation.name for violation in check(problem, plan).violations}


def test_plans_hold_and_tampered_ones_do_not() -> None:
    tampered = Counter[str]()

    @EVERYTHING
    @given(days())
    def on(problem: Problem) -> None:
        plan = solve(problem, engine="yinong", limits=FEW)
        assert names(problem, plan) == set()
        left = [entry.shipment for entry in plan.unserved]
        assert sorted([*left, *plan.chosen()]) == sorted(s.id for s in problem.shipments)
        for tamper, wanted in TAMPERINGS.items():
            found = next(tamper(problem, plan), None)
            if found is not None:
                assert wanted & names(*found), f"{tamper.__name__}: {names(*found)}"
                tampered[tamper.__name__] += 1

    on()
    assert tampered.keys() == {tamper.__name__ for tamper in TAMPERINGS}
