"""How an act changes a plan in force.

Each act reads the plan as it stands, changes tails, lets `check` judge, and puts a new version in force, or
changes nothing and says why. With `preview` everything is done the same way and taken back: what is shown is
what will be.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import transaction

from marketplace.kernel.principal import Principal
from routing.errors import DoesNotFit, NoPlanYet, PlanChanged, PlanRefused
from routing.models import Plan
from routing.services.in_force.amending import Amended, amend_plan
from routing.services.in_force.binding import Lift
from routing.services.in_force.standing import Standing, stand
from routing.services.in_force.words import reason_text
from routing.services.waves.publishing import Proposal
from routing.solver.check import check
from routing.solver.core.finish import finish
from routing.solver.terms import Reason
from routing.states import PlanCause, PlanStatus, Wave

ENGINE = "insertion"


@dataclass(frozen=True, slots=True)
class Moved:
    """One stop that an act adds, takes off or shifts. `vehicle`: the van's name."""

    kind: str
    vehicle: str
    place: str
    was_at: datetime | None
    now_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What an act does to the plan. Differences are after less before; `plan_uuid` is the version it makes.

    `late_min`: minutes by which stops come later, added up; `cold_min`: most minutes that a parcel spends
    outside its zone; `unserved`: (reference, reason) of what finds no place any more; `affected`: parcels
    that it is about. Of what lies in a broken van: `taken_over` goes on with others, `brought_back` comes to
    the hub, `held`: (code, reason) stays aboard.
    """

    plan_uuid: UUID
    version: int
    changes: list[Moved]
    km: float
    cost_fen: int
    co2_g: int
    late_min: int
    cold_min: int
    affected: int = 0
    unserved: list[tuple[UUID, str]] = field(default_factory=list)
    taken_over: int = 0
    brought_back: int = 0
    held: list[tuple[str, str]] = field(default_factory=list)


def published_plan(*, hub_uuid: UUID, day: date, wave: str) -> Plan:
    """The plan in force. Raises NoPlanYet."""
    plan: Plan | None = Plan.objects.filter(
        hub__uuid=hub_uuid, date=day, wave=wave, status=PlanStatus.PUBLISHED
    ).first()
    if plan is None:
        raise NoPlanYet(field="wave")
    return plan


def plan_in_force(principal: Principal, plan: Plan) -> Plan:
    """The plan, in force, for its dispatcher. Raises Forbidden, PlanChanged."""
    principal.require(("dispatcher",), plan.hub.uuid)
    if plan.status != PlanStatus.PUBLISHED:
        raise PlanChanged(field="plan_id")
    return plan


@contextmanager
def taken_back_if(preview: bool) -> Iterator[None]:
    """One transaction that a preview leaves without a trace, whatever was written in it."""
    with transaction.atomic():
        yield
        if preview:
            transaction.set_rollback(True)


def act(
    principal: Principal,
    plan: Plan,
    lift: Lift,
    change: Callable[[Standing], None],
    cause: PlanCause,
    preview: bool,
    *,
    affected: int,
    shut: UUID | None = None,
    agreed: Mapping[UUID, Collection[UUID]] | None = None,
) -> Effect:
    """Read, change, prove, write; with `preview` taken back again."""
    with taken_back_if(preview):
        standing = stand(hub=plan.hub, day=plan.date, wave=Wave(plan.wave), lift=lift, shut=shut)
        change(standing)
        solution = finish(standing.plan, engine=ENGINE, seed=0)
        verdict = check(standing.loaded.problem, solution)
        if not verdict.feasible:
            raise PlanRefused(params={"why": "; ".join(map(str, verdict.violations[:3]))})
        metrics = dict(plan.metrics) | {"before": plan.version, "cause": cause.value}
        named = _named(standing, {entry.shipment: entry.reason.value for entry in solution.unserved})
        loaded = replace(standing.loaded, misfits=named)
        proposal = Proposal(loaded, solution, verdict, metrics, cause=cause, actor_uuid=principal.user_uuid)
        lost = {entry.shipment: named[entry.shipment] for entry in solution.unserved}
        lost |= {
            label: why for label, why in named.items() if label in lift.legs or label in standing.stranded
        }
        amended = amend_plan(proposal, standing, agreed=agreed)
        return _effect(plan, amended, verdict.cold_s, affected, lost, standing)


def _named(standing: Standing, unserved: Mapping[str, str]) -> dict[str, str]:
    """Reason by leg of what the plan leaves; for what lies in a broken van it names the zone without room."""
    reasons = {**unserved, **standing.loaded.misfits}
    for label in standing.stranded.keys() & reasons.keys():
        shipment = standing.loaded.legs[label].shipment
        if reasons[label] in (Reason.CAPACITY, Reason.ACCESS):
            reasons[label] = f"no_room_{shipment.zone}"
        elif reasons[label] == Reason.WINDOW and shipment.cold_budget_min is not None:
            reasons[label] = Reason.COLD_BUDGET.value
    return reasons


def _effect(
    plan: Plan,
    amended: Amended,
    cold_s: Mapping[str, float],
    affected: int,
    lost: Mapping[str, str],
    standing: Standing,
) -> Effect:
    after = amended.plan
    late = sum(
        (change.now_at - change.was_at for change in amended.changes if change.now_at and change.was_at),
        timedelta(),
    )
    return Effect(
        plan_uuid=after.uuid,
        version=after.version,
        changes=[
            Moved(c.kind, c.route.vehicle.name, c.place.name, c.was_at, c.now_at) for c in amended.changes
        ],
        km=(after.distance_m - plan.distance_m) / 1000,
        cost_fen=after.cost_fen - plan.cost_fen,
        co2_g=after.co2_g - plan.co2_g,
        late_min=round(late.total_seconds() / 60),
        cold_min=round(max(cold_s.values(), default=0.0) / 60),
        affected=affected,
        unserved=[(standing.loaded.legs[label].shipment.reference, reason) for label, reason in lost.items()],
    )


def insert(standing: Standing, number: int, *, field: str, only: int | None = None) -> None:
    """Put a shipment where it costs least, on one van if named. Raises DoesNotFit with the reason in
    words.
    """
    plan = standing.plan
    found, reason = plan.cheapest(number, only=only)
    if found is None:
        if only is not None and standing.net.rides[number][only] is None:
            reason = Reason.CAPACITY
        raise DoesNotFit(field=field, params={"why": reason_text(reason)})
    plan.set_route(found.vehicle, found.sequence)
