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
from lockers.services.capacity.planner import held_places
from marketplace.places.models import Hub
from routing import rules
from routing.errors import PlanRefused, UnknownWave
from routing.models import Plan
from routing.services.quotes import pictures
from routing.services.waves import distances
from routing.services.waves.bounds import floor_fen
from routing.services.waves.building import WaveProblem, load_wave, points_of_wave
from routing.services.waves.fixed_tours import patterns_for
from routing.services.waves.from_tours import Pattern, solve_from_tours
from routing.services.waves.publishing import Proposal, publish_plan, whole_fen
from routing.solver.check import check
from routing.solver.errors import SolverError
from routing.solver.problem import Problem
from routing.solver.report import loads
from routing.solver.solution import Solution
from routing.solver.solve import Limits, solve
from routing.states import PlanCause, Wave

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
    measure_roads(hub, day, wave_of(wave))
    loaded = read_wave(hub, day, wave_of(wave))
    limits = Limits(seconds=seconds or rules.plan_seconds(len(loaded.legs)), workers=settings.PLAN_WORKERS)
    note("searching")
    try:
        plan = publish_plan(_propose(loaded, limits=limits, seed=seed, engine=engine))
    except NoRoom:
        # Somebody took a cell meanwhile: read again, and leave every parcel where its own hold is.
        held = where_held(read_wave(hub, day, wave_of(wave)))
        plan = publish_plan(_propose(held, limits=limits, seed=seed, engine=engine))
    note("drawing")
    pictures.keep(plan.uuid)
    return plan


def wave_of(name: str) -> Wave:
    """The plannable wave of this name. Raises UnknownWave."""
    if name not in {wave.value for wave in rules.WAVES}:
        raise UnknownWave(field="wave")
    return Wave(name)


def measure_roads(hub: Hub, day: date, wave: Wave) -> None:
    """Ask the road server, if there is one, before anything is read that must hold still."""
    if distances.server_name() != "estimate":
        distances.measure(points_of_wave(hub=hub, day=day, wave=wave))


def read_wave(hub: Hub, day: date, wave: Wave) -> WaveProblem:
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
    compared_too = has_options(loaded.problem)
    share = 1 - COMPARISON_SHARE if compared_too else 1.0
    seconds = None if limits.seconds is None else limits.seconds * share
    solution = search(loaded.problem, limits=replace(limits, seconds=seconds), seed=seed, engine=engine)
    saved, compared = 0, dict[str, Any]()
    if compared_too:
        rest = None if limits.seconds is None else limits.seconds * COMPARISON_SHARE
        first = search(
            first_choices(loaded).problem, limits=replace(limits, seconds=rest), seed=seed, engine=engine
        )
        solution, saved, compared = better(solution, first)
    return Proposal(
        wave=loaded,
        solution=solution,
        verdict=check(loaded.problem, solution),
        metrics=metrics_of(loaded, solution) | compared,
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
    metrics = metrics_of(loaded, solution) | {"fixed_tours": len(tours)}
    return Proposal(loaded, solution, verdict, metrics, cause=PlanCause.FIXED)


def search(problem: Problem, *, limits: Limits, seed: int, engine: str | None = None) -> Solution:
    """A proved plan. Raises PlanRefused when the solver or its judge refuses."""
    try:
        return solve(problem, limits=limits, seed=seed, engine=engine)
    except SolverError as error:
        raise PlanRefused(params={"why": str(error)}) from error


def has_options(problem: Problem) -> bool:
    """Whether anything can be chosen, so that a comparison with first choices says something."""
    return any(len(shipment.options) > 1 for shipment in problem.shipments)


def better(solution: Solution, first: Solution) -> tuple[Solution, int, dict[str, Any]]:
    """The better of a plan and the one of first choices; the fen it saves; what the metrics tell.

    Everybody's first choice is one of the choices: a search that found nothing better takes it.
    """
    told = {"first_choices": {"cost_fen": whole_fen(first.cost), "unserved": len(first.unserved)}}
    best = min(solution, first, key=lambda found: (len(found.unserved), found.cost))
    return best, whole_fen(first.cost) - whole_fen(best.cost), told


def first_choices(loaded: WaveProblem) -> WaveProblem:
    """The same wave with each shipment's most liked option only."""
    shipments = tuple(
        replace(s, options=tuple(sorted(s.options, key=lambda option: option.preference)[:1]))
        for s in loaded.problem.shipments
    )
    return replace(loaded, problem=replace(loaded.problem, shipments=shipments))


def where_held(loaded: WaveProblem) -> WaveProblem:
    """The same wave with each parcel's options cut to the place where its cell is held."""
    held = held_places(references=[leg.shipment.reference for leg in loaded.legs.values()])
    shipments = []
    for shipment in loaded.problem.shipments:
        place = held.get(loaded.legs[shipment.id].shipment.reference)
        options = tuple(o for o in shipment.options if place is None or o.place == str(place))
        shipments.append(replace(shipment, options=options or shipment.options))
    return replace(loaded, problem=replace(loaded.problem, shipments=tuple(shipments)))


def metrics_of(loaded: WaveProblem, solution: Solution) -> dict[str, Any]:
    """What a plan of a wave tells about itself: numbers, reasons, fill, quality."""
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
