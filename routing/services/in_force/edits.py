"""What a dispatcher does to a plan in force: an urgent stop, a stop by another van, a failure, and back
again (see acting).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from uuid import UUID

from django.db.models import Q

from marketplace.accounts.services.consents import consented_places
from marketplace.kernel.errors import NotFound
from marketplace.kernel.geo import LonLat
from marketplace.kernel.principal import Principal
from marketplace.places.models import Place, Vehicle
from routing.errors import AlreadyUnderWay, DoesNotFit, NothingToUndo
from routing.models import Leg, Plan, Route, Shipment, ShipmentOption, Stop, StopTask
from routing.services.access import plan_for
from routing.services.in_force.acting import Effect, act, insert, plan_in_force, published_plan, taken_back_if
from routing.services.in_force.binding import Lift
from routing.services.in_force.breakdowns import undo_failure, van_fails
from routing.services.in_force.standing import Standing, leg_labels, node_at, open_tasks, routes_of
from routing.services.in_force.words import reason_text
from routing.services.shipments.requests import (
    CollectSpec,
    OptionSpec,
    ParcelSpec,
    cancel_shipment,
    request_shipment,
)
from routing.solver.terms import Reason
from routing.states import PlanCause, PlanStatus, StopStatus, Wave


def move_stop(*, principal: Principal, stop_uuid: UUID, vehicle_uuid: UUID, preview: bool = False) -> Effect:
    """A stop with all it does goes to another van, where it costs least there.

    Raises NotFound, AlreadyUnderWay, DoesNotFit with the reason in words, PlanChanged, PlanRefused.
    """
    stop = Stop.objects.filter(uuid=stop_uuid).select_related("route__plan__hub").first()
    if stop is None or stop.route.plan.status != PlanStatus.PUBLISHED:
        raise NotFound(field="stop_id")
    plan = plan_in_force(principal, stop.route.plan)
    van = Vehicle.objects.filter(uuid=vehicle_uuid, hub=plan.hub, active=True, is_trunk=False).first()
    if van is None:
        raise NotFound(field="vehicle_id")
    if stop.status != StopStatus.PENDING:
        raise AlreadyUnderWay(field="stop_id")
    legs = leg_labels(stop.tasks.select_related("leg"))

    def change(standing: Standing) -> None:
        vehicle = standing.net.problem.index.vehicles.get(str(van.uuid))
        if vehicle is None:
            raise DoesNotFit(field="vehicle_id", params={"why": reason_text("vehicle")})
        for label in sorted(legs):
            number = standing.number(label)
            if number is not None:
                insert(standing, number, only=vehicle, field="vehicle_id")

    return act(principal, plan, Lift(legs=legs), change, PlanCause.MOVED, preview, affected=len(legs))


def insert_urgent(
    *,
    principal: Principal,
    hub_uuid: UUID,
    day: date,
    wave: str,
    reference: UUID,
    place_uuid: UUID,
    parcel: ParcelSpec,
    collect_uuid: UUID | None = None,
    preview: bool = False,
) -> Effect:
    """One more parcel to a place, or from a place to a later stop, into the plan in force, tours on the road
    too.

    Raises DoesNotFit saying why no van takes it; then the request does not stand either.
    """
    plan = plan_in_force(principal, published_plan(hub_uuid=hub_uuid, day=day, wave=wave))
    collects = [CollectSpec(collect_uuid, parcel.weight_g, parcel.volume_ml)] if collect_uuid else []
    with taken_back_if(preview):
        shipment = request_shipment(
            reference=reference,
            direction="up" if plan.wave == Wave.TOWN_DELIVERY or collects else "down",
            hub_uuid=hub_uuid,
            deliver_on=day,
            parcel=parcel,
            options=[OptionSpec(place_uuid)],
            collects=collects,
            direct=bool(collects),
        )
        legs = _legs_of_shipments([shipment], plan)

        def change(standing: Standing) -> None:
            for label in legs:
                number = standing.number(label)
                if number is None:
                    raise DoesNotFit(field="place_id", params={"why": reason_text(Reason.CAPACITY)})
                insert(standing, number, field="place_id")

        return act(principal, plan, Lift(legs=legs), change, PlanCause.URGENT, preview, affected=1)


def replan_failure(
    *,
    principal: Principal,
    plan_uuid: UUID,
    place_uuid: UUID | None = None,
    vehicle_uuid: UUID | None = None,
    at: LonLat | None = None,
    preview: bool = False,
) -> Effect:
    """A place that takes nothing any more, or a van that drives no more: only what they were to do is planned
    anew. `at`: where the van stands (see breakdowns).

    Parcels go to another place that their recipients agreed to, or to another van; what finds none is told
    so. Promised stops of the others stand.
    """
    plan = plan_in_force(principal, plan_for(principal=principal, plan_uuid=plan_uuid, field="plan_id"))
    if place_uuid is None:
        if vehicle_uuid is None:
            raise NotFound(field="vehicle_id")
        return van_fails(principal=principal, plan=plan, vehicle_uuid=vehicle_uuid, at=at, preview=preview)
    hit = list(open_tasks(plan).filter(stop__place__uuid=place_uuid))
    if not hit:
        raise NotFound(field="place_id")
    legs = leg_labels(hit)

    def change(standing: Standing) -> None:
        standing.plan.insert_rest()

    with taken_back_if(preview):
        return act(
            principal,
            plan,
            Lift(legs=legs),
            change,
            PlanCause.FAILURE,
            preview,
            affected=len(legs),
            shut=place_uuid,
            agreed=_other_places(hit, place_uuid),
        )


def undo(*, principal: Principal, plan_uuid: UUID, preview: bool = False) -> Effect:
    """Back to the version before, as far as its stops are still to come. Raises NothingToUndo, DoesNotFit."""
    plan = plan_in_force(principal, plan_for(principal=principal, plan_uuid=plan_uuid, field="plan_id"))
    versions = Plan.objects.filter(
        hub=plan.hub,
        date=plan.date,
        wave=plan.wave,
        version__lt=plan.version,
        status=PlanStatus.SUPERSEDED,
    )
    before = versions.order_by("-version").first()
    if plan.cause in (PlanCause.PLANNED, PlanCause.LATE, PlanCause.FIXED) or before is None:
        raise NothingToUndo(field="plan_id")
    with taken_back_if(preview):
        if plan.cause == PlanCause.URGENT:
            for reference in _added(plan, before):
                cancel_shipment(reference=reference)
        if plan.cause == PlanCause.FAILURE:
            undo_failure(plan)
        return _take_over(principal, plan, before, PlanCause.UNDONE, preview, whole=True)


def choose_version(*, principal: Principal, plan_uuid: UUID, preview: bool = False) -> Effect:
    """An earlier version of the wave comes into force again; what came since is inserted. Raises
    DoesNotFit.
    """
    source = plan_for(principal=principal, plan_uuid=plan_uuid, field="plan_id")
    plan = plan_in_force(
        principal, published_plan(hub_uuid=source.hub.uuid, day=source.date, wave=source.wave)
    )
    if source.pk == plan.pk:
        raise NothingToUndo(field="plan_id")
    return _take_over(principal, plan, source, PlanCause.CHOSEN, preview, whole=False)


def _added(plan: Plan, before: Plan) -> set[UUID]:
    """References that a version carries and the one before did not."""
    carried = [
        set(StopTask.objects.filter(stop__route__plan=one).values_list("leg__shipment__reference", flat=True))
        for one in (plan, before)
    ]
    return carried[0] - carried[1]


def _take_over(
    principal: Principal, plan: Plan, source: Plan, cause: PlanCause, preview: bool, *, whole: bool
) -> Effect:
    """`whole`: what the source did not carry stays out."""
    wanted = [
        (str(route.vehicle.uuid), stop, task)
        for route in routes_of(Route.objects.filter(plan=source))
        for stop in route.stops.all()
        for task in stop.tasks.all()
    ]
    legs = frozenset(str(task.leg.uuid) for _, _, task in wanted)

    def change(standing: Standing) -> None:
        _follow(standing, wanted)
        if not whole:
            standing.plan.insert_rest()

    return act(principal, plan, Lift(legs=legs), change, cause, preview, affected=len(legs))


def _follow(standing: Standing, wanted: Iterable[tuple[str, Stop, StopTask]]) -> None:
    """Tours as another version had them, without what has been done since."""
    net = standing.net
    sequences: dict[int, list[int]] = {}
    for label, stop, task in wanted:
        number, vehicle = standing.number(str(task.leg.uuid)), net.problem.index.vehicles.get(label)
        if number is None or vehicle is None:
            continue
        node = node_at(standing, number, stop, task)
        if node is not None:
            sequences.setdefault(vehicle, []).append(node)
    for vehicle in range(len(standing.plan.sequences)):
        standing.plan.set_route(vehicle, [])
    for vehicle, sequence in sequences.items():
        refusal = standing.plan.set_route(vehicle, sequence)
        if refusal is not None:
            raise DoesNotFit(field="plan_id", params={"why": reason_text(refusal)})


def _legs_of_shipments(shipments: Iterable[Shipment], plan: Plan) -> frozenset[str]:
    rows = Leg.objects.filter(shipment__in=list(shipments), hub=plan.hub, wave=plan.wave)
    return frozenset(str(uuid) for uuid in rows.values_list("uuid", flat=True))


def _other_places(tasks: Iterable[StopTask], shut: UUID) -> dict[UUID, set[UUID]]:
    """By reference where else the parcels may go: what their recipients agreed to and the same hub serves."""
    agreed: dict[UUID, set[UUID]] = {}
    for task in tasks:
        shipment = task.leg.shipment
        if task.kind != "drop" or shipment.recipient_uuid is None:
            continue
        known = {option.place.uuid for option in shipment.options.select_related("place")}
        places = Place.objects.filter(
            Q(site__hub=task.leg.hub), uuid__in=consented_places(shipment.recipient_uuid) - known - {shut}
        )
        rank = len(known)
        ShipmentOption.objects.bulk_create(
            ShipmentOption(shipment=shipment, place=place, kind=place.kind, preference=rank)
            for place in places.order_by("pk")
        )
        agreed[shipment.reference] = (known | {place.uuid for place in places}) - {shut}
    return agreed
