"""Plans of a hub's waves, and asking for one."""

import graphene
from django.db.models import Prefetch

from marketplace.api.guard import guarded, roles
from marketplace.api.mutations import Command
from marketplace.kernel.ids import parse_uuid
from marketplace.places.schema import HubType
from routing.models import UnservedLeg
from routing.schema.types import RouteType, VehicleType, with_stops
from routing.services.access import plan_for, plans_of_hub
from routing.services.waves import queueing

STAFF = roles("dispatcher", "hub_operator")
DISPATCHER = roles("dispatcher")


class UnservedType(graphene.ObjectType):
    class Meta:
        name = "UnservedShipment"

    shipment_id = graphene.ID(required=True)
    reference = graphene.ID(required=True)
    reason = graphene.String(required=True)

    def resolve_shipment_id(row, info):
        return row.leg.shipment.uuid

    def resolve_reference(row, info):
        return row.leg.shipment.reference


class InsightType(graphene.ObjectType):
    """The wave solved without one thing; `base_*`: with it, in the same small time."""

    class Meta:
        name = "PlanInsight"

    kind = graphene.String(required=True, description="options, same_loop, cold_budget or fixed_tours")
    difference_fen = graphene.Int(required=True, description="what it would cost more without it")
    cost_fen = graphene.Int(required=True)
    base_fen = graphene.Int(required=True)
    unserved = graphene.Int(required=True)
    base_unserved = graphene.Int(required=True)
    tours = graphene.Int(required=True)
    base_tours = graphene.Int(required=True)
    draft_id = graphene.ID(description="the plan without it, to compare with and to choose")

    def resolve_difference_fen(insight, info):
        return insight.cost_fen - insight.base_fen

    def resolve_draft_id(insight, info):
        return insight.draft and insight.draft.uuid


class PlanType(graphene.ObjectType):
    class Meta:
        name = "Plan"

    id = graphene.ID(required=True)
    hub = graphene.Field(HubType, required=True)
    date = graphene.Date(required=True)
    wave = graphene.String(required=True)
    version = graphene.Int(required=True)
    status = graphene.String(required=True)
    cause = graphene.String(
        required=True,
        description="planned, late, urgent, moved, failure, undone, chosen, closed, fixed or without",
    )
    engine = graphene.String(required=True)
    km = graphene.Float(required=True)
    cost_fen = graphene.Int(required=True)
    co2_g = graphene.Int(required=True)
    options_saved_fen = graphene.Int(required=True, description="against everybody's first choice")
    published_at = graphene.DateTime()
    routes = graphene.List(graphene.NonNull(RouteType), required=True)
    unserved = graphene.List(graphene.NonNull(UnservedType), required=True)
    metrics = graphene.JSONString(required=True)
    insights = graphene.List(
        graphene.NonNull(InsightType), required=True, description="empty until they are computed"
    )
    vehicles = graphene.List(
        graphene.NonNull(VehicleType), required=True, description="the hub's vans, busy or not"
    )

    def resolve_vehicles(plan, info):
        return list(plan.hub.vehicles.filter(active=True, is_trunk=False).order_by("pk"))

    def resolve_id(plan, info):
        return plan.uuid

    def resolve_km(plan, info):
        return plan.distance_m / 1000

    def resolve_routes(plan, info):
        return list(with_stops(plan.routes.all()).order_by("seq"))

    def resolve_insights(plan, info):
        return list(plan.insights.select_related("draft").order_by("pk"))

    def resolve_unserved(plan, info):
        return list(plan.unserved.all())


def _read(plans):
    unserved = UnservedLeg.objects.select_related("leg__shipment").order_by("pk")
    return plans.select_related("hub__county", "hub__place__county").prefetch_related(
        Prefetch("unserved", unserved)
    )


class Query(graphene.ObjectType):
    plans = graphene.List(
        graphene.NonNull(PlanType), required=True, hub_id=graphene.ID(required=True), date=graphene.Date()
    )
    plan = graphene.Field(PlanType, id=graphene.ID(required=True))

    @guarded(STAFF)
    def resolve_plans(root, info, hub_id, date=None):
        found = plans_of_hub(
            principal=info.context.principal, hub_uuid=parse_uuid(hub_id, "hub_id"), day=date
        )
        return list(_read(found).order_by("-date", "wave", "-version"))

    @guarded(STAFF)
    def resolve_plan(root, info, id):
        found = plan_for(principal=info.context.principal, plan_uuid=parse_uuid(id, "id"))
        return _read(type(found).objects.filter(pk=found.pk)).get()


class PlanWave(Command):
    class Arguments:
        hub_id = graphene.ID(required=True)
        date = graphene.Date(required=True)
        wave = graphene.String(required=True)
        seconds = graphene.Int()

    task_id = graphene.ID()
    rule, idempotent = DISPATCHER, True

    @classmethod
    def perform(cls, principal, *, hub_id, date, wave, seconds=None):
        task = queueing.ask_for_plan(
            principal=principal,
            hub_uuid=parse_uuid(hub_id, "hub_id"),
            day=date,
            wave=wave,
            seconds=seconds,
        )
        return {"task_id": str(task)}


class Mutation(graphene.ObjectType):
    plan_wave = PlanWave.Field()
