"""Routes for those who drive and dispatch them."""

import graphene

from marketplace.api.guard import guarded, roles
from marketplace.api.mutations import Command
from marketplace.custody.schema import HandlingUnitType
from marketplace.kernel import clock
from marketplace.kernel.ids import parse_uuid
from routing.schema.types import RouteType, StopType, with_stops
from routing.services.access import route_for, visible_routes
from routing.services.tours import tour, trunk

DRIVERS = roles("courier", "hub_operator", "dispatcher")
COURIER = roles("courier", "dispatcher")
HUB_STAFF = roles("hub_operator", "dispatcher")


class Query(graphene.ObjectType):
    my_routes = graphene.List(graphene.NonNull(RouteType), required=True, date=graphene.Date())
    route = graphene.Field(RouteType, id=graphene.ID(required=True))

    @guarded(DRIVERS)
    def resolve_my_routes(root, info, date=None):
        mine = visible_routes(principal=info.context.principal, day=date or clock.today())
        return list(with_stops(mine).order_by("plan__wave", "plan__hub", "seq"))

    @guarded(DRIVERS)
    def resolve_route(root, info, id):
        found = route_for(principal=info.context.principal, route_uuid=parse_uuid(id, "id"))
        return with_stops(type(found).objects.filter(pk=found.pk)).get()


def _ids(values, field):
    return [parse_uuid(value, f"{field}[{index}]") for index, value in enumerate(values)]


class LoadRoute(Command):
    class Arguments:
        route_id = graphene.ID(required=True)
        unit_ids = graphene.List(graphene.NonNull(graphene.ID), required=True)

    route = graphene.Field(RouteType)
    loaded = graphene.List(graphene.NonNull(HandlingUnitType))
    missing = graphene.List(graphene.NonNull(HandlingUnitType))
    rule, idempotent, offline = DRIVERS, True, True

    @classmethod
    def perform(cls, principal, *, route_id, unit_ids):
        loading = tour.load_route(
            principal=principal,
            route_uuid=parse_uuid(route_id, "route_id"),
            unit_uuids=_ids(unit_ids, "unit_ids"),
        )
        return {"route": loading.route, "loaded": loading.loaded, "missing": loading.missing}


class DepartRoute(Command):
    class Arguments:
        route_id = graphene.ID(required=True)

    route = graphene.Field(RouteType)
    rule, idempotent, offline = COURIER, True, True

    @classmethod
    def perform(cls, principal, *, route_id):
        return {"route": tour.depart_route(principal=principal, route_uuid=parse_uuid(route_id, "route_id"))}


class FinishRoute(Command):
    class Arguments:
        route_id = graphene.ID(required=True)

    route = graphene.Field(RouteType)
    rule, idempotent, offline = COURIER, True, True

    @classmethod
    def perform(cls, principal, *, route_id):
        return {"route": tour.finish_route(principal=principal, route_uuid=parse_uuid(route_id, "route_id"))}


class ArriveAtStop(Command):
    class Arguments:
        stop_id = graphene.ID(required=True)

    stop = graphene.Field(StopType)
    rule, idempotent, offline = COURIER, True, True

    @classmethod
    def perform(cls, principal, *, stop_id):
        return {"stop": tour.arrive_at_stop(principal=principal, stop_uuid=parse_uuid(stop_id, "stop_id"))}


class CompleteStop(Command):
    class Arguments:
        stop_id = graphene.ID(required=True)

    stop = graphene.Field(StopType)
    rule, idempotent, offline = COURIER, True, True

    @classmethod
    def perform(cls, principal, *, stop_id):
        return {"stop": tour.complete_stop(principal=principal, stop_uuid=parse_uuid(stop_id, "stop_id"))}


class FailStop(Command):
    class Arguments:
        stop_id = graphene.ID(required=True)
        reason = graphene.String(required=True)

    stop = graphene.Field(StopType)
    rule, idempotent, offline = COURIER, True, True

    @classmethod
    def perform(cls, principal, *, stop_id, reason):
        uuid = parse_uuid(stop_id, "stop_id")
        return {"stop": tour.fail_stop(principal=principal, stop_uuid=uuid, reason=reason)}


class HandOverUnits(Command):
    class Arguments:
        stop_id = graphene.ID(required=True)
        unit_ids = graphene.List(graphene.NonNull(graphene.ID), required=True)
        temperature_c = graphene.Float()

    stop = graphene.Field(StopType)
    rule, idempotent, offline = COURIER, True, True
    act = staticmethod(tour.hand_over_units)

    @classmethod
    def perform(cls, principal, *, stop_id, unit_ids, temperature_c=None):
        stop = cls.act(
            principal=principal,
            stop_uuid=parse_uuid(stop_id, "stop_id"),
            unit_uuids=_ids(unit_ids, "unit_ids"),
            temperature_c=temperature_c,
        )
        return {"stop": stop}


class CollectUnits(HandOverUnits):
    class Arguments(HandOverUnits.Arguments):
        stop_id = graphene.ID(required=True)
        unit_ids = graphene.List(graphene.NonNull(graphene.ID), required=True)
        temperature_c = graphene.Float()

    stop = graphene.Field(StopType)
    act = staticmethod(tour.collect_units)


class DispatchTrunk(Command):
    class Arguments:
        from_hub_id = graphene.ID(required=True)
        to_hub_id = graphene.ID(required=True)
        date = graphene.Date(required=True)

    units = graphene.List(graphene.NonNull(HandlingUnitType))
    rule, idempotent = HUB_STAFF, True

    @classmethod
    def perform(cls, principal, *, from_hub_id, to_hub_id, date):
        units = trunk.dispatch_trunk(
            principal=principal,
            from_hub_uuid=parse_uuid(from_hub_id, "from_hub_id"),
            to_hub_uuid=parse_uuid(to_hub_id, "to_hub_id"),
            day=date,
        )
        return {"units": units}


class ReceiveTrunk(Command):
    class Arguments:
        hub_id = graphene.ID(required=True)
        date = graphene.Date(required=True)

    units = graphene.List(graphene.NonNull(HandlingUnitType))
    rule, idempotent = HUB_STAFF, True

    @classmethod
    def perform(cls, principal, *, hub_id, date):
        units = trunk.receive_trunk(principal=principal, hub_uuid=parse_uuid(hub_id, "hub_id"), day=date)
        return {"units": units}


class Mutation(graphene.ObjectType):
    load_route = LoadRoute.Field()
    depart_route = DepartRoute.Field()
    arrive_at_stop = ArriveAtStop.Field()
    hand_over_units = HandOverUnits.Field()
    collect_units = CollectUnits.Field()
    complete_stop = CompleteStop.Field()
    fail_stop = FailStop.Field()
    finish_route = FinishRoute.Field()
    dispatch_trunk = DispatchTrunk.Field()
    receive_trunk = ReceiveTrunk.Field()
