"""The OR-Tools engine: plans hold, repeat, and say why they leave something."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from routing.solver.check import check
from routing.solver.core.network import Network
from routing.solver.core.plan import Plan
from routing.solver.engines.base import Watch
from routing.solver.engines.ortools.assign import assign
from routing.solver.engines.ortools.bundles import bundle
from routing.solver.engines.ortools.routes import route_bundles
from routing.solver.errors import Unsupported
from routing.solver.problem import (
    Break,
    Cells,
    Collection,
    Compartment,
    Objective,
    Option,
    Place,
    Problem,
    ServiceLevel,
    Shipment,
    Window,
)
from routing.solver.solution import Solution
from routing.solver.solve import Limits, solve
from routing.solver.terms import Direction, Goods, Reason, Size, Zone
from tests.routing.solver.instances import HOUR, HUB, problem_of, town_delivery, van, village_loop

QUICK = Limits(iterations=8)


@pytest.mark.parametrize(
    "problem", [village_loop(seed=s) for s in (1, 2)] + [town_delivery(seed=s) for s in (1, 2)]
)
def test_a_small_day_is_served(problem: Problem) -> None:
    plan = solve(problem, limits=QUICK)
    assert check(problem, plan).violations == ()
    assert len(plan.unserved) <= 0.03 * len(problem.shipments)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_vans_with_unlike_compartments_share_a_loop_with_direct_rides(seed: int) -> None:
    """RoutingModel itself finds the plan; insertion alone would scatter each station over many vans."""
    problem = village_loop(seed=seed, stations=14, down=120, up=60)
    first, *others = problem.vehicles
    ambient, *cold = first.compartments
    cool = Compartment(Zone.COOL, 300_000, 60_000, 12, 15)
    problem = replace(problem, vehicles=(replace(first, compartments=(ambient, cool, *cold)), *others))
    net = Network.of(problem)
    plan, watch = Plan(net), Watch(QUICK)
    bundles = bundle(net, plan, assign(net, plan, watch=watch, seed=seed), random.Random(seed))
    routed = route_bundles(net, plan, bundles, watch=watch)
    served = {net.nodes[n].shipment for order in routed.values() for nodes in order for n in nodes}
    assert len(served) >= 0.97 * len(problem.shipments)


def test_the_same_seed_gives_the_same_plan() -> None:
    problem = village_loop(seed=3, stations=10, down=60, up=30)
    assert solve(problem, limits=QUICK, seed=5) == solve(problem, limits=QUICK, seed=5)


def _tiny(
    *shipments: Shipment, vans: int = 1, closed: frozenset[tuple[str, str]] = frozenset(), **changes: Any
) -> Problem:
    places = [
        Place(HUB, 115.39, 28.69),
        Place(
            "near", 115.40, 28.69, cells=(Cells(Zone.AMBIENT, 1, 1, 0), Cells(Zone.CHILLED, 1, 0, 0, 2, 6))
        ),
        Place("far", 115.60, 28.80),
        Place("door", 115.41, 28.70, (Window(8 * HOUR, 9 * HOUR),), needs=frozenset()),
    ]
    problem = problem_of("tiny", places, [van(f"v{k}", **changes) for k in range(vans)], list(shipments))
    return replace(problem, closed=closed)


def _down(label: str, place: str | None, **changes: Any) -> Shipment:
    options = (Option(f"{label}.0", place),) if place else ()
    values: dict[str, Any] = {"volume_ml": 1_000, "weight_g": 1_000, "size": Size.S}
    return Shipment(label, Direction.DOWN, options, **{**values, **changes})


def _reasons(plan: Solution) -> dict[str, Reason]:
    return {entry.shipment: entry.reason for entry in plan.unserved}


@pytest.mark.parametrize(
    ("shipment", "changes", "reason"),
    [
        (_down("a", None), {}, Reason.NO_OPTION),
        (_down("a", "near", size=None), {}, Reason.NO_CELL),
        (_down("a", "near", size=Size.L), {}, Reason.NO_CELL),
        (_down("a", "near", zone=Zone.FROZEN), {}, Reason.NO_CELL),
        (_down("a", "near", zone=Zone.CHILLED, min_c=0, max_c=4), {}, Reason.NO_CELL),
        (_down("a", "door", due_s=7 * HOUR), {}, Reason.WINDOW),
        (_down("a", "door"), {"shift": Window(9.5 * HOUR, 13 * HOUR)}, Reason.WINDOW),
        (_down("a", "far"), {"shift": Window(7 * HOUR, 7.2 * HOUR)}, Reason.SHIFT),
        (_down("a", "far"), {"max_distance_m": 1000}, Reason.SHIFT),
        (_down("a", "far", zone=Zone.CHILLED, cold_budget_s=30), {"door_s": 60}, Reason.COLD_BUDGET),
    ],
)
def test_what_is_left_has_its_reason(shipment: Shipment, changes: dict[str, Any], reason: Reason) -> None:
    problem = _tiny(shipment, **changes)
    plan = solve(problem, limits=QUICK)
    assert plan.routes == ()
    assert _reasons(plan) == {"a": reason}


def test_full_cells_full_vans_and_bad_company_have_their_reasons() -> None:
    plan = solve(_tiny(*(_down(k, "near") for k in "abc")), limits=QUICK)
    assert list(_reasons(plan).values()) == [Reason.NO_CELL]
    tight = (Compartment(Zone.AMBIENT, 2_500, 9_000),)
    plan = solve(_tiny(*(_down(k, "far") for k in "abc"), compartments=tight), limits=QUICK)
    assert list(_reasons(plan).values()) == [Reason.CAPACITY]
    food, poison = (
        _down("a", "far", goods=Goods.FOOD),
        _down("b", "door", goods=Goods.PESTICIDE, value_fen=10),
    )
    plan = solve(_tiny(food, poison), limits=QUICK)
    assert _reasons(plan) == {"b": Reason.SEGREGATION}
    plan = solve(_tiny(food, poison, vans=2), limits=QUICK)
    assert _reasons(plan) == {}


def test_the_dearer_option_is_taken_when_the_cells_are_full() -> None:
    shipments = [
        Shipment(
            f"s{k}",
            Direction.DOWN,
            (Option(f"s{k}.0", "near"), Option(f"s{k}.1", "far", preference=1, compensation_fen=9_000)),
            volume_ml=1_000,
            weight_g=1_000,
            size=Size.M,
        )
        for k in range(3)
    ]
    plan = solve(_tiny(*shipments), limits=QUICK)
    assert plan.unserved == ()
    assert sorted(option[-1] for option in plan.chosen().values()) == ["0", "1", "1"]


def test_pairs_ride_in_order_and_produce_comes_back() -> None:
    pair = Shipment(
        "p",
        Direction.PAIR,
        (Option("p.0", "near", service_s=30),),
        volume_ml=1_000,
        weight_g=1_000,
        size=Size.S,
        collection=Collection("far", service_s=60),
    )
    up = Shipment("u", Direction.UP, (Option("u.0", "far"),), volume_ml=1_000, weight_g=1_000)
    plan = solve(_tiny(pair, up, _down("d", "far")), limits=QUICK)
    assert plan.unserved == ()
    order = [(visit.place, len(visit.handlings)) for visit in plan.routes[0].visits]
    assert order == [("far", 3), ("near", 1)]


def test_a_closed_road_is_driven_round() -> None:
    roads = frozenset({(HUB, "far")})
    plan = solve(_tiny(_down("a", "far"), _down("b", "near"), closed=roads), limits=QUICK)
    assert [visit.place for visit in plan.routes[0].visits] == ["near", "far"]


def test_promises_are_kept_and_the_rest_is_planned_round_them() -> None:
    shipments = [_down(f"s{k}", place) for k, place in enumerate(("far", "near", "door"))]
    plan = solve(_tiny(*shipments, vans=2, locked=()), limits=QUICK)
    assert plan.unserved == ()
    problem = _tiny(*shipments, vans=2)
    first = replace(problem.vehicles[0], locked=("s0.0", "s1.0"))
    problem = replace(problem, vehicles=(first, problem.vehicles[1]))
    plan = solve(problem, limits=QUICK)
    assert check(problem, plan).violations == ()
    assert plan.unserved == ()
    route = next(r for r in plan.routes if r.vehicle == "v0")
    assert [h.option for h in route.handlings()][:2] == ["s0.0", "s1.0"]


def test_a_promise_that_cannot_be_kept_is_refused_by_name() -> None:
    problem = _tiny(_down("a", "door"), locked=("a.0",), shift=Window(10 * HOUR, 12 * HOUR))
    with pytest.raises(Unsupported, match=r"promised stop 'a\.0' of vehicle 'v0'"):
        solve(problem, limits=QUICK)


def test_a_shipment_stays_with_its_vehicle() -> None:
    shipments = [_down("a", "far", vehicles=frozenset({"v1"})), _down("b", "far")]
    plan = solve(_tiny(*shipments, vans=2), limits=QUICK)
    assert plan.unserved == ()
    assert {h.shipment for r in plan.routes if r.vehicle == "v1" for h in r.handlings()} >= {"a"}


def test_the_driver_rests() -> None:
    shipments = [_down("a", "far"), _down("b", "door"), _down("c", "near")]
    rest = Break(8.2 * HOUR, 8.7 * HOUR, 0.5 * HOUR)
    problem = _tiny(*shipments, breaks=(rest,), shift=Window(7.9 * HOUR, 12 * HOUR))
    plan = solve(problem, limits=QUICK)
    assert check(problem, plan).violations == ()
    assert plan.unserved == ()


def test_frozen_goods_ride_in_the_chilled_room_within_their_budget() -> None:
    rooms = (Compartment(Zone.AMBIENT, 9_000, 9_000), Compartment(Zone.CHILLED, 9_000, 9_000, 2, 4))
    frozen = _down("f", "far", zone=Zone.FROZEN, cold_budget_s=3 * HOUR)
    problem = _tiny(frozen, _down("d", "door"), compartments=rooms)
    plan = solve(problem, limits=QUICK)
    verdict = check(problem, plan)
    assert plan.unserved == ()
    assert 0 < verdict.cold_s["f"] <= 3 * HOUR
    hurried = replace(problem, shipments=(replace(frozen, cold_budget_s=60), problem.shipments[1]))
    assert _reasons(solve(hurried, limits=QUICK)) == {"f": Reason.COLD_BUDGET}


def test_service_levels_hold_among_those_served() -> None:
    choice = (Option("a.0", "far", preference=0), Option("a.1", "near", preference=1))
    shipments = [
        Shipment(
            f"s{k}",
            Direction.DOWN,
            tuple(replace(option, id=f"s{k}.{n}") for n, option in enumerate(choice)),
            volume_ml=1_000,
            weight_g=1_000,
            size=Size.S,
        )
        for k in range(4)
    ]
    problem = replace(_tiny(*shipments), objective=Objective(service_levels=(ServiceLevel(0, 0.75),)))
    plan = solve(problem, engine="ortools", limits=QUICK)
    assert plan.unserved == ()
    assert sorted(option[-1] for option in plan.chosen().values()).count("0") >= 3


def test_no_vehicles_and_no_shipments_are_plans_too() -> None:
    assert solve(_tiny(), limits=QUICK).routes == ()
    plan = solve(_tiny(_down("a", "far"), vans=0), limits=QUICK)
    assert len(plan.unserved) == 1
