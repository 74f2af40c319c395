"""A dispatcher's acts on a plan in force, with what each does; what the courier is told of them."""

from dataclasses import asdict
from datetime import datetime

import graphene

from marketplace.api.guard import guarded, roles
from marketplace.api.mutations import Command
from marketplace.kernel.errors import N_, InvalidInput
from marketplace.kernel.geo import LonLat
from marketplace.kernel.ids import parse_uuid
from marketplace.kernel.units import CELL_MAX_G, require_between
from marketplace.places.models import Place
from routing.schema.plans import PlanType
from routing.schema.tour import COURIER
from routing.schema.types import BreakdownType, RouteType
from routing.services.access import plan_for
from routing.services.in_force import breakdowns, edits
from routing.services.reports import comparing
from routing.services.shipments.urgent import urgent_parcel
from routing.services.tours import changes

STAFF = roles("dispatcher", "hub_operator")
DISPATCHER = roles("dispatcher")


class LostType(graphene.ObjectType):
    class Meta:
        name = "LostShipment"

    reference = graphene.ID(required=True)
    reason = graphene.String(required=True)


class MovedType(graphene.ObjectType):
    class Meta:
        name = "MovedStop"

    kind = graphene.String(required=True, description="added, removed or retimed")
    vehicle = graphene.String(required=True)
    place = graphene.String(required=True)
    was_at = graphene.DateTime()
    now_at = graphene.DateTime()

    def resolve_was_at(moved, info):
        return _moment(moved["was_at"])

    def resolve_now_at(moved, info):
        return _moment(moved["now_at"])


class HeldUnitType(graphene.ObjectType):
    class Meta:
        name = "HeldUnit"

    code = graphene.String(required=True)
    reason = graphene.String(required=True)


class EffectType(graphene.ObjectType):
    """Differences are after less before. With `preview` nothing of it stands."""

    class Meta:
        name = "PlanEffect"

    plan_id = graphene.ID(required=True)
    version = graphene.Int(required=True)
    km = graphene.Float(required=True)
    cost_fen = graphene.Int(required=True)
    co2_g = graphene.Int(required=True)
    late_min = graphene.Int(required=True, description="minutes by which stops come later, added up")
    cold_min = graphene.Int(required=True, description="most minutes that a parcel spends outside its zone")
    affected = graphene.Int(required=True)
    unserved = graphene.List(graphene.NonNull(LostType), required=True)
    taken_over = graphene.Int(required=True, description="units of a broken van that go on with others")
    brought_back = graphene.Int(required=True, description="units of a broken van that come to the hub")
    held = graphene.List(
        graphene.NonNull(HeldUnitType), required=True, description="units that stay in a broken van"
    )
    changes = graphene.List(graphene.NonNull(MovedType), required=True)


def _moment(text):
    return datetime.fromisoformat(text) if text else None


def plain_effect(effect):
    """As it is kept with the idempotency key, since the rows of a preview are gone."""
    told = asdict(effect)
    told["plan_id"] = str(told.pop("plan_uuid"))
    told["held"] = [{"code": code, "reason": reason} for code, reason in effect.held]
    told["unserved"] = [{"reference": str(uuid), "reason": reason} for uuid, reason in effect.unserved]
    for moved in told["changes"]:
        for label in ("was_at", "now_at"):
            moved[label] = moved[label].isoformat() if moved[label] else None
    return told


def _plain(effect):
    return {"effect": plain_effect(effect)}


class FiguresType(graphene.ObjectType):
    class Meta:
        name = "PlanFigures"

    plan = graphene.Field(PlanType, required=True)
    tours = graphene.Int(required=True)
    stops = graphene.Int(required=True)
    served = graphene.Int(required=True)
    unserved = graphene.Int(required=True)
    km = graphene.Float(required=True)
    hours = graphene.Float(required=True)
    cost_fen = graphene.Int(required=True)
    co2_g = graphene.Int(required=True)
    late_stops = graphene.Int(required=True)
    late_min = graphene.Int(required=True)
    fen_per_parcel = graphene.Int(required=True)


class Query(graphene.ObjectType):
    compare_plans = graphene.List(
        graphene.NonNull(FiguresType),
        required=True,
        plan_id=graphene.ID(required=True),
        other_id=graphene.ID(required=True),
    )

    breakdowns = graphene.List(
        graphene.NonNull(BreakdownType),
        required=True,
        hub_id=graphene.ID(required=True),
        description="vans that stand now, where others fetch their load",
    )

    @guarded(STAFF)
    def resolve_breakdowns(root, info, hub_id):
        uuid = parse_uuid(hub_id, "hub_id")
        return list(breakdowns.live_breakdowns(principal=info.context.principal, hub_uuid=uuid))

    @guarded(STAFF)
    def resolve_compare_plans(root, info, plan_id, other_id):
        principal = info.context.principal
        one = plan_for(principal=principal, plan_uuid=parse_uuid(plan_id, "plan_id"), field="plan_id")
        other = plan_for(principal=principal, plan_uuid=parse_uuid(other_id, "other_id"), field="other_id")
        return comparing.figures([one, other])


class _Edit(Command):
    class Meta:
        abstract = True

    rule, idempotent = DISPATCHER, True


class MoveStop(_Edit):
    class Arguments:
        stop_id = graphene.ID(required=True)
        vehicle_id = graphene.ID(required=True)
        preview = graphene.Boolean()

    effect = graphene.Field(EffectType)

    @classmethod
    def perform(cls, principal, *, stop_id, vehicle_id, preview=False):
        effect = edits.move_stop(
            principal=principal,
            stop_uuid=parse_uuid(stop_id, "stop_id"),
            vehicle_uuid=parse_uuid(vehicle_id, "vehicle_id"),
            preview=preview,
        )
        return _plain(effect)


class InsertUrgentStop(_Edit):
    class Arguments:
        hub_id = graphene.ID(required=True)
        date = graphene.Date(required=True)
        wave = graphene.String(required=True)
        reference = graphene.ID(required=True, description="a new id of the client's: a repeat is the same")
        place_id = graphene.ID(required=True)
        collect_id = graphene.ID(description="station where the goods wait; without it they lie at the hub")
        zone = graphene.String(required=True)
        size = graphene.String(required=True)
        weight_g = graphene.Int(required=True)
        preview = graphene.Boolean()

    effect = graphene.Field(EffectType)

    @classmethod
    def perform(
        cls,
        principal,
        *,
        hub_id,
        date,
        wave,
        reference,
        place_id,
        zone,
        size,
        weight_g,
        collect_id=None,
        preview=False,
    ):
        parcel = urgent_parcel(
            zone=zone, size=size, weight_g=require_between(weight_g, 1, CELL_MAX_G, "weight_g")
        )
        effect = edits.insert_urgent(
            principal=principal,
            hub_uuid=parse_uuid(hub_id, "hub_id"),
            day=date,
            wave=wave,
            reference=parse_uuid(reference, "reference"),
            place_uuid=parse_uuid(place_id, "place_id"),
            collect_uuid=parse_uuid(collect_id, "collect_id") if collect_id else None,
            parcel=parcel,
            preview=preview,
        )
        return _plain(effect)


class ReplanFailure(_Edit):
    class Arguments:
        plan_id = graphene.ID(required=True)
        place_id = graphene.ID(description="the cabinet or station that takes nothing any more")
        vehicle_id = graphene.ID(description="or the van that drives no more")
        at_place_id = graphene.ID(description="near which place the van stands; else lon and lat")
        lon = graphene.Float(description="without all of them: where its courier last was")
        lat = graphene.Float()
        preview = graphene.Boolean()

    effect = graphene.Field(EffectType)

    @classmethod
    def perform(
        cls,
        principal,
        *,
        plan_id,
        place_id=None,
        vehicle_id=None,
        at_place_id=None,
        lon=None,
        lat=None,
        preview=False,
    ):
        effect = edits.replan_failure(
            principal=principal,
            plan_uuid=parse_uuid(plan_id, "plan_id"),
            place_uuid=parse_uuid(place_id, "place_id") if place_id else None,
            vehicle_uuid=parse_uuid(vehicle_id, "vehicle_id") if vehicle_id else None,
            at=_where(at_place_id, lon, lat),
            preview=preview,
        )
        return _plain(effect)


def _where(place_id, lon, lat):
    if place_id:
        return Place.by_uuid(parse_uuid(place_id, "at_place_id"), field="at_place_id").lon_lat
    if lon is None and lat is None:
        return None
    if lon is None or lat is None:
        raise InvalidInput(N_("经度和纬度要一起填"), field="lat" if lat is None else "lon")
    return LonLat(lon, lat)


class VehicleWorksAgain(_Edit):
    class Arguments:
        breakdown_id = graphene.ID(required=True)
        preview = graphene.Boolean()

    effect = graphene.Field(EffectType)

    @classmethod
    def perform(cls, principal, *, breakdown_id, preview=False):
        uuid = parse_uuid(breakdown_id, "breakdown_id")
        return _plain(breakdowns.van_works_again(principal=principal, breakdown_uuid=uuid, preview=preview))


class UndoPlanChange(_Edit):
    class Arguments:
        plan_id = graphene.ID(required=True)
        preview = graphene.Boolean()

    effect = graphene.Field(EffectType)
    act = staticmethod(edits.undo)

    @classmethod
    def perform(cls, principal, *, plan_id, preview=False):
        uuid = parse_uuid(plan_id, "plan_id")
        return _plain(cls.act(principal=principal, plan_uuid=uuid, preview=preview))


class ChoosePlan(UndoPlanChange):
    class Arguments:
        plan_id = graphene.ID(required=True)
        preview = graphene.Boolean()

    effect = graphene.Field(EffectType)
    act = staticmethod(edits.choose_version)


class AcknowledgeChanges(Command):
    class Arguments:
        route_id = graphene.ID(required=True)

    route = graphene.Field(RouteType)
    rule, idempotent, offline = COURIER, True, True

    @classmethod
    def perform(cls, principal, *, route_id):
        uuid = parse_uuid(route_id, "route_id")
        return {"route": changes.acknowledge(principal=principal, route_uuid=uuid)}


class Mutation(graphene.ObjectType):
    move_stop = MoveStop.Field()
    insert_urgent_stop = InsertUrgentStop.Field()
    replan_failure = ReplanFailure.Field()
    vehicle_works_again = VehicleWorksAgain.Field()
    undo_plan_change = UndoPlanChange.Field()
    choose_plan = ChoosePlan.Field()
    acknowledge_changes = AcknowledgeChanges.Field()
