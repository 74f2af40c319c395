import graphene

from marketplace.api.guard import guarded, roles
from marketplace.kernel.units import require_between
from marketplace.telemetry.services.access import visible_alarms, visible_breaches

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


class ColdAlarmType(graphene.ObjectType):
    class Meta:
        name = "ColdAlarm"

    id = graphene.ID(required=True)
    kind = graphene.String(required=True, description="high, low or silent")
    asset_kind = graphene.String(required=True)
    asset_id = graphene.ID(required=True)
    zone = graphene.String(required=True)
    device = graphene.String(required=True)
    probe = graphene.String(required=True)
    since = graphene.DateTime(required=True, description="when the excursion or the silence began")
    worst_c = graphene.Float()
    raised_at = graphene.DateTime(required=True)
    cleared_at = graphene.DateTime()

    def resolve_id(alarm, info):
        return alarm.uuid

    def resolve_asset_kind(alarm, info):
        return alarm.probe.asset_kind

    def resolve_asset_id(alarm, info):
        return alarm.probe.asset_uuid

    def resolve_zone(alarm, info):
        return alarm.probe.zone

    def resolve_device(alarm, info):
        return alarm.probe.device

    def resolve_probe(alarm, info):
        return alarm.probe.label


class Query(graphene.ObjectType):
    cold_alarms = graphene.List(
        graphene.NonNull(ColdAlarmType),
        required=True,
        open=graphene.Boolean(),
        first=graphene.Int(default_value=100),
    )
    breaches = graphene.List(graphene.NonNull(BreachType), required=True, open=graphene.Boolean())

    @guarded(roles("cabinet_operator", "county_reviewer"))
    def resolve_cold_alarms(root, info, first, open=None):
        alarms = visible_alarms(principal=info.context.principal)
        if open is not None:
            alarms = alarms.filter(cleared_at__isnull=open)
        return list(alarms[: require_between(first, 1, MOST, "first")])

    @guarded(WATCHERS)
    def resolve_breaches(root, info, open=None):
        breaches = visible_breaches(principal=info.context.principal).order_by("-started_at")
        if open is not None:
            breaches = breaches.filter(ended_at__isnull=open)
        return list(breaches[:MOST])


class Mutation(graphene.ObjectType):
    pass
