"""Planning is heavy: it runs on the queue. Every task may run twice, or die half way."""

from datetime import date
from uuid import UUID

from celery import shared_task

from marketplace.kernel.errors import DomainError
from routing.models import Plan
from routing.services import city, insights, planning
from routing.services.queueing import fail_run, send


@shared_task
def plan_wave(hub: str, day: str, wave: str, seconds: float | None = None, seed: int = 1) -> str:
    """A dispatcher asked for it. Gives the uuid of the plan in force."""
    plan = planning.plan_wave(
        hub_uuid=UUID(hub), day=date.fromisoformat(day), wave=wave, seconds=seconds, seed=seed
    )
    return _explained(plan)


@shared_task
def run_due_wave(hub: str, day: str, wave: str) -> str | None:
    """The wave's hour has come, or legs came late. A refusal is written down with the run."""
    try:
        plan = planning.run_due_wave(hub_uuid=UUID(hub), day=date.fromisoformat(day), wave=wave)
    except DomainError as error:
        fail_run(hub_uuid=UUID(hub), day=date.fromisoformat(day), wave=wave, why=f"{error.code}: {error}")
        raise
    return None if plan is None else _explained(plan)


@shared_task
def plan_city_part(part: int) -> str:
    """One hub of a city run. Gives how it ended."""
    done = city.plan_part(part)
    if done.plan is not None:
        _explained(done.plan)
    return done.status


@shared_task
def explain_plan(plan: str) -> int:
    """The day's summary of a plan. Gives the number of its lines."""
    return len(insights.summarise(plan_uuid=UUID(plan)))


def _explained(plan: Plan) -> str:
    """Ask for the plan's summary; without a queue it has none."""
    send("routing.tasks.explain_plan", [str(plan.uuid)])
    return str(plan.uuid)
