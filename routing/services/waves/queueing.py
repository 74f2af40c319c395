"""Which waves are due, and who plans them now. Polled from rows; needs no solver.

A planner holds the wave's lease (wire time). One that dies lets it run out, and the wave is queued again.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import date, timedelta
from functools import partial
from uuid import UUID

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

from marketplace.kernel import clock
from marketplace.kernel.ids import uuid7
from marketplace.kernel.principal import Principal
from marketplace.kernel.units import require_between
from marketplace.places.models import Hub
from routing import rules
from routing.errors import NotThatDay, UnknownWave
from routing.models import Leg, WaveRun
from routing.states import LegStatus, ShipmentStatus, Wave

log = logging.getLogger(__name__)
#: a planner that has not finished by then (wire time) is taken for dead
LEASE = timedelta(seconds=180)
#: a refused wave is tried again this much later, so that it does not spin
PAUSE = timedelta(seconds=60)
MAX_ATTEMPTS = 5
#: how far ahead a dispatcher may plan by hand
AHEAD = timedelta(days=7)
SECONDS = (1, 600)


def queue_due_waves() -> int:
    """Due work: send a task for each wave that waits and that nobody plans; gives their number.

    Where the queue cannot be reached the lease runs out and the next poll tries again.
    """
    sent = 0
    for hub, day, wave in due_waves():
        if claim_wave(hub=hub, day=day, wave=wave):
            sent += send("routing.tasks.run_due_wave", [str(hub.uuid), day.isoformat(), wave.value])
    return sent


def due_waves() -> list[tuple[Hub, date, Wave]]:
    """Waves with legs that wait for a plan and whose planning hour has come, village loops first."""
    order = list(rules.WAVES)
    waiting = (
        Leg.objects.filter(status=LegStatus.OPEN, wave__in=[wave.value for wave in order])
        .filter(shipment__status__in=[ShipmentStatus.REQUESTED, ShipmentStatus.PLANNED])
        .values_list("hub", "shipment__deliver_on", "wave")
        .distinct()
    )
    due = [row for row in waiting if rules.planned_from(row[1]) <= clock.now()]
    due.sort(key=lambda row: (row[1], order.index(Wave(row[2])), row[0]))
    hubs = Hub.objects.in_bulk([hub for hub, _, _ in due])
    return [(hubs[hub], day, Wave(wave)) for hub, day, wave in due]


def claim_wave(*, hub: Hub, day: date, wave: Wave) -> bool:
    """Take the wave's lease; False while another planner holds it or all attempts are used up."""
    with transaction.atomic():
        WaveRun.objects.get_or_create(hub=hub, date=day, wave=wave, defaults={"lease_until": clock.wall()})
        run = WaveRun.objects.select_for_update().get(hub=hub, date=day, wave=wave)
        if run.lease_until > clock.wall() or run.attempts >= MAX_ATTEMPTS:
            return False
        run.lease_until, run.attempts = clock.wall() + LEASE, run.attempts + 1
        run.save(update_fields=["lease_until", "attempts"])
    return True


def finish_run(*, hub_uuid: UUID, day: date, wave: str) -> None:
    """The wave is planned: the lease ends, and legs that come later are due at once."""
    WaveRun.objects.filter(hub__uuid=hub_uuid, date=day, wave=wave).update(
        lease_until=clock.wall(), attempts=0, last_error=""
    )


def hold_run(*, hub_uuid: UUID, day: date, wave: str, longer: timedelta) -> None:
    """The wave is being planned by sectors: nobody else begins before these are given up."""
    WaveRun.objects.filter(hub__uuid=hub_uuid, date=day, wave=wave).update(lease_until=clock.wall() + longer)


def fail_run(*, hub_uuid: UUID, day: date, wave: str, why: str) -> None:
    """Planning was refused: say why, and let it be tried again after a pause."""
    log.warning("wave %s of %s refused: %s", wave, day, why)
    WaveRun.objects.filter(hub__uuid=hub_uuid, date=day, wave=wave).update(
        lease_until=clock.wall() + PAUSE, last_error=why[:500]
    )


def ask_for_plan(
    *, principal: Principal, hub_uuid: UUID, day: date, wave: str, seconds: int | None = None
) -> UUID:
    """A dispatcher wants this wave planned now; gives the task's id. The task is sent after the commit.

    Raises NotFound, Forbidden, UnknownWave, NotThatDay, InvalidInput.
    """
    hub = Hub.by_uuid(hub_uuid, field="hub_id")
    principal.require(("dispatcher",), hub.uuid)
    if wave not in {known.value for known in rules.WAVES}:
        raise UnknownWave(field="wave")
    if not clock.today() <= day <= clock.today() + AHEAD:
        raise NotThatDay(field="date", params={"days": AHEAD.days})
    if seconds is not None:
        require_between(seconds, *SECONDS, "seconds")
    task = uuid7()
    arguments = [str(hub.uuid), day.isoformat(), wave, seconds]
    transaction.on_commit(partial(send, "routing.tasks.plan_wave", arguments, task))
    return task


def send(name: str, arguments: Sequence[object], task: UUID | None = None) -> bool:
    """Hand a task to the queue by name; False when the queue cannot be reached."""
    try:
        current_app.send_task(name, args=arguments, task_id=str(task or uuid7()))
    except OperationalError as error:
        log.warning("%s not queued: %s", name, error)
        return False
    return True
