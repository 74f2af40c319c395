"""A plan comes into force whole or not at all.

Race: two planners finish the same wave at once. The advisory lock on the wave lets one publish; the other
then sees that the plan it started from is no longer the newest and leaves quietly. Without the lock the
database's `one_published_plan` still lets only one commit.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Max

from lockers.services.capacity.planner import move_holds
from marketplace.database.locks import lock_key, lock_rows
from marketplace.kernel import clock
from marketplace.kernel.money import round_half_up
from marketplace.outbox.publishing import publish, publish_all
from routing import rules
from routing.errors import RoutesOnTheRoad
from routing.events import PlanPublished, ShipmentPlanned, ShipmentUnserved
from routing.models import Leg, Plan, Route, Shipment, Stop, StopTask, UnservedLeg
from routing.services.waves.building import PLANNABLE, WaveProblem
from routing.solver.check import Verdict
from routing.solver.solution import Action, Handling, Solution, Visit
from routing.solver.solution import Route as SolverRoute
from routing.states import (
    SHIPMENT_MOVES,
    LegKind,
    LegStatus,
    PlanCause,
    PlanStatus,
    RouteStatus,
    ShipmentStatus,
    Wave,
)

#: reason told when a leg came after its wave had left
TOO_LATE = "too_late"
#: rows in one UPDATE
BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proved plan that waits to come into force."""

    wave: WaveProblem
    solution: Solution
    verdict: Verdict
    metrics: Mapping[str, Any]
    options_saved_fen: int = 0
    cause: PlanCause = PlanCause.PLANNED
    actor_uuid: UUID | None = None


def publish_plan(proposal: Proposal) -> Plan:
    """Put the plan in force: rows, holds, states and events in one transaction.

    Gives the plan in force afterwards, which is another's when that one was published since ours was read.
    Raises RoutesOnTheRoad when a van of the plan in force has left, NoRoom when a cell is gone.
    """
    wave = proposal.wave
    with transaction.atomic():
        lock_key(wave_key(wave))
        current = _current(wave)
        if (current.version if current else 0) != wave.based_on:
            assert current is not None  # versions only grow
            return current
        if current is not None and current.routes.exclude(status=RouteStatus.PLANNED).exists():
            raise RoutesOnTheRoad(params={"wave": wave.wave.value})
        move_cells(proposal)
        shipments = lock_shipments(wave.legs.values())
        legs = live_legs(wave)
        if current is not None:
            Plan.objects.filter(pk=current.pk).update(status=PlanStatus.SUPERSEDED)
        plan = write_plan(proposal)
        planned = _write_routes(plan, proposal, legs)
        Leg.objects.filter(pk__in=list(planned)).update(status=LegStatus.PLANNED)
        unserved = write_unserved(plan, proposal, legs)
        _tell(plan, shipments, planned, unserved)
    return plan


def wave_key(wave: WaveProblem) -> str:
    """Name of the lock under which versions of a wave's plan follow each other."""
    return f"wave:{wave.hub.pk}:{wave.day}:{wave.wave}"


def task_kind(handling: Handling) -> str:
    return "drop" if handling.action is Action.DROP else "collect"


def refuse_late_legs(*, legs: Iterable[Leg]) -> int:
    """Legs asked for after their vans had left: their shipments are unserved. Gives the number."""
    with transaction.atomic():
        rows = {leg.pk: leg for leg in legs}
        wanted = {leg.shipment_id for leg in rows.values()}
        shipments = {s.pk: s for s in lock_rows(Shipment.objects.filter(pk__in=wanted))}
        late = Leg.objects.filter(pk__in=list(rows), status=LegStatus.OPEN)
        lost = list(late.order_by("pk").values_list("shipment", flat=True))
        late.update(status=LegStatus.UNSERVED)
        lose({shipments[pk]: TOO_LATE for pk in lost})
        return len(rows)


def whole_fen(cost: float) -> int:
    """The solver's cost in fen, half up."""
    return round_half_up(round(cost * 1000), 1000)


def _current(wave: WaveProblem) -> Plan | None:
    plan: Plan | None = Plan.objects.filter(
        hub=wave.hub, date=wave.day, wave=wave.wave, status=PlanStatus.PUBLISHED
    ).first()
    return plan


def move_cells(proposal: Proposal, *, agreed: Mapping[UUID, Collection[UUID]] | None = None) -> None:
    """Cells follow the plan: a parcel that may go to several places has its hold where the plan takes it.

    `agreed`: places by reference to which the recipient has agreed beside those of the hold.
    """
    if proposal.wave.wave is not Wave.TOWN_DELIVERY:
        return
    places = {
        proposal.wave.legs[handling.shipment].shipment.reference: proposal.wave.places[visit.place].uuid
        for route in proposal.solution.routes
        for visit in route.visits
        for handling in visit.handlings
        if handling.cell is not None
    }
    move_holds(places=places, agreed=agreed or {})


def lock_shipments(legs: Iterable[Leg]) -> dict[int, Shipment]:
    """By pk, as they are now."""
    ids = {leg.shipment_id for leg in legs}
    return {row.pk: row for row in lock_rows(Shipment.objects.filter(pk__in=ids))}


def live_legs(wave: WaveProblem) -> dict[str, Leg]:
    """The legs that may still move: what was cancelled while we planned gets no stop."""
    rows = Leg.objects.filter(pk__in=[leg.pk for leg in wave.legs.values()], status__in=PLANNABLE)
    live = set(rows.values_list("pk", flat=True))
    return {label: leg for label, leg in wave.legs.items() if leg.pk in live}


def write_draft(proposal: Proposal) -> Plan:
    """A plan to look at, compare with and choose: nothing else changes. The caller holds the wave's lock."""
    plan = write_plan(proposal, status=PlanStatus.DRAFT)
    _write_routes(plan, proposal, live_legs(proposal.wave))
    return plan


def write_plan(proposal: Proposal, *, status: PlanStatus = PlanStatus.PUBLISHED) -> Plan:
    wave, solution = proposal.wave, proposal.solution
    now = clock.now()
    plan: Plan = Plan.objects.create(
        hub=wave.hub,
        date=wave.day,
        wave=wave.wave,
        version=next_version(wave),
        status=status,
        cause=proposal.cause,
        actor_uuid=proposal.actor_uuid,
        engine=solution.engine,
        seed=solution.seed,
        distance_m=round(proposal.verdict.distance_m),
        cost_fen=whole_fen(proposal.verdict.cost),
        co2_g=sum(_co2_g(route) for route in solution.routes),
        options_saved_fen=proposal.options_saved_fen,
        metrics=dict(proposal.metrics),
        created_at=now,
        published_at=now if status is PlanStatus.PUBLISHED else None,
    )
    return plan


def next_version(wave: WaveProblem) -> int:
    """Drafts have numbers too. The caller holds the wave's lock."""
    rows = Plan.objects.filter(hub=wave.hub, date=wave.day, wave=wave.wave)
    return (rows.aggregate(last=Max("version"))["last"] or 0) + 1


def _co2_g(route: SolverRoute) -> int:
    return round(route.distance_m / 1000 * rules.CO2_G_PER_KM)


def _write_routes(plan: Plan, proposal: Proposal, legs: Mapping[str, Leg]) -> dict[int, StopTask]:
    """Routes, stops and tasks; the deciding task (its drop, or its collection for the hub) by leg."""
    deciding: dict[int, StopTask] = {}
    for seq, solved in enumerate(proposal.solution.routes, start=1):
        visits = [(visit, _tasks(visit, proposal, legs)) for visit in solved.visits]
        visits = [(visit, tasks) for visit, tasks in visits if tasks]
        if not visits:
            continue
        route = Route.objects.create(
            plan=plan,
            vehicle=proposal.wave.vehicles[solved.vehicle],
            seq=seq,
            distance_m=round(solved.distance_m),
            departs_at=moment(proposal.wave, solved.depart_s),
            returns_at=moment(proposal.wave, solved.return_s),
            metrics={"cost_fen": whole_fen(float(solved.cost)), "co2_g": _co2_g(solved)},
        )
        stops = Stop.objects.bulk_create(
            _stop(route, n, v, proposal.wave) for n, (v, _) in enumerate(visits, 1)
        )
        for stop, (_, tasks) in zip(stops, visits, strict=True):
            for task in tasks:
                task.stop = stop
                deciding[task.leg_id] = task  # a pair's drop comes after its collection
        StopTask.objects.bulk_create(task for _, tasks in visits for task in tasks)
    return deciding


def _stop(route: Route, seq: int, visit: Visit, wave: WaveProblem) -> Stop:
    return Stop(
        route=route,
        seq=seq,
        place=wave.places[visit.place],
        arrives_at=moment(wave, visit.start_s),
        departs_at=moment(wave, visit.depart_s),
    )


def _tasks(visit: Visit, proposal: Proposal, legs: Mapping[str, Leg]) -> list[StopTask]:
    return [
        StopTask(
            leg=legs[handling.shipment],
            kind=task_kind(handling),
            cold_minutes=math.ceil(proposal.verdict.cold_s.get(handling.shipment, 0) / 60),
        )
        for handling in visit.handlings
        if handling.shipment in legs
    ]


def moment(wave: WaveProblem, seconds: float) -> datetime:
    return clock.at(wave.day, 0) + timedelta(seconds=round(seconds))


def write_unserved(plan: Plan, proposal: Proposal, legs: Mapping[str, Leg]) -> dict[int, str]:
    """Reason by leg that the plan leaves."""
    reasons = {entry.shipment: entry.reason.value for entry in proposal.solution.unserved}
    reasons |= proposal.wave.misfits
    left = {legs[label].pk: reason for label, reason in reasons.items() if label in legs}
    UnservedLeg.objects.bulk_create(
        UnservedLeg(plan=plan, leg_id=leg, reason=reason) for leg, reason in left.items()
    )
    Leg.objects.filter(pk__in=list(left)).update(status=LegStatus.UNSERVED)
    return left


def _tell(
    plan: Plan,
    shipments: Mapping[int, Shipment],
    planned: Mapping[int, StopTask],
    unserved: Mapping[int, str],
) -> None:
    """States and events of the shipments, then of the plan."""
    legs = Leg.objects.filter(shipment__in=list(shipments)).order_by("pk")
    by_shipment: dict[int, list[Leg]] = {}
    for leg in legs:
        by_shipment.setdefault(leg.shipment_id, []).append(leg)
    reasons: dict[Shipment, str] = {}
    for leg in legs:
        if leg.pk in unserved:
            reasons.setdefault(shipments[leg.shipment_id], unserved[leg.pk])
    lose(reasons)
    left = {shipments[pk]: mine for pk, mine in by_shipment.items() if shipments[pk] not in reasons}
    settle(left, planned)
    publish(
        PlanPublished(plan=plan.uuid, hub=plan.hub.uuid, date=plan.date, wave=plan.wave),
        aggregate_kind="plan",
        aggregate_uuid=plan.uuid,
    )


def settle(shipments: Mapping[Shipment, list[Leg]], planned: Mapping[int, StopTask]) -> None:
    """Where the plan drops them, if this wave drops them; who is carried on all legs, is told. What ends
    with a collection (a unit fetched from a broken van) is brought to its hub.

    `planned`: the deciding task by leg, of the legs that this plan carries.
    """
    placed = []
    for shipment, legs in shipments.items():
        task = planned.get(legs[-1].pk)
        if task is None:
            continue
        if task.kind == "drop":
            shipment.place = task.stop.place
            placed.append(shipment)
        elif legs[-1].kind == LegKind.COLLECT:
            shipment.place = shipment.destination_hub.place
            placed.append(shipment)
    Shipment.objects.bulk_update(placed, ["place"], batch_size=BATCH)
    ready = SHIPMENT_MOVES.sources(ShipmentStatus.PLANNED)
    carried = (LegStatus.PLANNED, LegStatus.DONE)
    _promise(
        {
            shipment: legs[-1]
            for shipment, legs in shipments.items()
            if shipment.status in ready
            and shipment.place is not None
            and all(leg.status in carried for leg in legs if leg.wave != Wave.TRUNK)
        }
    )


def _promise(last_legs: Mapping[Shipment, Leg]) -> None:
    """Every leg is carried: the recipients learn where and when."""
    arrives = dict(
        StopTask.objects.filter(
            leg__in=[leg.pk for leg in last_legs.values()],
            kind="drop",
            stop__route__plan__status=PlanStatus.PUBLISHED,
        ).values_list("leg", "stop__arrives_at")
    )
    Shipment.objects.filter(pk__in=[shipment.pk for shipment in last_legs]).update(
        status=ShipmentStatus.PLANNED
    )
    events = []
    for shipment, leg in last_legs.items():
        shipment.status = ShipmentStatus.PLANNED
        assert shipment.place is not None  # settle() chose only such
        at = arrives.get(leg.pk)
        event = ShipmentPlanned(
            shipment=shipment.uuid,
            reference=shipment.reference,
            place=shipment.place.uuid,
            arrives_from=at - rules.PROMISE if at else None,
            arrives_until=at + rules.PROMISE if at else None,
        )
        events.append((event, shipment.uuid))
    publish_all(events, aggregate_kind="shipment")


def lose(reasons: Mapping[Shipment, str]) -> None:
    """No van carries them: said once."""
    standing = SHIPMENT_MOVES.sources(ShipmentStatus.UNSERVED)
    lost = {shipment: reason for shipment, reason in reasons.items() if shipment.status in standing}
    Shipment.objects.filter(pk__in=[shipment.pk for shipment in lost]).update(status=ShipmentStatus.UNSERVED)
    events = []
    for shipment, reason in lost.items():
        shipment.status = ShipmentStatus.UNSERVED
        event = ShipmentUnserved(shipment=shipment.uuid, reference=shipment.reference, reason=reason)
        events.append((event, shipment.uuid))
    publish_all(events, aggregate_kind="shipment")
