"""Cheapest insertion: what is alike goes in together, and nothing dearer stays behind for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given

from routing.solver.check import check
from routing.solver.core import plan as core
from routing.solver.core.finish import finish
from routing.solver.core.network import Network
from routing.solver.core.plan import Plan
from routing.solver.core.schedule import Timetable
from routing.solver.problem import Compartment, Option, Place, Problem, Shipment
from routing.solver.terms import Direction, Reason, Size, Zone
from tests.routing.solver.instances import HUB, problem_of, van, village_loop
from tests.routing.solver.strategies import problems

TEN = 10_000


def _van(name: str, room_ml: int):
    return van(name, compartments=(Compartment(Zone.AMBIENT, room_ml, 1_000_000),))


def _parcel(number: int, place: str, **changes) -> Shipment:
    values = {"direction": Direction.DOWN, "volume_ml": TEN, "weight_g": 1_000, "size": Size.S}
    return Shipment(id=f"s{number}", options=(Option(f"o{number}", place),), **{**values, **changes})


def _problem(rooms_ml: list[int], shipments: list[Shipment]) -> Problem:
    spots = [Place(HUB, 115.39, 28.69), Place("a", 115.42, 28.70), Place("b", 115.46, 28.72)]
    return problem_of("few", spots, [_van(f"v{n}", room) for n, room in enumerate(rooms_ml)], shipments)


def _filled(problem: Problem) -> Plan:
    plan = Plan(Network.of(problem))
    plan.insert_rest()
    verdict = check(problem, finish(plan, engine="insertion", seed=0))
    assert verdict.violations == ()
    return plan


@given(problems())
def test_whatever_the_problem_the_plan_holds(problem: Problem) -> None:
    _filled(problem)


def test_what_is_alike_goes_in_together(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = village_loop(stations=6, down=120, up=0)
    tried: list[int] = []
    timetable = core.timetable

    def counted(net: Network, vehicle: int, sequence: Sequence[int]) -> Timetable | Reason:
        tried.append(vehicle)
        return timetable(net, vehicle, sequence)

    monkeypatch.setattr(core, "timetable", counted)
    together = _filled(problem)
    count, tried[:] = len(tried), []
    alone = Plan(Network.of(problem))
    for number in range(len(problem.shipments)):
        alone.insert(number)
    assert together.served() == alone.served()
    assert sum(together.costs) <= sum(alone.costs) * 1.05
    assert count * 2 < len(tried)


def test_a_group_that_fits_nowhere_whole_fills_what_room_there_is() -> None:
    plan = _filled(_problem([5 * TEN, 3 * TEN], [_parcel(n, "a") for n in range(8)]))
    assert sorted(len(sequence) for sequence in plan.sequences) == [3, 5]


def test_nothing_dearer_stays_behind_for_what_went_in_with_its_like() -> None:
    cheap = [_parcel(n, "a", value_fen=1_000) for n in range(4)]
    first = _parcel(9, "a", value_fen=9_000)
    dear = [_parcel(10 + n, "b", value_fen=5_000) for n in range(3)]
    plan = _filled(_problem([5 * TEN], [*cheap, first, *dear]))
    values = [plan.net.problem.shipments[number].value_fen for number in plan.served()]
    assert sorted(values) == [1_000, 5_000, 5_000, 5_000, 9_000]


def test_a_full_van_is_told_as_full() -> None:
    problem = _problem([3 * TEN], [_parcel(n, "a") for n in range(4)])
    solution = finish(_filled(problem), engine="insertion", seed=0)
    assert [entry.reason.value for entry in solution.unserved] == ["capacity"]
    wide = replace(problem, vehicles=(*problem.vehicles, _van("v1", TEN)))
    assert finish(_filled(wide), engine="insertion", seed=0).unserved == ()
