"""A new version of a plan in which only tails changed.

Couriers may hold the tours on their phones, so a tour and a stop that stay keep their ids: the rows move on
to the new version, and the version before gets copies, to be looked at, compared with and restored. Order of
effects: cells, version, tours, legs, shipments, messages. Race: see publishing; here the later one is
refused, not left quietly, since a person decided on what he saw.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from uuid import UUID

from django.db import transaction
from django.db.models import F

from marketplace.database.locks import lock_key
from marketplace.kernel import clock
from marketplace.kernel.geo import great_circle_m
from marketplace.outbox.publishing import publish
from marketplace.places.models import Place
from routing import rules
from routing.errors import PlanChanged
from routing.events import PlanPublished, RouteChanged
from routing.models import Leg, Plan, Route, RouteChange, Shipment, Stop, StopTask
from routing.services.in_force.standing import MOVED_AWAY, Standing
from routing.services.waves.publishing import (
    BATCH,
    Proposal,
    live_legs,
    lock_shipments,
    lose,
    moment,
    move_cells,
    settle,
    task_kind,
    wave_key,
    whole_fen,
    write_plan,
    write_unserved,
)
from routing.services.waves.versions import ASIDE, drive_fen, keep_a_copy
from routing.solver.solution import Route as Tour
from routing.solver.solution import Visit
from routing.states import ChangeKind, LegStatus, PlanStatus, RouteStatus, StopStatus

#: a stop that comes this much earlier or later is told to the courier
TOLD = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Amended:
    plan: Plan
    changes: list[RouteChange]


def amend_plan(
    proposal: Proposal,
    standing: Standing,
    *,
    agreed: Mapping[UUID, Collection[UUID]] | None = None,
) -> Amended:
    """Put the proved tails in force.

    Raises PlanChanged when another version came meanwhile or a courier went on, NoRoom.
    """
    wave = proposal.wave
    with transaction.atomic():
        lock_key(wave_key(wave))
        current = Plan.objects.filter(
            hub=wave.hub, date=wave.day, wave=wave.wave, status=PlanStatus.PUBLISHED
        ).first()
        if current is None or current.version != wave.based_on:
            raise PlanChanged(field="plan_id")
        _require_as_read(standing)
        move_cells(proposal, agreed=agreed)
        before = _before(standing)
        shipments = lock_shipments(_affected(proposal, before))
        legs = live_legs(wave)
        Plan.objects.filter(pk=current.pk).update(status=PlanStatus.SUPERSEDED)
        plan = write_plan(proposal)
        writer = _Writer(plan, current, standing, legs)
        writer.write(proposal.solution.routes)
        cost_fen = max(0, current.cost_fen + drive_fen(plan) - drive_fen(current))
        Plan.objects.filter(pk=plan.pk).update(cost_fen=cost_fen, options_saved_fen=current.options_saved_fen)
        _settle(plan, proposal, legs, writer.carried, before, shipments)
        RouteChange.objects.bulk_create(writer.changes)
        _tell(plan, writer.changes)
        plan.refresh_from_db()
    return Amended(plan, writer.changes)


class _Writer:
    """Rows of the tours: moved, changed, made, or taken away; and what the couriers must hear."""

    def __init__(self, plan: Plan, before: Plan, standing: Standing, legs: Mapping[str, Leg]) -> None:
        self.plan, self.before, self.standing, self.legs = plan, before, standing, legs
        self.changes: list[RouteChange] = []
        self.carried: dict[int, StopTask] = {}
        self._made: list[tuple[Stop, Visit]] = []
        self._gone: list[Stop] = []
        self._empty: list[Route] = []

    def write(self, tours: Iterable[Tour]) -> None:
        """Tours and their stops first, then tasks, which may go from tour to tour, then what is left over."""
        known = self.standing.routes
        keep_a_copy(self.before, known.values())
        Route.objects.filter(pk__in=[route.pk for route in known.values()]).update(plan=self.plan)
        solved = {tour.vehicle: tour for tour in tours}
        for label, route in known.items():
            self._tour(route, label, solved.pop(label, None))
        for label, tour in solved.items():
            self._tour(self._new_route(label, tour), label, tour)
        self._tasks()
        self._take_away()
        metres = sum(Route.objects.filter(plan=self.plan).values_list("distance_m", flat=True))
        co2_g = round(metres / 1000 * rules.CO2_G_PER_KM)
        Plan.objects.filter(pk=self.plan.pk).update(distance_m=metres, co2_g=co2_g)

    def _new_route(self, label: str, tour: Tour) -> Route:
        """A van that had nothing to do until now."""
        seqs = Route.objects.filter(plan=self.plan).values_list("seq", flat=True)
        route: Route = Route.objects.create(
            plan=self.plan,
            vehicle=self.standing.loaded.vehicles[label],
            seq=max(seqs, default=0) + 1,
            distance_m=0,
            departs_at=moment(self.standing.loaded, tour.depart_s),
            returns_at=moment(self.standing.loaded, tour.return_s),
        )
        return route

    def _tour(self, route: Route, label: str, tour: Tour | None) -> None:
        past = self.standing.past.get(label, [])
        visits = _as_stops(visit for visit in tour.visits if self._served(visit)) if tour else []
        stops = self._stops(route, self.standing.tails.get(label, []), visits, len(past))
        started = route.status != RouteStatus.PLANNED
        if not stops and not started:
            self._empty.append(route)
        hub = self.plan.hub.place
        route.distance_m = self._way_m([hub, *(stop.place for stop in (*past, *stops)), hub])
        if tour is not None:
            if not started:
                route.departs_at = moment(self.standing.loaded, tour.depart_s)
            route.returns_at = moment(self.standing.loaded, tour.return_s)
            costs = {"cost_fen": whole_fen(float(tour.cost))}
            route.metrics = {**route.metrics, **costs}
        route.plan = self.plan
        route.save()

    def _way_m(self, places: Sequence[Place]) -> int:
        """Metres through the places: as the problem has them, else (a stop behind the van) estimated."""
        problem = self.standing.loaded.problem
        rows = problem.index.places

        def leg_m(here: Place, there: Place) -> float:
            a, b = rows.get(str(here.uuid)), rows.get(str(there.uuid))
            if a is None or b is None:
                return great_circle_m(here.lon_lat, there.lon_lat) * rules.DETOUR
            return float(problem.matrix.distance_m[a, b])

        return round(sum(leg_m(a, b) for a, b in pairwise(places)))

    def _served(self, visit: Visit) -> bool:
        return any(handling.shipment in self.legs for handling in visit.handlings)

    def _stops(self, route: Route, tail: list[Stop], visits: list[Visit], behind: int) -> list[Stop]:
        """The tail as rows: a stop at the same place stays the same row."""
        Stop.objects.filter(pk__in=[stop.pk for stop in tail]).update(seq=F("seq") + ASIDE)
        waiting, stops = list(tail), list[Stop]()
        for number, visit in enumerate(visits, start=behind + 1):
            place = self.standing.loaded.places[visit.place]
            stop = next((one for one in waiting if one.place.pk == place.pk), None)
            arrives, leaves = (moment(self.standing.loaded, at) for at in (visit.start_s, visit.depart_s))
            if stop is None:
                stop = Stop(route=route, place=place)
                self._note(stop, ChangeKind.ADDED, None, arrives)
            else:
                waiting.remove(stop)
                if abs(stop.arrives_at - arrives) >= TOLD:
                    self._note(stop, ChangeKind.RETIMED, stop.arrives_at, arrives)
            stop.seq, stop.arrives_at, stop.departs_at = number, arrives, leaves
            stop.save()
            stops.append(stop)
            self._made.append((stop, visit))
        self._gone += waiting
        return stops

    def _tasks(self) -> None:
        """What each stop does for each leg; a task that moves keeps its id."""
        tails = [stop for stops in self.standing.tails.values() for stop in stops]
        known = {(str(t.leg.uuid), t.kind): t for stop in tails for t in stop.tasks.all()}
        kept, moved, new = set[int](), list[StopTask](), list[StopTask]()
        for stop, visit in self._made:
            for handling in visit.handlings:
                leg = self.legs.get(handling.shipment)
                if leg is None:
                    continue
                kind = task_kind(handling)
                task = known.get((handling.shipment, kind)) or StopTask(leg=leg, kind=kind)
                if task.pk is None:
                    new.append(task)
                else:
                    kept.add(task.pk)
                    if task.stop_id != stop.pk:
                        moved.append(task)
                task.stop = stop
                if kind == "drop" or leg.pk not in self.carried:
                    self.carried[leg.pk] = task
        # What is known moves and goes first: a new task may come where an old one was.
        StopTask.objects.bulk_update(moved, ["stop"], batch_size=BATCH)
        gone = {task.pk for stop in tails for task in stop.tasks.all()} - kept
        StopTask.objects.filter(pk__in=gone).delete()
        StopTask.objects.bulk_create(new)

    def _take_away(self) -> None:
        """Stops that no tour makes any more. A courier on the road still finds his, ended, with why."""
        for stop in self._gone:
            self._note(stop, ChangeKind.REMOVED, stop.arrives_at, None)
            if stop.route.status == RouteStatus.PLANNED:
                stop.delete()
            else:
                Stop.objects.filter(pk=stop.pk).update(
                    status=StopStatus.FAILED, ended_at=clock.now(), reason=MOVED_AWAY
                )
        for route in self._empty:
            self.changes = [change for change in self.changes if change.route != route]
            route.delete()

    def _note(self, stop: Stop, kind: ChangeKind, was: datetime | None, now: datetime | None) -> None:
        self.changes.append(
            RouteChange(
                route=stop.route,
                version=self.plan.version,
                kind=kind,
                place=stop.place,
                cause=self.plan.cause,
                was_at=was,
                now_at=now,
                made_at=clock.now(),
            )
        )


def _as_stops(visits: Iterable[Visit]) -> list[Visit]:
    """Neighbours at one place are one stop: to the solver they differ, since some of them are promised."""
    stops: list[Visit] = []
    for visit in visits:
        if stops and stops[-1].place == visit.place:
            both = stops[-1].handlings + visit.handlings
            stops[-1] = replace(stops[-1], depart_s=visit.depart_s, handlings=both)
        else:
            stops.append(visit)
    return stops


def _require_as_read(standing: Standing) -> None:
    """Tours and stops stay as they are from here on, and are what the change was made for.

    Race: a courier arrives while we compute; his act and ours lock the same rows, tours before stops, and
    the later one sees the other. Without this his arrival would be written over.
    """
    routes = {route.pk: route.status for route in standing.routes.values()}
    stops = {
        stop.pk: stop.status
        for side in (standing.past, standing.tails)
        for stops in side.values()
        for stop in stops
    }
    for model, read in ((Route, routes), (Stop, stops)):
        rows = model.objects.filter(pk__in=list(read)).order_by("pk").select_for_update(of=("self",))
        if dict(rows.values_list("pk", "status")) != read:
            raise PlanChanged(field="plan_id")


def _before(standing: Standing) -> dict[int, tuple[int, datetime]]:
    """(place, time) by leg of what the plan in force has still to drop, or to collect for the hub."""
    tails = [stop for stops in standing.tails.values() for stop in stops]
    return {task.leg_id: (stop.place_id, stop.arrives_at) for stop in tails for task in stop.tasks.all()}


def _affected(proposal: Proposal, before: Mapping[int, tuple[int, datetime]]) -> list[Leg]:
    """Legs whose shipments will have news: another place or time, carried at last, or not carried."""
    wave = proposal.wave
    same = set()
    for route in proposal.solution.routes:
        for visit in route.visits:
            place, at = wave.places[visit.place].pk, moment(wave, visit.start_s)
            for handling in visit.handlings:
                leg = wave.legs[handling.shipment]
                if not _differs(before.get(leg.pk), place, at):
                    same.add(leg.pk)
    return [leg for leg in wave.legs.values() if leg.pk not in same]


def _settle(
    plan: Plan,
    proposal: Proposal,
    legs: Mapping[str, Leg],
    carried: Mapping[int, StopTask],
    before: Mapping[int, tuple[int, datetime]],
    shipments: Mapping[int, Shipment],
) -> None:
    """States of legs and shipments; whose place or time is another now, or who is carried at last, is
    told.
    """
    Leg.objects.filter(pk__in=list(carried)).update(status=LegStatus.PLANNED)
    lost = write_unserved(plan, proposal, legs)
    reasons: dict[Shipment, str] = {}
    for leg in legs.values():
        if leg.pk in lost:
            reasons.setdefault(shipments[leg.shipment_id], lost[leg.pk])
    lose(reasons)
    moved = [
        leg.shipment_id
        for leg in legs.values()
        if leg.pk in carried
        and leg.shipment_id in shipments
        and _differs(before.get(leg.pk), carried[leg.pk].stop.place_id, carried[leg.pk].stop.arrives_at)
    ]
    rows: dict[int, list[Leg]] = {}
    for leg in Leg.objects.filter(shipment__in=moved).order_by("pk"):
        rows.setdefault(leg.shipment_id, []).append(leg)
    settle({shipments[pk]: mine for pk, mine in rows.items()}, carried)


def _differs(was: tuple[int, datetime] | None, place: int, at: datetime) -> bool:
    return was is None or was[0] != place or abs(was[1] - at) >= TOLD


def _tell(plan: Plan, changes: Iterable[RouteChange]) -> None:
    for route in {change.route for change in changes}:
        publish(
            RouteChanged(route=route.uuid, hub=plan.hub.uuid, courier=route.courier_uuid, cause=plan.cause),
            aggregate_kind="route",
            aggregate_uuid=route.uuid,
        )
    publish(
        PlanPublished(plan=plan.uuid, hub=plan.hub.uuid, date=plan.date, wave=plan.wave),
        aggregate_kind="plan",
        aggregate_uuid=plan.uuid,
    )
