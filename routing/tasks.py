"""Planning is heavy: it runs on the queue. Every task may run twice, or die half way."""

from datetime import date
from uuid import UUID

from celery import shared_task

from marketplace.kernel.errors import DomainError
from routing.services import planning
from routing.services.queueing import fail_run


@shared_task
def plan_wave(hub: str, day: str, wave: str, seconds: float | None = None, seed: int = 1) -> str:
    """A dispatcher asked for it. Gives the uuid of the plan in force."""
    plan = planning.plan_wave(
        hub_uuid=UUID(hub), day=date.fromisoformat(day), wave=wave, seconds=seconds, seed=seed
    )
    return str(plan.uuid)


@shared_task
def run_due_wave(hub: str, day: str, wave: str) -> str | None:
    """The wave's hour has come, or legs came late. A refusal is written down with the run."""
    try:
        plan = planning.run_due_wave(hub_uuid=UUID(hub), day=date.fromisoformat(day), wave=wave)
    except DomainError as error:
        fail_run(hub_uuid=UUID(hub), day=date.fromisoformat(day), wave=wave, why=f"{error.code}: {error}")
        raise
    return None if plan is None else str(plan.uuid)
