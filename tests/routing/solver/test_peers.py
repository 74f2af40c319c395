"""Other people's solvers in the bench: plans hold, claims are told apart, what is lacking is named."""

from __future__ import annotations

import sys
from importlib.util import find_spec

import pytest

from routing.solver.check import check
from routing.solver.engines.base import Limits, Progress
from routing.solver.errors import Unsupported
from routing.solver.matrix import Matrix
from routing.solver.peers import PEERS, peer_of
from routing.solver.problem import (
    Cells,
    Compartment,
    Objective,
    Option,
    Place,
    Problem,
    Shipment,
    Vehicle,
    Window,
)
from routing.solver.terms import Direction, Size, Zone
from routing.solver.worlds import world
from tests.routing.solver.instances import village_loop

QUICK = Limits(seconds=0.4)
OPTIONAL = {"pyvrp": "pyvrp", "vroom": "vroom"}


def installed(name: str) -> str:
    """The peer's name, or a skip that says what is missing."""
    package = name.removeprefix("cpsat-")
    if package in OPTIONAL and find_spec(OPTIONAL[package]) is None:
        pytest.skip(f"{package} is not installed (make install-bench)")
    return name


def crowded(*, cells: int) -> Problem:
    """Four parcels that may go to a locker next door or to a far counter, which costs more."""
    places = (Place("hub"), Place("locker", cells=(Cells(Zone.AMBIENT, cells),)), Place("counter"))
    room = Compartment(Zone.AMBIENT, 100, 100)
    vans = tuple(Vehicle(f"van{k}", "hub", "hub", (room,), Window(0, 1000), 10, 1000) for k in range(2))
    shipments = tuple(
        Shipment(
            f"s{k}",
            Direction.DOWN,
            (Option(f"s{k}.0", "locker"), Option(f"s{k}.1", "counter", preference=1)),
            1,
            1,
            size=Size.S,
        )
        for k in range(4)
    )
    ways = [[0, 1, 9], [1, 0, 9], [9, 9, 0]]
    return Problem("crowded", places, vans, shipments, Matrix(ways, ways), Objective())


@pytest.mark.parametrize("name", [name for name in PEERS if name != "vroom"])
def test_a_plain_day_is_served_and_the_claim_is_the_cost(name: str) -> None:
    plain, claims = world("county-plain", shipments=60), list[Progress]()
    plan = peer_of(installed(name)).solve(plain, limits=QUICK, seed=1, listen=claims.append)
    verdict = check(plain, plan)
    assert verdict.violations == ()
    assert plan.unserved == ()
    assert [claim.cost for claim in claims] == [pytest.approx(verdict.cost)]
    assert peer_of(name).ignored(plain) == []


@pytest.mark.parametrize("name", ["ortools-default", "ortools-ils", "cpsat-pyvrp", "cpsat-vroom"])
def test_cells_are_kept_where_they_are_modelled(name: str) -> None:
    plan = peer_of(installed(name)).solve(
        crowded(cells=2), limits=QUICK, seed=1, listen=lambda progress: None
    )
    assert check(crowded(cells=2), plan).violations == ()
    assert plan.unserved == ()
    assert plan.cost == pytest.approx(28)


def test_a_claim_without_cells_is_optimistic_and_the_plan_is_not() -> None:
    problem, claims = crowded(cells=2), list[Progress]()
    peer = peer_of(installed("pyvrp"))
    plan = peer.solve(problem, limits=QUICK, seed=1, listen=claims.append)
    assert peer.ignored(problem) == ["slots shared by vehicles"]
    assert check(problem, plan).violations == ()
    assert claims[0].cost == pytest.approx(12)
    assert float(plan.cost) > 12
    assert sum(option.endswith(".0") for option in plan.chosen().values()) == 2


@pytest.mark.parametrize("name", ["vroom", "pyvrp", "ortools-default"])
def test_goods_up_and_pairs_ride_with_goods_down(name: str) -> None:
    loop = village_loop(stations=6, vans=2, down=30, up=25)
    plan = peer_of(installed(name)).solve(loop, limits=QUICK, seed=1, listen=lambda progress: None)
    assert check(loop, plan).violations == ()
    assert len(plan.unserved) <= 3
    assert any(shipment.direction is Direction.PAIR for shipment in loop.shipments)


def test_what_a_peer_cannot_say_is_refused_by_name() -> None:
    with pytest.raises(Unsupported, match="vroom cannot express: options"):
        peer_of(installed("vroom")).solve(crowded(cells=2), limits=QUICK, seed=1, listen=lambda p: None)
    with pytest.raises(Unsupported, match="is limited by seconds only"):
        peer_of("ortools-ils").solve(
            crowded(cells=2), limits=Limits(iterations=5), seed=1, listen=lambda p: None
        )
    with pytest.raises(Unsupported, match="unknown peer 'magic'"):
        peer_of("magic")


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "routing.solver.peers.with_pyvrp", raising=False)
    monkeypatch.setitem(sys.modules, "pyvrp", None)
    with pytest.raises(Unsupported, match="pyvrp needs the package 'pyvrp': make install-bench"):
        peer_of("pyvrp")
