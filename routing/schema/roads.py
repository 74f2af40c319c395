"""What stands beside the plan of a day: closed roads, and tours that repeat every week."""

import graphene

from marketplace.api.guard import guarded, roles
from marketplace.api.mutations import Command
from marketplace.kernel.ids import parse_uuid
from marketplace.places.schema import PlaceType
from routing.schema.edits import EffectType, plain_effect
from routing.schema.types import VehicleType
from routing.services.in_force import closures
from routing.services.waves import fixed_tours

STAFF = roles("dispatcher", "hub_operator")
DISPATCHER = roles("dispatcher")
#: most closures and tours that one answer lists
FIRST = 100


class RoadClosureType(graphene.ObjectType):
    """The road between `place` and `other`, or everything within `radius_m` of `place`."""

    class Meta:
        name = "RoadClosure"

    id = graphene.ID(required=True)
    place = graphene.Field(PlaceType, required=True)
    other = graphene.Field(PlaceType)
    radius_m = graphene.Int()
    why = graphene.String(required=True)
    from_at = graphene.DateTime(required=True)
    until_at = graphene.DateTime(required=True)
    lifted_at = graphene.DateTime()

    def resolve_id(closure, info):
        return closure.uuid


class FixedTourType(graphene.ObjectType):
    class Meta:
        name = "FixedTour"

    id = graphene.ID(required=True)
    name = graphene.String(required=True)
    wave = graphene.String(required=True)
    vehicle = graphene.Field(VehicleType, required=True)
    weekdays = graphene.List(graphene.NonNull(graphene.Int), required=True, description="0 is Monday")
    from_day = graphene.Date(required=True)
    until_day = graphene.Date()
    places = graphene.List(graphene.NonNull(PlaceType), required=True, description="in driving order")

    def resolve_id(tour, info):
        return tour.uuid

    def resolve_weekdays(tour, info):
        return [day for day in range(7) if tour.weekdays >> day & 1]

    def resolve_places(tour, info):
        return [stop.place for stop in tour.stops.all()]


class Query(graphene.ObjectType):
    road_closures = graphene.List(
        graphene.NonNull(RoadClosureType), required=True, hub_id=graphene.ID(required=True)
    )
    fixed_tours = graphene.List(
        graphene.NonNull(FixedTourType), required=True, hub_id=graphene.ID(required=True)
    )

    @guarded(STAFF)
    def resolve_road_closures(root, info, hub_id):
        uuid = parse_uuid(hub_id, "hub_id")
        return list(closures.closures_now(principal=info.context.principal, hub_uuid=uuid)[:FIRST])

    @guarded(STAFF)
    def resolve_fixed_tours(root, info, hub_id):
        uuid = parse_uuid(hub_id, "hub_id")
        return list(fixed_tours.tours_of_hub(principal=info.context.principal, hub_uuid=uuid)[:FIRST])


class CloseRoad(Command):
    """Either `other_id` or `radius_m`. `effects`: what it does to each plan in force."""

    class Arguments:
        hub_id = graphene.ID(required=True)
        place_id = graphene.ID(required=True)
        other_id = graphene.ID(description="the road from place to here is closed, both ways")
        radius_m = graphene.Int(description="or all roads within so many metres of the place")
        from_at = graphene.DateTime(required=True)
        until_at = graphene.DateTime(required=True)
        why = graphene.String(required=True)
        preview = graphene.Boolean()

    effects = graphene.List(graphene.NonNull(EffectType))
    rule, idempotent = DISPATCHER, True

    @classmethod
    def perform(
        cls,
        principal,
        *,
        hub_id,
        place_id,
        from_at,
        until_at,
        why,
        other_id=None,
        radius_m=None,
        preview=False,
    ):
        _, effects = closures.close_road(
            principal=principal,
            hub_uuid=parse_uuid(hub_id, "hub_id"),
            place_uuid=parse_uuid(place_id, "place_id"),
            other_uuid=parse_uuid(other_id, "other_id") if other_id else None,
            radius_m=radius_m,
            from_at=from_at,
            until_at=until_at,
            why=why,
            preview=preview,
        )
        return {"effects": [plain_effect(effect) for effect in effects]}


class LiftClosure(Command):
    class Arguments:
        closure_id = graphene.ID(required=True)

    closure = graphene.Field(RoadClosureType)
    rule, idempotent = DISPATCHER, True

    @classmethod
    def perform(cls, principal, *, closure_id):
        uuid = parse_uuid(closure_id, "closure_id")
        return {"closure": closures.lift_closure(principal=principal, closure_uuid=uuid)}


class FixTour(Command):
    class Arguments:
        route_id = graphene.ID(required=True)
        name = graphene.String(required=True)
        weekdays = graphene.List(graphene.NonNull(graphene.Int), required=True, description="0 is Monday")

    tour = graphene.Field(FixedTourType)
    rule, idempotent = DISPATCHER, True

    @classmethod
    def perform(cls, principal, *, route_id, name, weekdays):
        tour = fixed_tours.fix_tour(
            principal=principal,
            route_uuid=parse_uuid(route_id, "route_id"),
            weekdays=weekdays,
            name=name,
        )
        return {"tour": tour}


class EndTour(Command):
    class Arguments:
        tour_id = graphene.ID(required=True)

    tour = graphene.Field(FixedTourType)
    rule, idempotent = DISPATCHER, True

    @classmethod
    def perform(cls, principal, *, tour_id):
        tour = fixed_tours.end_tour(principal=principal, tour_uuid=parse_uuid(tour_id, "tour_id"))
        return {"tour": tour}


class Mutation(graphene.ObjectType):
    close_road = CloseRoad.Field()
    lift_closure = LiftClosure.Field()
    fix_tour = FixTour.Field()
    end_tour = EndTour.Field()
