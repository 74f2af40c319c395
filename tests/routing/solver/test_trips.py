"""Reloads: a van that is back at its hub carries a second load."""

from __future__ import annotations

from dataclasses import replace

import pytest

from routing.solver.check import check
from routing.solver.engines.yinong.trips import unfold
from routing.solver.problem import Break, Compartment, Problem, Vehicle, Window
from routing.solver.solution import Solution
from routing.solver.solve import Limits, solve
from routing.solver.terms import Direction, Zone
from tests.routing.solver.instances import HOUR, town_delivery, van, village_loop

LIMITS = Limits(iterations=600)


def _small(**changes: object) -> tuple[Vehicle, ...]:
    """One van that holds half of what there is."""
    rooms = tuple(
        Compartment(zone, 300_000, 90_000, *band)
        for zone, band in ((Zone.AMBIENT, ()), (Zone.CHILLED, (2, 4)), (Zone.FROZEN, (-25, -18)))
    )
    shift = Window(12 * HOUR, 20 * HOUR)
    values = {"compartments": rooms, "shift": shift, "max_trips": 2, "reload_s": 900, **changes}
    return (van("van0", **values),)


def _town(**changes: object) -> Problem:
    return replace(town_delivery(seed=5, parcels=50), vehicles=_small(**changes))


def _reloads(plan: Solution) -> int:
    return sum(visit.reload for route in plan.routes for visit in route.visits)


def test_a_second_load_is_fetched_where_one_trip_leaves_parcels_behind() -> None:
    one = solve(_town(max_trips=1), engine="yinong", limits=LIMITS)
    two = solve(_town(), engine="yinong", limits=LIMITS)
    assert check(_town(), two).violations == ()
    assert len(one.unserved) > 0
    assert two.unserved == ()
    assert (len(two.routes), _reloads(two)) == (1, 1)
    assert check(_town(max_trips=1), two).violations[0].name == "reload"


def test_no_reload_where_one_trip_does() -> None:
    problem = village_loop(stations=6, down=20, up=5)
    problem = replace(problem, vehicles=(van("van0", max_trips=3, reload_s=600),))
    plan = solve(problem, engine="yinong", limits=LIMITS)
    alone = replace(problem, vehicles=(van("van0"),))
    assert check(problem, plan).violations == ()
    assert plan.unserved == ()
    assert plan.cost <= solve(alone, engine="yinong", limits=Limits(iterations=90)).cost


def test_the_break_is_taken_at_the_hub() -> None:
    problem = _town(breaks=(Break(15 * HOUR, 16 * HOUR, 1_800),))
    plan = solve(problem, engine="yinong", limits=LIMITS)
    assert check(problem, plan).violations == ()
    assert _reloads(plan) == 1
    [stop] = [visit for visit in plan.routes[0].visits if visit.reload]
    assert stop.depart_s - max(stop.start_s + 900, 15 * HOUR) >= 1_800


@pytest.mark.parametrize("cut", [0.3, 0.5])
def test_trips_share_shift_range_and_the_fixed_cost(cut: float) -> None:
    problem = _town(max_distance_m=80_000, max_trips=3)
    unfolded = unfold(problem, cut)
    assert unfolded is not None
    first, second, third = unfolded.problem.vehicles
    assert (first.shift.opens_s, third.shift.closes_s) == (12 * HOUR, 20 * HOUR)
    assert first.shift.closes_s == 12 * HOUR + cut * 8 * HOUR
    assert second.shift.opens_s == first.shift.closes_s + 900
    assert first.max_distance_m == pytest.approx(80_000 / 3)
    assert [part.fixed_fen for part in unfolded.problem.vehicles] == [8_000, 0, 0]


def test_what_cannot_be_cut_makes_one_trip() -> None:
    for changes in ({"max_trips": 1}, {"end": "locker1"}, {"reload_s": 8 * HOUR}):
        assert unfold(_town(**changes), 0.5) is None
    two_breaks = (Break(13 * HOUR, 14 * HOUR, 600), Break(17 * HOUR, 18 * HOUR, 600))
    assert unfold(_town(breaks=two_breaks), 0.5) is None


def test_a_promise_to_a_van_holds_for_each_of_its_trips() -> None:
    problem = _town()
    promised = tuple(replace(s, vehicles=frozenset({"van0"})) for s in problem.shipments)
    problem = replace(problem, vehicles=(*problem.vehicles, van("van1")), shipments=promised)
    plan = solve(problem, engine="yinong", limits=LIMITS)
    assert check(problem, plan).violations == ()
    assert {route.vehicle for route in plan.routes} == {"van0"}
    assert plan.unserved == ()


def test_like_vans_share_trips_so_that_fewer_leave() -> None:
    vans = tuple(replace(_small()[0], id=f"van{k}") for k in range(3))
    problem = replace(_town(), vehicles=vans)
    plan = solve(problem, engine="yinong", limits=LIMITS)
    assert check(problem, plan).violations == ()
    assert plan.unserved == ()
    assert all(s.direction is Direction.DOWN for s in problem.shipments)
    assert len(plan.routes) <= 2
