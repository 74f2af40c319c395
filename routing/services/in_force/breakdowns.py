"""A van drives no more: others take over what it carries where it stands, and drive what it had to do.

Parcels whose stops can still be reached go on with another van; the rest, and what was collected, is brought
back to the hub; what no van has room for stays aboard, named. The plan decides, couriers do: each parcel
changes hands when the one who fetches it scans it (tour.collect_units).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import time
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext

from marketplace.custody.models import HandlingUnit
from marketplace.custody.services import Holder, units_held_by
from marketplace.kernel import clock
from marketplace.kernel.errors import NotFound
from marketplace.kernel.geo import LonLat, require_in_china
from marketplace.kernel.principal import Principal
from marketplace.places.models import Hub, Place, PlaceKind, Vehicle
from routing import rules
from routing.errors import VanIsDown, VanWorks
from routing.models import Breakdown, Plan, Route, Shipment, StopTask
from routing.services.in_force.acting import Effect, act, plan_in_force, published_plan, taken_back_if
from routing.services.in_force.binding import Lift, left_at
from routing.services.in_force.bringing_back import bring_back
from routing.services.in_force.standing import Standing, leg_labels, open_tasks
from routing.services.shipments.requests import cancel_shipment
from routing.states import PlanCause, RouteStatus, StopStatus


def van_fails(
    *, principal: Principal, plan: Plan, vehicle_uuid: UUID, at: LonLat | None = None, preview: bool = False
) -> Effect:
    """Plan anew what the van had to do and carries. `at`: where it stands; None: where it was last known.

    Promised stops of the others stand. Raises NotFound naming `vehicle_id`, VanIsDown, InvalidInput naming
    `lon`, PlanChanged.
    """
    van = Vehicle.objects.filter(uuid=vehicle_uuid, hub=plan.hub, is_trunk=False).first()
    if van is None:
        raise NotFound(field="vehicle_id")
    with taken_back_if(preview):
        # Race: two dispatchers report one van; the second waits here and finds it reported.
        Vehicle.objects.select_for_update().get(pk=van.pk)
        if Breakdown.objects.filter(vehicle=van, ended_at=None).exists():
            raise VanIsDown(field="vehicle_id", params={"van": van.name})
        route = Route.objects.filter(plan=plan, vehicle=van).first()
        hit = list(open_tasks(plan).filter(stop__route__vehicle=van))
        aboard = list(aboard_of(van).exclude(reference__in=_handed_over_now(route)))
        if route is None or route.status == RouteStatus.FINISHED or not (hit or aboard):
            raise NotFound(field="vehicle_id")
        breakdown = _report(principal, plan.hub, van, at or _last_known(route))
        going_on = {task.leg.shipment.reference for task in hit if task.kind == "drop"}
        legs = leg_labels(hit)

        def change(standing: Standing) -> None:
            standing.plan.insert_rest()
            bring_back(standing, breakdown, aboard, going_on)

        lift = Lift(legs=legs, vehicles=frozenset({str(van.uuid)}))
        others = [unit for unit in aboard if unit.reference not in going_on]
        count = len(legs) + len(others)
        effect = act(principal, plan, lift, change, PlanCause.FAILURE, False, affected=count)
        Breakdown.objects.filter(pk=breakdown.pk).update(plan=Plan.objects.get(uuid=effect.plan_uuid))
        return _with_fates(effect, breakdown, aboard)


def van_works_again(*, principal: Principal, breakdown_uuid: UUID, preview: bool = False) -> Effect:
    """What nobody has fetched yet goes on with the van itself, from where it stands.

    Raises NotFound, PlanChanged, and VanWorks when it has been said already.
    """
    with taken_back_if(preview):
        rows = Breakdown.objects.select_related("hub__place", "vehicle", "plan")
        found = rows.select_for_update(of=("self",)).filter(uuid=breakdown_uuid)
        breakdown: Breakdown | None = found.first()
        if breakdown is None or not principal.has(("dispatcher",), breakdown.hub.uuid):
            raise NotFound(field="breakdown_id")
        if breakdown.ended_at is not None:
            raise VanWorks(field="breakdown_id")
        assert breakdown.plan is not None  # van_fails wrote it in the same transaction
        day, wave = breakdown.plan.date, breakdown.plan.wave
        plan = plan_in_force(principal, published_plan(hub_uuid=breakdown.hub.uuid, day=day, wave=wave))
        aboard = list(aboard_of(breakdown.vehicle))
        end_breakdown(breakdown, aboard)
        references = {unit.reference for unit in aboard if unit.reference is not None}
        tasks = open_tasks(plan).filter(leg__shipment__reference__in=references)
        legs = leg_labels(tasks)

        def change(standing: Standing) -> None:
            standing.plan.insert_rest()

        return act(principal, plan, Lift(legs=legs), change, PlanCause.REPAIRED, False, affected=len(legs))


def end_breakdown(breakdown: Breakdown, aboard: Iterable[HandlingUnit]) -> None:
    """The van works: nobody fetches its load any more. Must run inside a transaction."""
    fetched = Shipment.objects.filter(reference__in=[unit.uuid for unit in aboard])
    for reference in set(fetched.values_list("reference", flat=True)):
        cancel_shipment(reference=reference)
    breakdown.ended_at = clock.now()
    breakdown.save(update_fields=["ended_at"])


def undo_failure(plan: Plan) -> None:
    """The report that made this version is taken back, if the van was not repaired meanwhile."""
    for breakdown in Breakdown.objects.filter(plan=plan, ended_at=None).select_related("vehicle"):
        end_breakdown(breakdown, aboard_of(breakdown.vehicle))


def live_breakdowns(*, principal: Principal, hub_uuid: UUID) -> QuerySet[Breakdown]:
    """Vans of a hub that stand now. Raises Forbidden."""
    principal.require(("dispatcher", "hub_operator"), hub_uuid)
    rows = Breakdown.objects.filter(hub__uuid=hub_uuid, ended_at=None)
    return rows.select_related("vehicle", "place__county").order_by("pk")


def aboard_of(van: Vehicle) -> QuerySet[HandlingUnit]:
    return units_held_by(Holder("vehicle", van.uuid)).order_by("pk")


def _report(principal: Principal, hub: Hub, van: Vehicle, at: LonLat) -> Breakdown:
    require_in_china(at)
    place: Place = Place.objects.create(
        kind=PlaceKind.ROADSIDE,
        name=gettext("%(van)s 故障处") % {"van": van.name},
        county=hub.county,
        lon=at.lon,
        lat=at.lat,
        opens=time(0),
        closes=time(23, 59, 59),
        setup_s=rules.MEET_SETUP_S,
    )
    breakdown: Breakdown = Breakdown.objects.create(
        hub=hub, vehicle=van, place=place, actor_uuid=principal.user_uuid, reported_at=clock.now()
    )
    return breakdown


def _handed_over_now(route: Route | None) -> list[UUID]:
    """References of what the courier is giving out where he stands: he may finish that."""
    tasks = StopTask.objects.filter(stop__route=route, stop__status=StopStatus.ARRIVED, kind="drop")
    return list(tasks.values_list("leg__shipment__reference", flat=True))


def _last_known(route: Route) -> LonLat:
    """The stop where the courier last said that he was, else the hub."""
    past = route.stops.filter(status__in=[StopStatus.ARRIVED, StopStatus.DONE, StopStatus.FAILED])
    stops = [stop for stop in past.select_related("place") if stop.arrived_at or stop.ended_at]
    last = max(stops, key=left_at, default=None)
    place: Place = last.place if last is not None else route.plan.hub.place
    return place.lon_lat


def _with_fates(effect: Effect, breakdown: Breakdown, aboard: Collection[HandlingUnit]) -> Effect:
    """How many go on, how many are brought back, and what stays aboard with why."""
    tasks = open_tasks(Plan.objects.get(uuid=effect.plan_uuid)).filter(
        stop__place=breakdown.place, kind="collect"
    )
    fetched = set(tasks.values_list("leg__shipment__reference", flat=True))
    back = {unit.uuid for unit in aboard} & fetched
    on = {unit.uuid for unit in aboard if unit.reference in fetched}
    why = dict(effect.unserved)
    held = [
        (unit.code, why.get(unit.uuid) or (why.get(unit.reference) if unit.reference else None) or "capacity")
        for unit in aboard
        if unit.uuid not in back | on
    ]
    return replace(effect, taken_over=len(on), brought_back=len(back), held=held)
