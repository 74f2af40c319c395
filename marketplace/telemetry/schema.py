import graphene

from marketplace.api.guard import guarded, roles
from marketplace.telemetry.services.access import visible_breaches

#: who must act on warm goods, and who watches over them
WATCHERS = roles("cabinet_operator", "hub_operator", "dispatcher", "county_reviewer", "city_viewer")
MOST = 500


class BreachType(graphene.ObjectType):
    class Meta:
        name = "Breach"

    id = graphene.ID(required=True)
    asset_kind = graphene.String(required=True)
    asset_id = graphene.ID(required=True)
    zone = graphene.String(required=True)
    side = graphene.String(required=True)
    limit_c = graphene.Float(required=True)
    started_at = graphene.DateTime(required=True)
    ended_at = graphene.DateTime()
    peak_c = graphene.Float(required=True)
    minutes = graphene.Float(required=True)
    decision = graphene.String()
    held_references = graphene.List(graphene.NonNull(graphene.ID), required=True)

    def resolve_id(breach, info):
        return breach.uuid

    def resolve_asset_id(breach, info):
        return breach.asset_uuid

    def resolve_decision(breach, info):
        return breach.decision or None


class Query(graphene.ObjectType):
    breaches = graphene.List(graphene.NonNull(BreachType), required=True, open=graphene.Boolean())

    @guarded(WATCHERS)
    def resolve_breaches(root, info, open=None):
        breaches = visible_breaches(principal=info.context.principal).order_by("-started_at")
        if open is not None:
            breaches = breaches.filter(ended_at__isnull=open)
        return list(breaches[:MOST])


class Mutation(graphene.ObjectType):
    pass
