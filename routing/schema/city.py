"""A wave of all hubs planned by one act, and how far it is."""

import graphene

from marketplace.api.guard import guarded, roles
from marketplace.api.mutations import Command
from marketplace.kernel import clock
from marketplace.places.schema import HubType
from routing.services.waves import city

DISPATCHER = roles("dispatcher")


class CityPartType(graphene.ObjectType):
    class Meta:
        name = "CityPart"

    hub = graphene.Field(HubType, required=True)
    legs = graphene.Int(required=True)
    seconds = graphene.Float(required=True, description="what the search may take")
    status = graphene.String(required=True, description="waiting, running, done or failed")
    stage = graphene.String(required=True, description="reading, searching, sectors, joining or drawing")
    took_s = graphene.Int(required=True)
    why = graphene.String(required=True, description="of a failure")
    plan_id = graphene.ID()
    cost_fen = graphene.Int()
    km = graphene.Float()

    def resolve_took_s(part, info):
        if part.started_at is None:
            return 0
        return round(((part.ended_at or clock.wall()) - part.started_at).total_seconds())

    def resolve_plan_id(part, info):
        return part.plan and part.plan.uuid

    def resolve_cost_fen(part, info):
        return part.plan and part.plan.cost_fen

    def resolve_km(part, info):
        return part.plan and part.plan.distance_m / 1000


class CityRunType(graphene.ObjectType):
    class Meta:
        name = "CityRun"

    id = graphene.ID(required=True)
    date = graphene.Date(required=True)
    wave = graphene.String(required=True)
    asked_at = graphene.DateTime(required=True)
    parts = graphene.List(graphene.NonNull(CityPartType), required=True)

    def resolve_id(run, info):
        return run.uuid

    def resolve_parts(run, info):
        return city.parts_of(principal=info.context.principal, run=run)


class Query(graphene.ObjectType):
    city_run = graphene.Field(
        CityRunType, date=graphene.Date(required=True), wave=graphene.String(required=True)
    )

    @guarded(DISPATCHER)
    def resolve_city_run(root, info, date, wave):
        return city.run_of(principal=info.context.principal, day=date, wave=wave)


class PlanCity(Command):
    """Every hub that the dispatcher answers for; who asks while it runs joins."""

    class Arguments:
        date = graphene.Date(required=True)
        wave = graphene.String(required=True)
        seconds = graphene.Int(description="of search for each hub; without it, by its size")

    run = graphene.Field(CityRunType)
    rule, idempotent = DISPATCHER, True

    @classmethod
    def perform(cls, principal, *, date, wave, seconds=None):
        return {"run": city.plan_city(principal=principal, day=date, wave=wave, seconds=seconds)}


class Mutation(graphene.ObjectType):
    plan_city = PlanCity.Field()
