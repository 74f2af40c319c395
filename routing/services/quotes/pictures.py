"""Pictures of plans, drawn once and shared by all processes.

Who publishes a plan draws it (`keep`): the planning task at once, for a change by hand the drain. A question
reads the picture from its row, and the process keeps it. A plan that has no row yet, or one that another
release wrote, is drawn by who asks first.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from functools import lru_cache
from uuid import UUID

from routing.models import Plan, PlanPicture
from routing.services.quotes.picture import Picture, draw
from routing.services.quotes.picture_bytes import FORM, pack, unpack
from routing.states import PlanStatus, Wave

#: a pattern older than this says little about tomorrow
PATTERN_DAYS = timedelta(days=14)
#: pictures kept in a process: one per hub and wave is enough
KEPT = 64


def pictures_for(*, hubs: Collection[int], day: date) -> dict[tuple[int, Wave], Picture]:
    """By hub and wave the plan in force for the day, else the last pattern; nothing for a hub that never
    planned.

    One query, and one more for each plan that this process has not seen yet.
    """
    plans = Plan.objects.filter(
        hub__in=hubs, status=PlanStatus.PUBLISHED, date__lte=day, date__gte=day - PATTERN_DAYS
    )
    newest = plans.order_by("hub", "wave", "-date").distinct("hub", "wave")
    # A pattern knows no promises, so it is another picture than the same plan on its own day.
    return {
        (hub, Wave(wave)): picture_of(pk, on == day)
        for pk, hub, wave, on in newest.values_list("pk", "hub", "wave", "date")
    }


@lru_cache(maxsize=KEPT)
def picture_of(plan_pk: int, today: bool) -> Picture:
    """Every change of a plan makes a new version, so a picture never grows old."""
    column = "own_day" if today else "pattern"
    kept = PlanPicture.objects.filter(plan=plan_pk, form=FORM).values_list(column, flat=True).first()
    if kept is not None:
        return unpack(kept)
    return _drawn(plan_pk)[0 if today else 1]


def keep(plan_uuid: UUID) -> bool:
    """Draw the plan if it is in force and nobody has drawn it; older pictures of its wave go.

    False: there was nothing to do.
    """
    plan = Plan.objects.filter(uuid=plan_uuid, status=PlanStatus.PUBLISHED).first()
    if plan is None or PlanPicture.objects.filter(plan=plan, form=FORM).exists():
        return False
    _drawn(plan.pk)
    others = PlanPicture.objects.filter(plan__hub=plan.hub_id, plan__wave=plan.wave).exclude(plan=plan.pk)
    others.filter(plan__date=plan.date).delete()
    others.filter(plan__date__lt=plan.date - PATTERN_DAYS).delete()
    return True


def _drawn(plan_pk: int) -> tuple[Picture, Picture]:
    """Draw and write down. Two who draw at once write the same."""
    own_day, pattern = draw(plan_pk)
    row = PlanPicture(plan_id=plan_pk, form=FORM, own_day=pack(own_day), pattern=pack(pattern))
    PlanPicture.objects.bulk_create(
        [row],
        update_conflicts=True,
        unique_fields=["plan"],
        update_fields=["form", "own_day", "pattern"],
    )
    return own_day, pattern
