"""A large wave planned by sectors: one task cuts it, each sector has a task of its own, the last joins them.

No task waits for another, so any number of workers on any number of machines will do, even one. What the
tasks hand on stands in rows. Nothing is in force before the joined plan is proved and published whole.

A sector whose task is killed is delivered again by the queue; one that fails, or is not heard of for too
long, is solved where the sectors are joined. A task that comes back after that is not listened to. A join
that dies is begun again, a few times. Race: the last two sectors end at once. Each locks the run before it
counts, so that one of them sees both ended.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from lockers.errors import NoRoom
from marketplace.database.locks import lock_key
from marketplace.kernel import clock
from marketplace.kernel.errors import DomainError
from marketplace.places.models import Hub
from routing import rules
from routing.errors import PlanRefused
from routing.models import Plan, Sector, SectorRun
from routing.models.sectors import UNDER_WAY
from routing.services.quotes import pictures
from routing.services.waves import planning
from routing.services.waves.building import WaveProblem, legs_of_wave, published_version
from routing.services.waves.fixed_tours import patterns_for
from routing.services.waves.publishing import Proposal, publish_plan, wave_key
from routing.services.waves.queueing import send
from routing.solver.check import check
from routing.solver.errors import SolverError
from routing.solver.formats.yinong import dump_plan, dump_problem, parse_plan, parse_problem
from routing.solver.joining import join
from routing.solver.problem import Problem
from routing.solver.sectors import cut
from routing.solver.solution import Solution
from routing.solver.solve import Limits, Progress, solve
from routing.states import PartStatus, PlanStatus, RunStatus, Wave

SOLVE, JOIN = "routing.tasks.solve_sector", "routing.tasks.join_sectors"
#: shares of the time of a search: the plan that is cut, each sector, the borders
FIRST_SHARE, SECTOR_SHARE, POLISH_SHARE = 0.2, 0.45, 0.35
#: a run that is silent for this long and twice its seconds has lost its workers
SILENCE = timedelta(seconds=60)
MAX_JOINS = 3
#: the sector that is none: the whole wave with everybody's first choice
COMPARISON = 0
_OPEN = (PartStatus.WAITING, PartStatus.RUNNING)


def plan_wave(
    *,
    hub_uuid: UUID,
    day: date,
    wave: str,
    seconds: float | None = None,
    seed: int = 1,
    note: Callable[[str], None] = lambda stage: None,
) -> Plan | SectorRun:
    """Plan a wave in one go, or begin to plan a large one by sectors (see `planning.plan_wave`)."""
    run = begin(hub_uuid=hub_uuid, day=day, wave=wave, seconds=seconds, seed=seed, note=note)
    if run is not None:
        return run
    return planning.plan_wave(hub_uuid=hub_uuid, day=day, wave=wave, seconds=seconds, seed=seed, note=note)


def begin(
    *,
    hub_uuid: UUID,
    day: date,
    wave: str,
    seconds: float | None = None,
    seed: int = 1,
    note: Callable[[str], None] = lambda stage: None,
) -> SectorRun | None:
    """Cut a large wave and hand its sectors to the queue; None for a wave that one task plans.

    Who begins while a run is under way joins it. Waves with fixed tours are not cut: what is left beside the
    tours is small. Raises NotFound, UnknownWave, PlanRefused.
    """
    hub, which = Hub.by_uuid(hub_uuid, field="hub_id"), planning.wave_of(wave)
    legs = legs_of_wave(hub=hub, day=day, wave=which).count()
    count = legs // settings.PLAN_SECTOR_LEGS
    if count < 2 or patterns_for(hub=hub, day=day, wave=which):
        return None
    running = _under_way(hub, day, which, published_version(hub=hub, day=day, wave=which))
    if running is not None:
        return running
    note("reading")
    planning.measure_roads(hub, day, which)
    loaded = planning.read_wave(hub, day, which)
    allowed = seconds or rules.plan_seconds(legs)
    note("searching")
    first = planning.search(loaded.problem, limits=_limits(FIRST_SHARE * allowed), seed=seed)
    parts = [
        Sector(
            number=number,
            legs=len(sector.problem.shipments),
            problem=_pack(dump_problem(sector.problem)),
            first=_pack(dump_plan(sector.first)),
        )
        for number, sector in enumerate(cut(loaded.problem, first, sectors=count), start=1)
    ]
    if not parts:
        return None
    if planning.has_options(loaded.problem):
        alone = planning.first_choices(loaded).problem
        parts.append(
            Sector(
                number=COMPARISON, legs=len(alone.shipments), problem=_pack(dump_problem(alone)), first=b""
            )
        )
    return _write(loaded, parts, seconds=allowed, seed=seed)


def solve_sector(pk: int) -> bool:
    """What a worker does for one sector. Gives whether its answer counts."""
    sector = Sector.objects.select_related("run").get(pk=pk)
    if sector.status not in _OPEN or not _heard(sector.run, RunStatus.SOLVING):
        return False  # delivered twice, or too late
    Sector.objects.filter(pk=pk, status__in=_OPEN).update(status=PartStatus.RUNNING, started_at=clock.wall())
    answer, why = _solved(sector, SECTOR_SHARE * sector.run.seconds)
    with transaction.atomic():
        run = _locked(sector.run_id)
        if run.status != RunStatus.SOLVING:
            return False
        Sector.objects.filter(pk=pk, status__in=_OPEN).update(
            status=PartStatus.FAILED if answer is None else PartStatus.DONE,
            answer=None if answer is None else _pack(dump_plan(answer)),
            ended_at=clock.wall(),
            why=why,
        )
        if not run.sectors.filter(status__in=_OPEN).exists():
            transaction.on_commit(partial(send, JOIN, [run.pk]))
        SectorRun.objects.filter(pk=run.pk).update(heard_at=clock.wall())
    return answer is not None


def join_run(
    pk: int, *, note: Callable[[SectorRun, str], None] = lambda run, stage: None
) -> SectorRun | None:
    """What the last worker does: solve what is missing, join, prove, publish. Gives the run as it ended.

    None where there is nothing to do (any more). A refusal is written down; the last plan stays in force.
    """
    run = _claim(pk)
    if run is None:
        return None
    try:
        if run.joins > MAX_JOINS:
            raise PlanRefused(params={"why": f"joining was begun {MAX_JOINS} times and never ended"})
        note(run, "joining")
        plan = _joined(run, note=lambda stage: note(run, stage))
    except DomainError as error:
        return _end(run, status=RunStatus.FAILED, why=f"{error.code}: {error}"[:500])
    return _end(run, status=RunStatus.DONE, plan=plan)


def join_late_runs() -> int:
    """Due work: runs that are silent for too long are joined with what is there; gives their number."""
    sent = 0
    for run in SectorRun.objects.filter(status__in=UNDER_WAY):
        if _silent(run):
            mine = SectorRun.objects.filter(pk=run.pk, heard_at=run.heard_at, status__in=UNDER_WAY)
            if mine.update(heard_at=clock.wall(), status=RunStatus.SOLVING):
                sent += send(JOIN, [run.pk])
    return sent


def patience(run: SectorRun) -> timedelta:
    """How long a run may be silent."""
    return SILENCE + timedelta(seconds=2 * run.seconds)


def _limits(seconds: float) -> Limits:
    return Limits(seconds=seconds, workers=settings.PLAN_WORKERS)


def _silent(run: SectorRun) -> bool:
    return bool(run.heard_at + patience(run) < clock.wall())


def _heard(run: SectorRun, status: RunStatus) -> bool:
    """A sign of life; False where the run is somewhere else by now."""
    return bool(SectorRun.objects.filter(pk=run.pk, status=status).update(heard_at=clock.wall()))


def _under_way(hub: Hub, day: date, wave: Wave, version: int) -> SectorRun | None:
    """The wave's run that started from this version of its plan."""
    runs = SectorRun.objects.filter(hub=hub, date=day, wave=wave, status__in=UNDER_WAY, based_on=version)
    run: SectorRun | None = runs.first()
    return run


def _write(loaded: WaveProblem, parts: list[Sector], *, seconds: float, seed: int) -> SectorRun:
    """The run with its sectors, or another planner's that came first. Tasks go out after the commit."""
    hub, day, wave = loaded.hub, loaded.day, loaded.wave
    with transaction.atomic():
        lock_key(wave_key(loaded))
        running = _under_way(hub, day, wave, loaded.based_on)
        if running is not None:
            return running
        # A run from an older version could only find out that it came too late.
        outdated = SectorRun.objects.filter(hub=hub, date=day, wave=wave, status__in=UNDER_WAY)
        outdated.update(status=RunStatus.FAILED, ended_at=clock.wall(), why="outdated")
        run: SectorRun = SectorRun.objects.create(
            hub=hub,
            date=day,
            wave=wave,
            based_on=loaded.based_on,
            seconds=seconds,
            seed=seed,
            asked_at=clock.wall(),
            heard_at=clock.wall(),
        )
        for part in sorted(parts, key=lambda part: -part.legs):
            part.run = run
            part.save()
            transaction.on_commit(partial(send, SOLVE, [part.pk]))
    return run


def _locked(pk: int) -> SectorRun:
    """The run, locked until the transaction ends."""
    rows = SectorRun.objects.select_for_update(of=("self",)).select_related("hub__place")
    run: SectorRun = rows.get(pk=pk)
    return run


def _claim(pk: int) -> SectorRun | None:
    """Begin to join; None while another does, or when the run has ended."""
    with transaction.atomic():
        run = _locked(pk)
        if run.status not in UNDER_WAY or (run.status == RunStatus.JOINING and not _silent(run)):
            return None
        run.status, run.heard_at, run.joins = RunStatus.JOINING, clock.wall(), run.joins + 1
        run.save(update_fields=["status", "heard_at", "joins"])
    return run


def _end(run: SectorRun, **fields: object) -> SectorRun:
    """The run's last word; the bytes have done their work."""
    for label, value in {"ended_at": clock.wall(), **fields}.items():
        setattr(run, label, value)
    run.save(update_fields=["ended_at", *fields])
    run.sectors.update(problem=b"", first=b"", answer=None)
    return run


def _joined(run: SectorRun, *, note: Callable[[str], None]) -> Plan:
    """The plan in force afterwards: ours, or another's that came first."""
    wave = Wave(run.wave)
    planning.measure_roads(run.hub, run.date, wave)
    loaded = planning.read_wave(run.hub, run.date, wave)
    if loaded.based_on != run.based_on:
        return Plan.objects.get(hub=run.hub, date=run.date, wave=wave, status=PlanStatus.PUBLISHED)
    plans = _answers(run)
    try:
        plan = publish_plan(_propose(loaded, plans, run))
    except NoRoom:
        # Somebody took a cell meanwhile: read again, and leave every parcel where its own hold is.
        held = planning.where_held(planning.read_wave(run.hub, run.date, wave))
        plan = publish_plan(_propose(held, plans, run))
    note("drawing")
    pictures.keep(plan.uuid)
    return plan


def _answers(run: SectorRun) -> dict[int, Solution]:
    """Plan by number of the sector. What is missing is solved here; if that fails the first plan holds."""
    rows = list(run.sectors.order_by("number"))
    missing = [row for row in rows if row.answer is None and row.number != COMPARISON]
    plans = {row.number: parse_plan(_unpack(row.answer)) for row in rows if row.answer is not None}
    for row in missing:
        found, _ = _solved(row, SECTOR_SHARE * run.seconds / len(missing))
        plans[row.number] = found or parse_plan(_unpack(row.first))
        _heard(run, RunStatus.JOINING)
    return plans


def _propose(loaded: WaveProblem, plans: dict[int, Solution], run: SectorRun) -> Proposal:
    """The joined plan, proved; and what the options saved, where a plan of first choices came back."""
    problem = loaded.problem
    sectors = [plan for number, plan in sorted(plans.items()) if number != COMPARISON]
    solution = _join(problem, sectors, POLISH_SHARE * run.seconds, run)
    compared: dict[str, object] = {"sectors": len(sectors)}
    saved = 0
    if COMPARISON in plans:
        only = _join(planning.first_choices(loaded).problem, [plans[COMPARISON]], 0.0, run)
        solution, saved, first = planning.better(solution, only)
        compared |= first
    verdict = check(problem, solution)
    if not verdict.feasible:
        raise PlanRefused(params={"why": "; ".join(map(str, verdict.violations[:3]))})
    metrics = planning.metrics_of(loaded, solution) | compared
    return Proposal(loaded, solution, verdict, metrics, options_saved_fen=saved)


def _join(problem: Problem, plans: list[Solution], seconds: float, run: SectorRun) -> Solution:
    def beat(progress: Progress) -> None:
        _heard(run, RunStatus.JOINING)

    try:
        return join(problem, plans, limits=_limits(seconds), seed=run.seed, listen=beat)
    except SolverError as error:
        raise PlanRefused(params={"why": str(error)}) from error


def _solved(sector: Sector, seconds: float) -> tuple[Solution | None, str]:
    """The sector's plan, which is no worse than its part of the first one; or None and why."""
    problem = parse_problem(_unpack(sector.problem))
    try:
        found = solve(problem, limits=_limits(seconds), seed=sector.run.seed + sector.number)
    except SolverError as error:
        return None, str(error)[:500]
    if not sector.first:
        return found, ""
    first = replace(parse_plan(_unpack(sector.first)), problem=problem.name)
    return min(found, first, key=lambda plan: (len(plan.unserved), plan.cost)), ""


def _pack(text: str) -> bytes:
    return zlib.compress(text.encode(), 1)


def _unpack(data: bytes | memoryview[int]) -> Any:
    return json.loads(zlib.decompress(data))
