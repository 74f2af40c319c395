"""Planning is heavy: it runs on the queue. Every task may run twice, or die half way."""

from datetime import date
from uuid import UUID

from celery import shared_task

from marketplace.kernel.errors import DomainError
from routing.models import Plan, SectorRun
from routing.services import due
from routing.services.reports import insights
from routing.services.waves import city, sectoring
from routing.services.waves.queueing import fail_run, finish_run, send


@shared_task
def plan_wave(hub: str, day: str, wave: str, seconds: float | None = None, seed: int = 1) -> str:
    """A dispatcher asked for it. Gives the uuid of the plan in force, or of the run that makes one."""
    made = sectoring.plan_wave(
        hub_uuid=UUID(hub), day=date.fromisoformat(day), wave=wave, seconds=seconds, seed=seed
    )
    return _explained(made)


@shared_task
def run_due_wave(hub: str, day: str, wave: str) -> str | None:
    """The wave's hour has come, or legs came late. A refusal is written down with the run."""
    try:
        made = due.run_due_wave(hub_uuid=UUID(hub), day=date.fromisoformat(day), wave=wave)
    except DomainError as error:
        fail_run(hub_uuid=UUID(hub), day=date.fromisoformat(day), wave=wave, why=f"{error.code}: {error}")
        raise
    return None if made is None else _explained(made)


@shared_task
def plan_city_part(part: int) -> str:
    """One hub of a city run. Gives how it ended."""
    done = city.plan_part(part)
    if done.plan is not None:
        _explained(done.plan)
    return done.status


@shared_task
def solve_sector(sector: int) -> bool:
    """One sector of a large wave. Gives whether its answer counts."""
    return sectoring.solve_sector(sector)


@shared_task
def join_sectors(run: int) -> str | None:
    """All sectors of a large wave are solved, or late. Gives how it ended; None where nothing was to do."""
    ended = sectoring.join_run(run, note=city.note_sectors)
    if ended is None:
        return None
    city.note_sectors(ended, "")
    if ended.plan is None:
        fail_run(hub_uuid=ended.hub.uuid, day=ended.date, wave=ended.wave, why=ended.why)
    else:
        finish_run(hub_uuid=ended.hub.uuid, day=ended.date, wave=ended.wave)
        _explained(ended.plan)
    return ended.status


@shared_task
def explain_plan(plan: str) -> int:
    """The day's summary of a plan. Gives the number of its lines."""
    return len(insights.summarise(plan_uuid=UUID(plan)))


def _explained(made: Plan | SectorRun) -> str:
    """Ask for a plan's summary; without a queue it has none. A run asks when it ends."""
    if isinstance(made, Plan):
        send("routing.tasks.explain_plan", [str(made.uuid)])
    return str(made.uuid)
