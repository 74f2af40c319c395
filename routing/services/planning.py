"""Planning a wave: read, solve, prove, publish. Nothing is written before the plan is proved and whole.

A planner that dies leaves the last published plan in force; its lease runs out and the wave is queued again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from lockers.errors import NoRoom
from lockers.services.planner import held_places
from marketplace.kernel import clock
from marketplace.places.models import Hub
from routing import rules
from routing.errors import PlanRefused, UnknownWave
from routing.models import Leg, Plan, Route
from routing.services import distances, pictures
from routing.services.bounds import floor_fen
from routing.services.building import WaveProblem, load_wave, points_of_wave, published_version
from routing.services.fixed_tours import patterns_for
from routing.services.from_tours import Pattern, solve_from_tours
from routing.services.insertion import insert_open_legs
from routing.services.publishing import Proposal, publish_plan, refuse_late_legs, whole_fen
from routing.services.queueing import finish_run
from routing.solver.check import check
from routing.solver.errors import SolverError
from routing.solver.problem import Problem
from routing.solver.report import loads
from routing.solver.solution import Solution
from routing.solver.solve import Limits, solve
from routing.states import LegStatus, PlanCause, PlanStatus, RouteStatus, Wave

#: part of the time that goes into the comparison with first choices only
COMPARISON_SHARE = 0.3


def plan_wave(
    *,
    hub_uuid: UUID,
    day: date,
    wave: str,
    seconds: float | None = None,
    seed: int = 1,
    engine: str | None = None,
    note: Callable[[str], None] = lambda stage: None,
) -> Plan:
    """Plan a wave whole, publish it and draw it for quotes. Gives the plan in force afterwards.

    `note` hears each stage. Raises NotFound, UnknownWave, PlanRefused when the solver or its judge refuses,
    RoutesOnTheRoad.
    """
    hub = Hub.by_uuid(hub_uuid, field="hub_id")
    note("reading")
    _measure_roads(hub, day, wave_of(wave))
    loaded = _read(hub, day, wave_of(wave))
    limits = Limits(seconds=seconds or rules.plan_seconds(len(loaded.legs)), workers=settings.PLAN_WORKERS)
    note("searching")
    try:
        plan = publish_plan(_propose(loaded, limits=limits, seed=seed, engine=engine))
    except NoRoom:
        # Somebody took a cell meanwhile: read again, and leave every parcel where its own hold is.
        held = _where_held(_read(hub, day, wave_of(wave)))
        plan = publish_plan(_propose(held, limits=limits, seed=seed, engine=engine))
    note("drawing")
    pictures.keep(plan.uuid)
    return plan


def wave_of(name: str) -> Wave:
    """The plannable wave of this name. Raises UnknownWave."""
    if name not in {wave.value for wave in rules.WAVES}:
        raise UnknownWave(field="wave")
    return Wave(name)


def run_due_wave(*, hub_uuid: UUID, day: date, wave: str) -> Plan | None:
    """What the worker does for a due wave: a whole plan, or late legs put into the one in force."""
    hub = Hub.by_uuid(hub_uuid, field="hub_id")
    which = wave_of(wave)
    plan: Plan | None
    if _left(hub, day, which):
        refuse_late_legs(legs=list(_open_legs(hub, day, which)))
        plan = None
    elif published_version(hub=hub, day=day, wave=which):
        _measure_roads(hub, day, which)
        plan = insert_open_legs(hub=hub, day=day, wave=which)
    else:
        plan = plan_wave(hub_uuid=hub_uuid, day=day, wave=wave)
    finish_run(hub_uuid=hub_uuid, day=day, wave=wave)
    return plan


def _open_legs(hub: Hub, day: date, wave: Wave) -> Any:
    return Leg.objects.filter(hub=hub, wave=wave, shipment__deliver_on=day, status=LegStatus.OPEN)


def _left(hub: Hub, day: date, wave: Wave) -> bool:
    """Whether the wave's vans have left, or its hours are over."""
    on_the_road = Route.objects.filter(
        plan__hub=hub, plan__date=day, plan__wave=wave, plan__status=PlanStatus.PUBLISHED
    ).exclude(status=RouteStatus.PLANNED)
    return clock.now() >= rules.WAVES[wave].closes_at(day) or on_the_road.exists()


def _measure_roads(hub: Hub, day: date, wave: Wave) -> None:
    """Ask the road server, if there is one, before anything is read that must hold still."""
    if distances.server_name() != "estimate":
        distances.measure(points_of_wave(hub=hub, day=day, wave=wave))


def _read(hub: Hub, day: date, wave: Wave) -> WaveProblem:
    """One consistent reading of everything that the problem is made of."""
    with transaction.atomic():
        if connection.in_atomic_block and not connection.savepoint_ids:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        return load_wave(hub=hub, day=day, wave=wave)


def _propose(loaded: WaveProblem, *, limits: Limits, seed: int, engine: str | None) -> Proposal:
    """A proved plan, and what the options saved against taking everybody's first choice.

    Where the day has fixed tours the plan starts from them.
    """
    tours = patterns_for(hub=loaded.hub, day=loaded.day, wave=loaded.wave)
    if tours:
        return _propose_fixed(loaded, tours, limits=limits, seed=seed, engine=engine)
    has_options = any(len(s.options) > 1 for s in loaded.problem.shipments)
    share = 1 - COMPARISON_SHARE if has_options else 1.0
    seconds = None if limits.seconds is None else limits.seconds * share
    solution = _solve(loaded.problem, limits=replace(limits, seconds=seconds), seed=seed, engine=engine)
    saved, compared = 0, {}
    if has_options:
        rest = None if limits.seconds is None else limits.seconds * COMPARISON_SHARE
        first = _solve(
            _first_choices(loaded).problem, limits=replace(limits, seconds=rest), seed=seed, engine=engine
        )
        compared = {"first_choices": {"cost_fen": whole_fen(first.cost), "unserved": len(first.unserved)}}
        # Everybody's first choice is one of the choices: a search that found nothing better takes it.
        solution = min(solution, first, key=lambda found: (len(found.unserved), found.cost))
        saved = whole_fen(first.cost) - whole_fen(solution.cost)
    return Proposal(
        wave=loaded,
        solution=solution,
        verdict=check(loaded.problem, solution),
        metrics=_metrics(loaded, solution) | compared,
        options_saved_fen=saved,
    )


def _propose_fixed(
    loaded: WaveProblem, tours: Sequence[Pattern], *, limits: Limits, seed: int, engine: str | None
) -> Proposal:
    try:
        solution = solve_from_tours(loaded.problem, tours, limits=limits, seed=seed, engine=engine)
    except SolverError as error:
        raise PlanRefused(params={"why": str(error)}) from error
    verdict = check(loaded.problem, solution)
    if not verdict.feasible:
        raise PlanRefused(params={"why": "; ".join(map(str, verdict.violations[:3]))})
    metrics = _metrics(loaded, solution) | {"fixed_tours": len(tours)}
    return Proposal(loaded, solution, verdict, metrics, cause=PlanCause.FIXED)


def _solve(problem: Problem, *, limits: Limits, seed: int, engine: str | None) -> Solution:
    try:
        return solve(problem, limits=limits, seed=seed, engine=engine)
    except SolverError as error:
        raise PlanRefused(params={"why": str(error)}) from error


def _first_choices(loaded: WaveProblem) -> WaveProblem:
    """The same wave with each shipment's most liked option only."""
    shipments = tuple(
        replace(s, options=tuple(sorted(s.options, key=lambda option: option.preference)[:1]))
        for s in loaded.problem.shipments
    )
    return replace(loaded, problem=replace(loaded.problem, shipments=shipments))


def _where_held(loaded: WaveProblem) -> WaveProblem:
    """The same wave with each parcel's options cut to the place where its cell is held."""
    held = held_places(references=[leg.shipment.reference for leg in loaded.legs.values()])
    shipments = []
    for shipment in loaded.problem.shipments:
        place = held.get(loaded.legs[shipment.id].shipment.reference)
        options = tuple(o for o in shipment.options if place is None or o.place == str(place))
        shipments.append(replace(shipment, options=options or shipment.options))
    return replace(loaded, problem=replace(loaded.problem, shipments=tuple(shipments)))


def _metrics(loaded: WaveProblem, solution: Solution) -> dict[str, Any]:
    problem = loaded.problem
    verdict = check(problem, solution)
    reasons = Counter(entry.reason.value for entry in solution.unserved)
    reasons.update(loaded.misfits.values())
    return {
        "shipments": len(loaded.legs),
        "served": len(solution.chosen()),
        "unserved": {reason: count for reason, count in reasons.items() if count},
        "with_options": sum(1 for s in problem.shipments if len(s.options) > 1),
        "moved_from_first_choice": _moved(problem, solution),
        "hours": round(verdict.duration_s / 3600, 2),
        "most_cold_minutes": round(max(verdict.cold_s.values(), default=0) / 60, 1),
        "fill": loads(problem, solution),
        "roads": loaded.roads.told(),
        **_quality(problem, solution, verdict.cost),
    }


def _quality(problem: Problem, solution: Solution, cost: float) -> dict[str, Any]:
    """The floor that no plan goes below, and by how many percent this one is above it."""
    floor = floor_fen(problem, solution)
    if floor <= 0:
        return {}
    return {"floor_fen": whole_fen(floor), "gap_percent": round(100 * (cost / floor - 1), 1)}


def _moved(problem: Problem, solution: Solution) -> int:
    preferences = {o.id: o.preference for s in problem.shipments for o in s.options}
    first = {s.id: min((o.preference for o in s.options), default=0) for s in problem.shipments}
    return sum(1 for label, option in solution.chosen().items() if preferences[option] > first[label])
