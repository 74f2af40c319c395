"""What the worker does for a wave whose hour has come, or that got late legs."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from marketplace.kernel import clock
from marketplace.places.models import Hub
from routing import rules
from routing.models import Leg, Plan, Route, SectorRun
from routing.services.in_force.insertion import insert_open_legs
from routing.services.waves import planning, sectoring
from routing.services.waves.building import published_version
from routing.services.waves.publishing import refuse_late_legs
from routing.services.waves.queueing import finish_run, hold_run
from routing.states import LegStatus, PlanStatus, RouteStatus, Wave


def run_due_wave(*, hub_uuid: UUID, day: date, wave: str) -> Plan | SectorRun | None:
    """A plan, or the beginning of one by sectors; late legs go into the one in force, or are refused."""
    hub = Hub.by_uuid(hub_uuid, field="hub_id")
    which = planning.wave_of(wave)
    plan: Plan | None
    if _left(hub, day, which):
        refuse_late_legs(legs=list(_open_legs(hub, day, which)))
        plan = None
    elif published_version(hub=hub, day=day, wave=which):
        planning.measure_roads(hub, day, which)
        plan = insert_open_legs(hub=hub, day=day, wave=which)
    else:
        made = sectoring.plan_wave(hub_uuid=hub_uuid, day=day, wave=wave)
        if isinstance(made, SectorRun):
            hold_run(hub_uuid=hub_uuid, day=day, wave=wave, longer=sectoring.patience(made))
            return made
        plan = made
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
