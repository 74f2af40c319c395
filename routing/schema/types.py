"""Tours, stops and tasks as they are read."""

import graphene
from django.db.models import Prefetch

from marketplace.custody.schema import HandlingUnitType
from marketplace.custody.services import Holder, units_held_by
from marketplace.places.schema import HubType, PlaceType
from routing.models import Breakdown, RouteChange, Stop, StopTask
from routing.services.tours import taking_out, tour


class VehicleType(graphene.ObjectType):
    class Meta:
        name = "Vehicle"

    id = graphene.ID(required=True)
    name = graphene.String(required=True)
    plate = graphene.String(required=True)

    def resolve_id(vehicle, info):
        return vehicle.uuid


class BreakdownType(graphene.ObjectType):
    """A van that drives no more, and where it stands."""

    class Meta:
        name = "Breakdown"

    id = graphene.ID(required=True)
    vehicle = graphene.Field(VehicleType, required=True)
    place = graphene.Field(PlaceType, required=True)
    reported_at = graphene.DateTime(required=True)
    aboard = graphene.Int(required=True, description="units that nobody has fetched yet")

    def resolve_id(breakdown, info):
        return breakdown.uuid

    def resolve_aboard(breakdown, info):
        return units_held_by(Holder("vehicle", breakdown.vehicle.uuid)).count()


class StopTaskType(graphene.ObjectType):
    class Meta:
        name = "StopTask"

    id = graphene.ID(required=True)
    kind = graphene.String(required=True, description="collect: into the van; drop: out of it")
    leg_kind = graphene.String(required=True)
    shipment_id = graphene.ID(required=True)
    reference = graphene.ID(required=True)
    zone = graphene.String(required=True)
    size = graphene.String(required=True)
    weight_g = graphene.Int(required=True)
    done = graphene.Boolean(required=True)

    def resolve_id(task, info):
        return task.uuid

    def resolve_leg_kind(task, info):
        return task.leg.kind

    def resolve_shipment_id(task, info):
        return task.leg.shipment.uuid

    def resolve_reference(task, info):
        return task.leg.shipment.reference

    def resolve_zone(task, info):
        return task.leg.shipment.zone

    def resolve_size(task, info):
        return task.leg.shipment.size

    def resolve_weight_g(task, info):
        return task.leg.weight_g

    def resolve_done(task, info):
        return task.leg.status in ("done", "cancelled")


class OverdueParcelType(graphene.ObjectType):
    class Meta:
        name = "OverdueParcel"

    id = graphene.ID(required=True)
    device = graphene.String(required=True)
    compartment = graphene.String(required=True)
    zone = graphene.String(required=True)
    state = graphene.String(required=True, description="expired, to_return, recalled or spoiled")
    since = graphene.DateTime(required=True, description="when it should have been collected")

    def resolve_id(allocation, info):
        return allocation.uuid

    def resolve_device(allocation, info):
        return allocation.compartment.cabinet.device.device

    def resolve_compartment(allocation, info):
        return allocation.compartment.label

    def resolve_zone(allocation, info):
        return allocation.compartment.zone

    def resolve_state(allocation, info):
        return allocation.parcel_state

    def resolve_since(allocation, info):
        return allocation.collect_until


class StopType(graphene.ObjectType):
    class Meta:
        name = "Stop"

    id = graphene.ID(required=True)
    seq = graphene.Int(required=True)
    place = graphene.Field(PlaceType, required=True)
    arrives_at = graphene.DateTime(required=True)
    departs_at = graphene.DateTime(required=True)
    arrived_at = graphene.DateTime()
    status = graphene.String(required=True)
    reason = graphene.String(required=True)
    tasks = graphene.List(graphene.NonNull(StopTaskType), required=True)
    to_drop = graphene.List(
        graphene.NonNull(HandlingUnitType), required=True, description="units on the van for this stop"
    )
    to_collect = graphene.List(
        graphene.NonNull(HandlingUnitType), required=True, description="units that wait at this station"
    )

    meets = graphene.Field(VehicleType, description="the broken van whose load is fetched here")

    to_take_out = graphene.List(
        graphene.NonNull(OverdueParcelType), required=True, description="to be brought back from its cabinets"
    )

    def resolve_id(stop, info):
        return stop.uuid

    def resolve_meets(stop, info):
        breakdown = tour.met_at(stop)
        return breakdown.vehicle if breakdown is not None else None

    def resolve_to_take_out(stop, info):
        return taking_out.to_take_out(stop)

    def resolve_tasks(stop, info):
        return list(stop.tasks.all())

    def resolve_to_drop(stop, info):
        wanted = [task.leg.shipment.reference for task in stop.tasks.all() if task.kind == "drop"]
        vehicle = Holder("vehicle", stop.route.vehicle.uuid)
        return list(units_held_by(vehicle).filter(reference__in=wanted).order_by("id"))

    def resolve_to_collect(stop, info):
        return list(tour.collectable_units(stop).order_by("id"))


class RouteChangeType(graphene.ObjectType):
    """What a later version of the plan changed on a tour."""

    class Meta:
        name = "RouteChange"

    id = graphene.ID(required=True)
    kind = graphene.String(required=True, description="added, removed or retimed")
    cause = graphene.String(required=True)
    vehicle = graphene.Field(VehicleType, required=True)
    place = graphene.Field(PlaceType, required=True)
    was_at = graphene.DateTime()
    now_at = graphene.DateTime()
    made_at = graphene.DateTime(required=True)
    seen_at = graphene.DateTime()

    def resolve_id(change, info):
        return change.uuid

    def resolve_vehicle(change, info):
        return change.route.vehicle


class RouteType(graphene.ObjectType):
    class Meta:
        name = "Route"

    id = graphene.ID(required=True)
    wave = graphene.String(required=True)
    date = graphene.Date(required=True)
    hub = graphene.Field(HubType, required=True)
    vehicle = graphene.Field(VehicleType, required=True)
    status = graphene.String(required=True)
    distance_m = graphene.Int(required=True)
    km = graphene.Float(required=True)
    departs_at = graphene.DateTime(required=True)
    returns_at = graphene.DateTime(required=True)
    stops = graphene.List(graphene.NonNull(StopType), required=True)
    expected = graphene.List(
        graphene.NonNull(HandlingUnitType), required=True, description="units at the hub for this route"
    )
    loaded = graphene.List(graphene.NonNull(HandlingUnitType), required=True)
    changes = graphene.List(
        graphene.NonNull(RouteChangeType), required=True, description="not seen by the courier yet"
    )

    breakdown = graphene.Field(BreakdownType, description="when its van stands and others fetch its load")

    def resolve_breakdown(route, info):
        return next((one for one in route.vehicle.breakdowns.all() if one.ended_at is None), None)

    def resolve_changes(route, info):
        return [change for change in route.changes.all() if change.seen_at is None]

    def resolve_id(route, info):
        return route.uuid

    def resolve_wave(route, info):
        return route.plan.wave

    def resolve_date(route, info):
        return route.plan.date

    def resolve_hub(route, info):
        return route.plan.hub

    def resolve_km(route, info):
        return route.distance_m / 1000

    def resolve_stops(route, info):
        return sorted(route.stops.all(), key=lambda stop: stop.seq)

    def resolve_expected(route, info):
        return list(tour.expected_units(route).order_by("id"))

    def resolve_loaded(route, info):
        return list(units_held_by(tour.vehicle_holder(route)).order_by("id"))


def with_stops(routes):
    """All that a route's own fields read, in a fixed number of queries."""
    tasks = StopTask.objects.select_related("leg__shipment").order_by("id")
    stops = Stop.objects.select_related("place__county", "route__vehicle").order_by("seq")
    return routes.select_related("plan__hub__county", "plan__hub__place__county", "vehicle").prefetch_related(
        Prefetch("stops", stops.prefetch_related(Prefetch("tasks", tasks))),
        Prefetch(
            "vehicle__breakdowns",
            Breakdown.objects.filter(ended_at=None).select_related("vehicle", "place__county"),
        ),
        Prefetch(
            "changes", RouteChange.objects.select_related("place__county", "route__vehicle").order_by("pk")
        ),
    )
