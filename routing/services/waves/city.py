"""All hubs of a wave planned by one act: one task per hub, on any number of workers.

Each hub's plan comes into force whole by itself (see publishing), so a hub that fails keeps its last plan.
Race: two dispatchers ask at once. The lock on (date, wave) lets the second one join the run of the first;
asked again later, hubs that failed, or whose worker died, are sent again.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial

from django.db import transaction
from django.db.models import Count, F, Q

from marketplace.database.locks import lock_key
from marketplace.kernel import clock
from marketplace.kernel.errors import DomainError, Forbidden
from marketplace.kernel.principal import Principal
from marketplace.kernel.units import require_between
from marketplace.places.models import Hub
from routing import rules
from routing.errors import NothingToPlan, NotThatDay
from routing.models import CityPart, CityRun, Leg, SectorRun
from routing.services.waves import planning, sectoring
from routing.services.waves.building import PLANNABLE
from routing.services.waves.queueing import AHEAD, LEASE, SECONDS, send
from routing.states import PartStatus, RunStatus, ShipmentStatus, Wave

TASK = "routing.tasks.plan_city_part"


def plan_city(*, principal: Principal, day: date, wave: str, seconds: int | None = None) -> CityRun:
    """Plan the wave of every hub that the principal dispatches and that has something to carry.

    Tasks are sent after the commit. Raises Forbidden, UnknownWave, NotThatDay, InvalidInput, NothingToPlan.
    """
    which = planning.wave_of(wave)
    if not clock.today() <= day <= clock.today() + AHEAD:
        raise NotThatDay(field="date", params={"days": AHEAD.days})
    if seconds is not None:
        require_between(seconds, *SECONDS, "seconds")
    hubs = hubs_of(principal)
    with transaction.atomic():
        lock_key(f"city:{day}:{which}")
        waiting = legs_by_hub(hubs, day, which)
        if not waiting:
            raise NothingToPlan(field="date")
        run = _under_way(day, which) or CityRun.objects.create(
            date=day, wave=which, actor_uuid=principal.user_uuid, asked_at=clock.wall()
        )
        for hub, legs in waiting.items():
            allowed = float(seconds or rules.plan_seconds(legs))
            part, _ = CityPart.objects.get_or_create(
                run=run, hub_id=hub, defaults={"legs": legs, "seconds": allowed}
            )
            if _wants_a_worker(part):
                CityPart.objects.filter(pk=part.pk).update(
                    status=PartStatus.WAITING, started_at=clock.wall(), stage="", why=""
                )
                transaction.on_commit(partial(send, TASK, [part.pk]))
    return run


def plan_part(part_pk: int) -> CityPart:
    """What a worker does: one hub. A refusal is written down; the last plan stays in force."""
    part: CityPart = CityPart.objects.select_related("run", "hub").get(pk=part_pk)
    if part.status in (PartStatus.DONE, PartStatus.FAILED):
        return part  # delivered twice
    _note(part, status=PartStatus.RUNNING, started_at=clock.wall())
    try:
        made = sectoring.plan_wave(
            hub_uuid=part.hub.uuid,
            day=part.run.date,
            wave=part.run.wave,
            seconds=part.seconds,
            note=lambda stage: _note(part, stage=stage),
        )
    except DomainError as error:
        _note(part, status=PartStatus.FAILED, ended_at=clock.wall(), why=f"{error.code}: {error}"[:500])
    else:
        if isinstance(made, SectorRun):
            _note(part, stage="sectors")  # goes on in tasks of its own
        else:
            _note(part, status=PartStatus.DONE, ended_at=clock.wall(), plan=made, stage="")
    return part


def note_sectors(run: SectorRun, stage: str) -> None:
    """The part of a hub that is planned by sectors: how far it is, or how it ended."""
    fields: dict[str, object] = {"stage": stage}
    if run.status in (RunStatus.DONE, RunStatus.FAILED):
        ended = PartStatus.DONE if run.status == RunStatus.DONE else PartStatus.FAILED
        fields = {"status": ended, "stage": "", "ended_at": run.ended_at, "plan": run.plan, "why": run.why}
    parts = CityPart.objects.filter(run__date=run.date, run__wave=run.wave, hub=run.hub)
    parts.filter(status=PartStatus.RUNNING).update(**fields)


def run_of(*, principal: Principal, day: date, wave: str) -> CityRun | None:
    """The newest run of the wave, if the principal dispatches any of its hubs.

    Raises Forbidden, UnknownWave.
    """
    hubs = hubs_of(principal)
    runs = CityRun.objects.filter(date=day, wave=planning.wave_of(wave), parts__hub__in=hubs)
    run: CityRun | None = runs.order_by("-pk").first()
    return run


def parts_of(*, principal: Principal, run: CityRun) -> list[CityPart]:
    """The hubs that the principal dispatches, the largest first."""
    parts = run.parts.filter(hub__in=hubs_of(principal)).select_related("hub__county", "hub__place", "plan")
    return list(parts.order_by(F("legs").desc(), "pk"))


def hubs_of(principal: Principal) -> list[int]:
    """Hubs whose plans the principal makes. Raises Forbidden for who makes none."""
    principal.require(("dispatcher",))
    hubs = Hub.objects.all()
    if not principal.has("platform"):
        hubs = hubs.filter(uuid__in=principal.scopes("dispatcher"))
    found = list(hubs.order_by("pk").values_list("pk", flat=True))
    if not found:
        raise Forbidden()
    return found


def legs_by_hub(hubs: list[int], day: date, wave: Wave) -> dict[int, int]:
    """How many legs wait or are planned already, by hub."""
    rows = Leg.objects.filter(hub__in=hubs, wave=wave, shipment__deliver_on=day, status__in=PLANNABLE)
    rows = rows.exclude(shipment__status__in=[ShipmentStatus.CANCELLED, ShipmentStatus.DELIVERED])
    return dict(rows.values_list("hub").annotate(Count("pk")).order_by("-pk__count", "hub"))


def _under_way(day: date, wave: Wave) -> CityRun | None:
    """The run that somebody started and that has not come to its end."""
    open_parts = Q(parts__status__in=[PartStatus.WAITING, PartStatus.RUNNING])
    run: CityRun | None = CityRun.objects.filter(open_parts, date=day, wave=wave).order_by("-pk").first()
    return run


def _wants_a_worker(part: CityPart) -> bool:
    """New, refused, or sent so long ago that its worker must be dead."""
    if part.status == PartStatus.DONE:
        return False
    if part.status == PartStatus.FAILED or part.started_at is None:
        return True
    dead_after = LEASE + timedelta(seconds=2 * part.seconds)
    return bool(part.started_at + dead_after < clock.wall())


def _note(part: CityPart, **fields: object) -> None:
    """Seen by others at once: a part is written outside the planner's transactions."""
    for label, value in fields.items():
        setattr(part, label, value)
    part.save(update_fields=list(fields))
