"""What a dispatcher does to a plan in force: an urgent stop, a stop by another van, a failure, and back
again.

Each act reads the plan as it stands, changes tails, lets `check` judge, and puts a new version in force, or
changes nothing and says why. With `preview` everything is done the same way and taken back: what is shown is
what will be.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from marketplace.accounts.services.consents import consented_places
from marketplace.kernel.errors import NotFound
from marketplace.kernel.principal import Principal
from marketplace.places.models import Place, Vehicle
from routing.errors import AlreadyUnderWay, DoesNotFit, NoPlanYet, NothingToUndo, PlanChanged, PlanRefused
from routing.models import Leg, Plan, Route, Shipment, ShipmentOption, Stop, StopTask
from routing.services.access import plan_for
from routing.services.amending import Amended, amend_plan
from routing.services.publishing import Proposal
from routing.services.requests import CollectSpec, OptionSpec, ParcelSpec, cancel_shipment, request_shipment
from routing.services.standing import Lift, Standing, open_tasks, published_routes, routes_of, stand
from routing.services.words import reason_text
from routing.solver.check import check
from routing.solver.core.finish import finish
from routing.solver.core.network import Kind
from routing.solver.terms import Reason
from routing.states import PlanCause, PlanStatus, StopStatus, Wave

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
    that it is about.
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


def move_stop(*, principal: Principal, stop_uuid: UUID, vehicle_uuid: UUID, preview: bool = False) -> Effect:
    """A stop with all it does goes to another van, where it costs least there.

    Raises NotFound, AlreadyUnderWay, DoesNotFit with the reason in words, PlanChanged, PlanRefused.
    """
    stop = Stop.objects.filter(uuid=stop_uuid).select_related("route__plan__hub").first()
    if stop is None or stop.route.plan.status != PlanStatus.PUBLISHED:
        raise NotFound(field="stop_id")
    plan = _plan(principal, stop.route.plan)
    van = Vehicle.objects.filter(uuid=vehicle_uuid, hub=plan.hub, active=True, is_trunk=False).first()
    if van is None:
        raise NotFound(field="vehicle_id")
    if stop.status != StopStatus.PENDING:
        raise AlreadyUnderWay(field="stop_id")
    legs = _legs_of(stop.tasks.select_related("leg"))

    def change(standing: Standing) -> None:
        vehicle = standing.net.problem.index.vehicles.get(str(van.uuid))
        if vehicle is None:
            raise DoesNotFit(field="vehicle_id", params={"why": reason_text("vehicle")})
        for label in sorted(legs):
            number = standing.number(label)
            if number is not None:
                _insert(standing, number, only=vehicle, field="vehicle_id")

    return _act(principal, plan, Lift(legs=legs), change, PlanCause.MOVED, preview, affected=len(legs))


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
    plan = _plan(principal, published_plan(hub_uuid=hub_uuid, day=day, wave=wave))
    collects = [CollectSpec(collect_uuid, parcel.weight_g, parcel.volume_ml)] if collect_uuid else []
    with _taken_back_if(preview):
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
                _insert(standing, number, field="place_id")

        return _act(principal, plan, Lift(legs=legs), change, PlanCause.URGENT, preview, affected=1)


def replan_failure(
    *,
    principal: Principal,
    plan_uuid: UUID,
    place_uuid: UUID | None = None,
    vehicle_uuid: UUID | None = None,
    preview: bool = False,
) -> Effect:
    """A place that takes nothing any more, or a van that drives no more: only what they were to do is planned
    anew.

    Parcels go to another place that their recipients agreed to, or to another van; what finds none is told
    so. What a broken van carries already stays aboard and is unserved. Promised stops of the others stand.
    """
    plan = _plan(principal, plan_for(principal=principal, plan_uuid=plan_uuid, field="plan_id"))
    routes = published_routes(plan.hub, plan.date, Wave(plan.wave))
    if place_uuid is not None:
        hit = [task for _, stop, task in open_tasks(routes) if stop.place.uuid == place_uuid]
    else:
        hit = [task for route, _, task in open_tasks(routes) if route.vehicle.uuid == vehicle_uuid]
    if not hit:
        raise NotFound(field="place_id" if place_uuid else "vehicle_id")
    legs = _legs_of(hit)
    lift = Lift(legs=legs, vehicles=frozenset({str(vehicle_uuid)} if vehicle_uuid else ()))

    def change(standing: Standing) -> None:
        standing.plan.insert_rest()

    with _taken_back_if(preview):
        agreed = _other_places(hit, place_uuid) if place_uuid else {}
        return _act(
            principal,
            plan,
            lift,
            change,
            PlanCause.FAILURE,
            preview,
            affected=len(legs),
            shut=place_uuid,
            agreed=agreed,
        )


def undo(*, principal: Principal, plan_uuid: UUID, preview: bool = False) -> Effect:
    """Back to the version before, as far as its stops are still to come. Raises NothingToUndo, DoesNotFit."""
    plan = _plan(principal, plan_for(principal=principal, plan_uuid=plan_uuid, field="plan_id"))
    versions = Plan.objects.filter(hub=plan.hub, date=plan.date, wave=plan.wave, version__lt=plan.version)
    before = versions.order_by("-version").first()
    if plan.cause in (PlanCause.PLANNED, PlanCause.LATE) or before is None:
        raise NothingToUndo(field="plan_id")
    with transaction.atomic():
        if plan.cause == PlanCause.URGENT and not preview:
            for reference in _added(plan, before):
                cancel_shipment(reference=reference)
        return _take_over(principal, plan, before, PlanCause.UNDONE, preview, whole=True)


def choose_version(*, principal: Principal, plan_uuid: UUID, preview: bool = False) -> Effect:
    """An earlier version of the wave comes into force again; what came since is inserted. Raises
    DoesNotFit.
    """
    source = plan_for(principal=principal, plan_uuid=plan_uuid, field="plan_id")
    plan = _plan(principal, published_plan(hub_uuid=source.hub.uuid, day=source.date, wave=source.wave))
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

    return _act(principal, plan, Lift(legs=legs), change, cause, preview, affected=len(legs))


def published_plan(*, hub_uuid: UUID, day: date, wave: str) -> Plan:
    """The plan in force. Raises NoPlanYet."""
    plan: Plan | None = Plan.objects.filter(
        hub__uuid=hub_uuid, date=day, wave=wave, status=PlanStatus.PUBLISHED
    ).first()
    if plan is None:
        raise NoPlanYet(field="wave")
    return plan


def _plan(principal: Principal, plan: Plan) -> Plan:
    """The plan, in force, for its dispatcher. Raises Forbidden, PlanChanged."""
    principal.require(("dispatcher",), plan.hub.uuid)
    if plan.status != PlanStatus.PUBLISHED:
        raise PlanChanged(field="plan_id")
    return plan


@contextmanager
def _taken_back_if(preview: bool) -> Iterator[None]:
    """One transaction that a preview leaves without a trace, whatever was written in it."""
    with transaction.atomic():
        yield
        if preview:
            transaction.set_rollback(True)


def _act(
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
    with _taken_back_if(preview):
        standing = stand(hub=plan.hub, day=plan.date, wave=Wave(plan.wave), lift=lift, shut=shut)
        change(standing)
        solution = finish(standing.plan, engine=ENGINE, seed=0)
        verdict = check(standing.loaded.problem, solution)
        if not verdict.feasible:
            raise PlanRefused(params={"why": "; ".join(map(str, verdict.violations[:3]))})
        metrics = dict(plan.metrics) | {"before": plan.version, "cause": cause.value}
        proposal = Proposal(
            standing.loaded, solution, verdict, metrics, cause=cause, actor_uuid=principal.user_uuid
        )
        lost = {entry.shipment: entry.reason.value for entry in solution.unserved}
        amended = amend_plan(proposal, standing, agreed=agreed)
        return _effect(plan, amended, verdict.cold_s, affected, lost, standing)


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


def _insert(standing: Standing, number: int, *, field: str, only: int | None = None) -> None:
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


def _follow(standing: Standing, wanted: Iterable[tuple[str, Stop, StopTask]]) -> None:
    """Tours as another version had them, without what has been done since."""
    net = standing.net
    sequences: dict[int, list[int]] = {}
    for label, stop, task in wanted:
        number, vehicle = standing.number(str(task.leg.uuid)), net.problem.index.vehicles.get(label)
        if number is None or vehicle is None:
            continue
        for chain in net.alternatives[number]:
            collecting = net.nodes[chain[0]].kind is Kind.COLLECT and task.kind == "collect"
            node = chain[0] if collecting else chain[-1]
            if net.problem.places[net.nodes[node].place].id == str(stop.place.uuid):
                sequences.setdefault(vehicle, []).append(node)
                break
    for vehicle in range(len(standing.plan.sequences)):
        standing.plan.set_route(vehicle, [])
    for vehicle, sequence in sequences.items():
        refusal = standing.plan.set_route(vehicle, sequence)
        if refusal is not None:
            raise DoesNotFit(field="plan_id", params={"why": reason_text(refusal)})


def _legs_of(tasks: Iterable[StopTask]) -> frozenset[str]:
    return frozenset(str(task.leg.uuid) for task in tasks)


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
