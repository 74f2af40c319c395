"""The day's summary: what options, produce on the same loop, the cold budget and fixed tours save or cost.

The wave is solved again as it is and without each, in the same small time: the difference tells. A saving
that is bought with goods left behind is none, so the numbers of unserved goods stand beside the costs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from uuid import UUID

from django.db import transaction

from marketplace.database.locks import lock_key
from routing import rules
from routing.models import Plan, PlanInsight
from routing.services.waves.building import WaveProblem, load_wave
from routing.services.waves.fixed_tours import patterns_for
from routing.services.waves.from_tours import solve_from_tours
from routing.services.waves.publishing import Proposal, wave_key, whole_fen, write_draft
from routing.solver.check import check
from routing.solver.problem import Problem, Shipment
from routing.solver.solution import Solution
from routing.solver.solve import Limits, solve
from routing.solver.terms import Direction
from routing.states import PlanCause, PlanStatus, Wave, Without


@dataclass(frozen=True, slots=True)
class Outcome:
    cost: float
    unserved: int
    tours: int
    solution: Solution | None = None


def summarise(*, plan_uuid: UUID, seconds: float = rules.INSIGHT_SECONDS) -> list[PlanInsight]:
    """Write the insights of a planned wave; none for a plan that is not in force any more, or was changed by
    hand.

    Done twice it is the same rows. Raises SolverError.
    """
    plan = Plan.objects.select_related("hub__place").filter(uuid=plan_uuid).first()
    made = (PlanCause.PLANNED, PlanCause.FIXED)
    if plan is None or plan.status != PlanStatus.PUBLISHED or plan.cause not in made:
        return []
    with transaction.atomic():
        loaded = load_wave(hub=plan.hub, day=plan.date, wave=Wave(plan.wave))
    trials = dict(_trials(loaded, plan, seconds))
    if not trials:
        return []
    base = _base(loaded, plan, seconds)
    found = {kind: trial() for kind, trial in trials.items()}
    with transaction.atomic():
        lock_key(wave_key(loaded))
        return [_write(plan, loaded, kind, base, outcome) for kind, outcome in found.items()]


def _trials(
    loaded: WaveProblem, plan: Plan, seconds: float
) -> Iterator[tuple[Without, Callable[[], Outcome]]]:
    """What is there to be left out."""
    problem = loaded.problem
    if any(len(shipment.options) > 1 for shipment in problem.shipments):
        yield Without.OPTIONS, lambda: _solved(_changed(problem, _first_choice), seconds)
    if {Direction.DOWN, Direction.UP} <= {shipment.direction for shipment in problem.shipments}:
        yield Without.SAME_LOOP, lambda: _apart(problem, seconds)
    if any(shipment.cold_budget_s is not None for shipment in problem.shipments):
        yield Without.COLD_BUDGET, lambda: _solved(_changed(problem, _no_budget), seconds)
    if plan.cause == PlanCause.FIXED:
        yield Without.FIXED_TOURS, lambda: _solved(problem, seconds)


def _base(loaded: WaveProblem, plan: Plan, seconds: float) -> Outcome:
    if plan.cause != PlanCause.FIXED:
        return _solved(loaded.problem, seconds)
    tours = patterns_for(hub=loaded.hub, day=loaded.day, wave=loaded.wave)
    return _outcome(solve_from_tours(loaded.problem, tours, limits=Limits(seconds=seconds)))


def _solved(problem: Problem, seconds: float) -> Outcome:
    return _outcome(solve(problem, limits=Limits(seconds=seconds)))


def _outcome(solution: Solution) -> Outcome:
    return Outcome(float(solution.cost), len(solution.unserved), len(solution.routes), solution)


def _changed(problem: Problem, change: Callable[[Shipment], Shipment]) -> Problem:
    return replace(problem, shipments=tuple(change(shipment) for shipment in problem.shipments))


def _first_choice(shipment: Shipment) -> Shipment:
    return replace(shipment, options=tuple(sorted(shipment.options, key=lambda o: o.preference)[:1]))


def _no_budget(shipment: Shipment) -> Shipment:
    """Cold goods may be under way as long as the shift; they still ride in a compartment of their zone."""
    longest_s = 24 * 3600
    return shipment if shipment.cold_budget_s is None else replace(shipment, cold_budget_s=longest_s)


def _apart(problem: Problem, seconds: float) -> Outcome:
    """Goods down on tours of their own; everything collected on others, by the same vans another time."""
    down = tuple(s for s in problem.shipments if s.direction is Direction.DOWN)
    rest = tuple(s for s in problem.shipments if s.direction is not Direction.DOWN)
    halves = [_solved(replace(problem, shipments=part), seconds / 2) for part in (down, rest)]
    return Outcome(
        sum(half.cost for half in halves),
        sum(half.unserved for half in halves),
        sum(half.tours for half in halves),
    )


def _write(plan: Plan, loaded: WaveProblem, kind: Without, base: Outcome, outcome: Outcome) -> PlanInsight:
    draft = None
    before = PlanInsight.objects.filter(plan=plan, kind=kind).first()
    if kind is Without.FIXED_TOURS and before is None and outcome.solution is not None:
        verdict = check(loaded.problem, outcome.solution)
        draft = write_draft(Proposal(loaded, outcome.solution, verdict, {}, cause=PlanCause.WITHOUT))
    insight, _ = PlanInsight.objects.update_or_create(
        plan=plan,
        kind=kind,
        defaults={
            "cost_fen": whole_fen(outcome.cost),
            "unserved": outcome.unserved,
            "base_fen": whole_fen(base.cost),
            "base_unserved": base.unserved,
            "tours": outcome.tours,
            "base_tours": base.tours,
            "draft": before.draft if before is not None else draft,
        },
    )
    return insight
