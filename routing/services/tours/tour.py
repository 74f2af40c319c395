"""Driving a route: load, depart, arrive, hand over, collect, complete, finish. Custody follows each act.

Every act is safe to repeat (a courier's phone sends twice), and a physical fact that arrives late through the
offline queue is recorded at its own time.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from farmers.models import Station
from marketplace.custody.models import HandlingUnit, UnitKind
from marketplace.custody.services import Holder, hand_over, units_held_by
from marketplace.kernel import clock
from marketplace.kernel.errors import N_, InvalidInput, NotFound
from marketplace.kernel.principal import Principal
from marketplace.kernel.temperature import require_readable
from marketplace.kernel.texts import require_text
from marketplace.outbox.publishing import publish
from marketplace.places.models import PlaceKind
from routing.errors import NotAtThisStop, NotOnThisRoute, OpenStops, RouteNotStarted, StopNotReached
from routing.events import RouteFinished, RouteStarted, StopCompleted
from routing.models import Breakdown, Leg, Route, Stop, StopTask
from routing.rules import COLD_ZONES
from routing.services.access import route_for, stop_for
from routing.services.tours.outcomes import (
    NOT_FETCHED,
    RETURNED,
    deliveries_of,
    fetches,
    mark_delivered,
    note_brought_back,
    report_missed,
)
from routing.states import (
    ROUTE_MOVES,
    STOP_MOVES,
    LegKind,
    LegStatus,
    RouteStatus,
    StopStatus,
)

MAX_REASON = 60


@dataclass(frozen=True, slots=True)
class Loading:
    """What is on the van now, and what the route expects that is still at the hub."""

    route: Route
    loaded: list[HandlingUnit]
    missing: list[HandlingUnit]


def vehicle_holder(route: Route) -> Holder:
    return Holder("vehicle", route.vehicle.uuid)


def hub_holder(route: Route) -> Holder:
    return Holder("hub", route.plan.hub.uuid)


def references_to_drop(route: Route) -> set[UUID]:
    """What the route takes out of the hub: references of its deliver legs."""
    return set(
        StopTask.objects.filter(stop__route=route, kind="drop", leg__kind=LegKind.DELIVER)
        .exclude(leg__status=LegStatus.CANCELLED)
        .values_list("leg__shipment__reference", flat=True)
    )


def expected_units(route: Route) -> QuerySet[HandlingUnit]:
    """Units at the hub that belong on this route."""
    return units_held_by(hub_holder(route)).filter(reference__in=references_to_drop(route))


def load_route(*, principal: Principal, route_uuid: UUID, unit_uuids: Sequence[UUID]) -> Loading:
    """Scan units onto the van. Raises NotOnThisRoute naming the van where a wrong unit belongs."""
    with transaction.atomic():
        route = route_for(principal=principal, route_uuid=route_uuid, lock=True)
        wanted = references_to_drop(route)
        for unit in _units(unit_uuids):
            if unit.reference not in wanted:
                raise NotOnThisRoute(
                    field="unit_ids", params={"code": unit.code, "belongs": _belongs(unit, route)}
                )
            hand_over(
                unit=unit,
                to=vehicle_holder(route),
                expected_from=hub_holder(route),
                place_uuid=route.plan.hub.place.uuid,
                actor_uuid=principal.user_uuid,
            )
        loaded = list(units_held_by(vehicle_holder(route)))
        return Loading(route=route, loaded=loaded, missing=list(expected_units(route)))


def depart_route(*, principal: Principal, route_uuid: UUID) -> Route:
    """The courier who says so drives it. Departing twice is the same."""
    with transaction.atomic():
        route = route_for(principal=principal, route_uuid=route_uuid, lock=True)
        if route.status != RouteStatus.PLANNED:
            return route
        ROUTE_MOVES.check(route.status, RouteStatus.STARTED)
        route.status = RouteStatus.STARTED
        route.started_at = clock.now()
        route.courier_uuid = principal.user_uuid
        route.save(update_fields=["status", "started_at", "courier_uuid"])
        publish(
            RouteStarted(route=route.uuid, hub=route.plan.hub.uuid),
            aggregate_kind="route",
            aggregate_uuid=route.uuid,
            actor_uuid=principal.user_uuid,
        )
    return route


def arrive_at_stop(*, principal: Principal, stop_uuid: UUID) -> Stop:
    """Raises RouteNotStarted. Arriving again after a failure opens the stop anew."""
    with transaction.atomic():
        stop = stop_for(principal=principal, stop_uuid=stop_uuid)
        if stop.route.status != RouteStatus.STARTED:
            raise RouteNotStarted(field="stop_id")
        if stop.status in (StopStatus.ARRIVED, StopStatus.DONE):
            return stop
        STOP_MOVES.check(stop.status, StopStatus.ARRIVED)
        stop.status, stop.arrived_at, stop.reason = StopStatus.ARRIVED, clock.now(), ""
        stop.save(update_fields=["status", "arrived_at", "reason"])
    return stop


def hand_over_units(
    *, principal: Principal, stop_uuid: UUID, unit_uuids: Sequence[UUID], temperature_c: float | None = None
) -> Stop:
    """Give units to the station of this stop: they are delivered.

    Raises InvalidInput, NotAtThisStop, WrongHolder.
    """
    require_readable(temperature_c)
    with transaction.atomic():
        stop = _reached(principal, stop_uuid)
        station = _station(stop)
        legs = _legs_here(stop, "drop")
        for unit in _units(unit_uuids):
            leg = legs.get(unit.reference) if unit.reference else None
            if leg is None:
                raise NotAtThisStop(field="unit_ids", params={"code": unit.code})
            hand_over(
                unit=unit,
                to=Holder("station", station.uuid),
                expected_from=vehicle_holder(stop.route),
                place_uuid=stop.place.uuid,
                actor_uuid=principal.user_uuid,
                temperature_c=temperature_c,
            )
            mark_delivered(leg=leg, place_uuid=stop.place.uuid)
    return stop


def collect_units(
    *, principal: Principal, stop_uuid: UUID, unit_uuids: Sequence[UUID], temperature_c: float | None = None
) -> Stop:
    """Take crates and packed parcels of this stop onto the van: from its station, or from the van that broke
    down here.

    Raises InvalidInput, NotAtThisStop for a parcel that no ride from this stop expects, WrongHolder.
    """
    require_readable(temperature_c)
    with transaction.atomic():
        stop = _reached(principal, stop_uuid)
        legs, breakdown = _legs_here(stop, "collect"), met_at(stop)
        giver = _broken(breakdown) if breakdown else Holder("station", _station(stop).uuid)
        for unit in _units(unit_uuids):
            free = unit.kind == UnitKind.CRATE and breakdown is None
            if not free and unit.reference not in legs and unit.uuid not in legs:
                raise NotAtThisStop(field="unit_ids", params={"code": unit.code})
            if breakdown is not None and unit.zone in COLD_ZONES and temperature_c is None:
                raise InvalidInput(N_("请填写实测温度"), field="temperature_c")
            hand_over(
                unit=unit,
                to=vehicle_holder(stop.route),
                expected_from=giver,
                place_uuid=stop.place.uuid,
                actor_uuid=principal.user_uuid,
                temperature_c=temperature_c,
                proof={"breakdown": str(breakdown.uuid)} if breakdown else None,
            )
            if unit.uuid in legs:
                Leg.objects.filter(pk=legs[unit.uuid].pk, status=LegStatus.PLANNED).update(
                    status=LegStatus.DONE
                )
    return stop


def met_at(stop: Stop) -> Breakdown | None:
    """The breakdown whose load is fetched at this stop."""
    if stop.place.kind != PlaceKind.ROADSIDE:
        return None
    found: Breakdown | None = Breakdown.objects.filter(place=stop.place).select_related("vehicle").first()
    return found


def _broken(breakdown: Breakdown) -> Holder:
    return Holder("vehicle", breakdown.vehicle.uuid)


def collectable_units(stop: Stop) -> QuerySet[HandlingUnit]:
    """What this stop has ready: the crates of its station and parcels that ride on directly; at a van that
    broke down, of its load what this tour fetches.
    """
    breakdown = met_at(stop)
    if breakdown is not None:
        wanted = list(_legs_here(stop, "collect"))
        load = units_held_by(_broken(breakdown))
        return load.filter(Q(reference__in=wanted) | Q(uuid__in=wanted))
    station = Station.objects.filter(place=stop.place).first()
    if station is None:
        return HandlingUnit.objects.none()
    held = units_held_by(Holder("station", station.uuid))
    direct = held.filter(reference__in=list(_legs_here(stop, "collect")))
    return held.filter(kind=UnitKind.CRATE) | direct


def complete_stop(*, principal: Principal, stop_uuid: UUID) -> Stop:
    """Leave the stop: its collections are done, at a broken van those of what was taken off it. Completing
    twice is the same.
    """
    with transaction.atomic():
        stop = _reached(principal, stop_uuid, or_done=True)
        if stop.status == StopStatus.DONE:
            return stop
        _end(stop, StopStatus.DONE)
        if met_at(stop) is None:
            collected = stop.tasks.filter(kind="collect", leg__kind=LegKind.COLLECT).values("leg")
            Leg.objects.filter(pk__in=collected, status=LegStatus.PLANNED).update(status=LegStatus.DONE)
        else:
            report_missed(fetches(stop__pk=stop.pk), NOT_FETCHED)
        publish(
            StopCompleted(stop=stop.uuid, route=stop.route.uuid),
            aggregate_kind="route",
            aggregate_uuid=stop.route.uuid,
            actor_uuid=principal.user_uuid,
        )
    return stop


def fail_stop(*, principal: Principal, stop_uuid: UUID, reason: str) -> Stop:
    """The stop cannot be served; what it was to get stays on the van and comes back to the hub.

    Raises InvalidInput without a reason.
    """
    why = require_text(reason, most=MAX_REASON, field="reason")
    with transaction.atomic():
        stop = stop_for(principal=principal, stop_uuid=stop_uuid)
        if stop.status == StopStatus.FAILED:
            return stop
        STOP_MOVES.check(stop.status, StopStatus.FAILED)
        _end(stop, StopStatus.FAILED, reason=why)
    return stop


def finish_route(*, principal: Principal, route_uuid: UUID) -> Route:
    """Back at the hub: everything left on the van is the hub's; what was not delivered is reported.

    Raises OpenStops while a stop is neither done nor failed.
    """
    with transaction.atomic():
        route = route_for(principal=principal, route_uuid=route_uuid, lock=True)
        if route.status == RouteStatus.FINISHED:
            return route
        ROUTE_MOVES.check(route.status, RouteStatus.FINISHED)
        unfinished = route.stops.exclude(status__in=[StopStatus.DONE, StopStatus.FAILED])
        open_stops = unfinished.exclude(place=route.plan.hub.place).count()
        if open_stops:
            raise OpenStops(field="route_id", params={"count": open_stops})
        unfinished.update(status=StopStatus.DONE, ended_at=clock.now())
        brought = list(units_held_by(vehicle_holder(route)).order_by("pk"))
        for unit in brought:
            hand_over(
                unit=unit,
                to=hub_holder(route),
                place_uuid=route.plan.hub.place.uuid,
                actor_uuid=principal.user_uuid,
            )
        note_brought_back(brought, route.plan.hub)
        route.status, route.finished_at = RouteStatus.FINISHED, clock.now()
        route.save(update_fields=["status", "finished_at"])
        report_missed(deliveries_of(route), RETURNED)
        report_missed(fetches(stop__route=route), NOT_FETCHED)
        publish(
            RouteFinished(route=route.uuid, hub=route.plan.hub.uuid),
            aggregate_kind="route",
            aggregate_uuid=route.uuid,
            actor_uuid=principal.user_uuid,
        )
    return route


def _reached(principal: Principal, stop_uuid: UUID, *, or_done: bool = False) -> Stop:
    stop = stop_for(principal=principal, stop_uuid=stop_uuid)
    allowed = (StopStatus.ARRIVED, StopStatus.DONE) if or_done else (StopStatus.ARRIVED,)
    if stop.status not in allowed:
        raise StopNotReached(field="stop_id")
    return stop


def _end(stop: Stop, status: StopStatus, *, reason: str = "") -> None:
    stop.status, stop.ended_at, stop.reason = status, clock.now(), reason
    stop.save(update_fields=["status", "ended_at", "reason"])


def _station(stop: Stop) -> Station:
    station: Station | None = Station.objects.filter(place=stop.place).first()
    if station is None:
        raise NotAtThisStop(field="stop_id", params={"code": stop.place.name})
    return station


def _legs_here(stop: Stop, kind: str) -> dict[UUID, Leg]:
    tasks = stop.tasks.filter(kind=kind).select_related("leg__shipment")
    return {task.leg.shipment.reference: task.leg for task in tasks}


def _units(uuids: Collection[UUID]) -> list[HandlingUnit]:
    """Units in primary key order, which is the lock order. Raises NotFound naming `unit_ids`."""
    units = list(HandlingUnit.objects.filter(uuid__in=uuids).order_by("pk"))
    if len(units) != len(set(uuids)):
        raise NotFound(field="unit_ids")
    return units


def _belongs(unit: HandlingUnit, route: Route) -> str:
    """The van that this unit should ride on, for the courier who holds a wrong one."""
    if unit.reference is None:
        return "—"
    task = (
        StopTask.objects.filter(
            kind="drop",
            leg__shipment__reference=unit.reference,
            stop__route__plan__date=route.plan.date,
            stop__route__plan__status="published",
        )
        .select_related("stop__route__vehicle")
        .first()
    )
    return task.stop.route.vehicle.name if task else "—"
