"""At the cabinet: open the reserved door, say that the parcel lies there."""

import graphene

from lockers.schema.cabinets import CommandType
from marketplace.api.guard import guarded, roles
from marketplace.api.mutations import Command
from marketplace.kernel.ids import parse_uuid
from marketplace.kernel.units import CELL_MAX_G, require_between
from marketplace.places.schema import PlaceType
from routing.services.tours import diverting, dropping, taking_out

COURIER = roles("courier", "dispatcher")


class DropType(graphene.ObjectType):
    class Meta:
        name = "Drop"

    id = graphene.ID(required=True)
    status = graphene.String(
        required=True,
        description="opening, open, closed, deposited, jammed, unknown, refused, expired or ended",
    )
    cabinet_id = graphene.ID(required=True)
    device = graphene.String(required=True)
    compartment = graphene.String(required=True)
    door = graphene.Int(required=True)
    shared = graphene.Boolean(required=True, description="other parcels of the same recipient lie there")
    warm = graphene.Boolean(required=True, description="past the alarm of its goods, though not refused")

    def resolve_id(drop, info):
        return drop.uuid

    def resolve_cabinet_id(drop, info):
        return drop.cabinet_uuid


class NextPointType(graphene.ObjectType):
    class Meta:
        name = "NextPoint"

    place = graphene.Field(PlaceType, required=True)
    distance_m = graphene.Int(required=True)
    reason = graphene.String(description="null for a place that takes the parcel now")

    def resolve_reason(point, info):
        return point.reason or None


class Query(graphene.ObjectType):
    drop = graphene.Field(DropType, id=graphene.ID(required=True))
    next_points = graphene.List(
        graphene.NonNull(NextPointType),
        required=True,
        stop_id=graphene.ID(required=True),
        unit_id=graphene.ID(required=True),
        description="cabinets within 2 km of a full or dead one, nearest first",
    )

    @guarded(COURIER)
    def resolve_next_points(root, info, stop_id, unit_id):
        return diverting.next_points(
            principal=info.context.principal,
            stop_uuid=parse_uuid(stop_id, "stop_id"),
            unit_uuid=parse_uuid(unit_id, "unit_id"),
        )

    @guarded(COURIER)
    def resolve_drop(root, info, id):
        return dropping.state_of(principal=info.context.principal, drop_uuid=parse_uuid(id, "id"))


class OpenCompartment(Command):
    class Arguments:
        stop_id = graphene.ID(required=True)
        unit_id = graphene.ID(required=True)
        damaged = graphene.Boolean(required=True)
        weight_g = graphene.Int(required=True)
        temperature_c = graphene.Float(description="what the probe shows; asked for with cold goods")

    drop = graphene.Field(DropType)
    rule = COURIER

    @classmethod
    def perform(cls, principal, *, stop_id, unit_id, damaged, weight_g, temperature_c=None):
        drop = dropping.open_compartment(
            principal=principal,
            stop_uuid=parse_uuid(stop_id, "stop_id"),
            unit_uuid=parse_uuid(unit_id, "unit_id"),
            damaged=damaged,
            weight_g=require_between(weight_g, 1, 2 * CELL_MAX_G, "weight_g"),
            temperature_c=temperature_c,
        )
        return {"drop": drop}


class ConfirmDrop(Command):
    class Arguments:
        drop_id = graphene.ID(required=True)

    drop = graphene.Field(DropType)
    rule = COURIER
    act = staticmethod(dropping.confirm)

    @classmethod
    def perform(cls, principal, *, drop_id):
        return {"drop": cls.act(principal=principal, drop_uuid=parse_uuid(drop_id, "drop_id"))}


class TakeLargerCompartment(ConfirmDrop):
    class Arguments:
        drop_id = graphene.ID(required=True)

    drop = graphene.Field(DropType)
    act = staticmethod(dropping.take_larger)


class DivertParcel(Command):
    class Arguments:
        stop_id = graphene.ID(required=True)
        unit_id = graphene.ID(required=True)
        place_id = graphene.ID(required=True)

    next_stop_id = graphene.ID()
    rule = COURIER

    @classmethod
    def perform(cls, principal, *, stop_id, unit_id, place_id):
        stop = diverting.divert(
            principal=principal,
            stop_uuid=parse_uuid(stop_id, "stop_id"),
            unit_uuid=parse_uuid(unit_id, "unit_id"),
            place_uuid=parse_uuid(place_id, "place_id"),
        )
        return {"next_stop_id": str(stop.uuid)}


class TakeOutParcel(Command):
    class Arguments:
        stop_id = graphene.ID(required=True)
        parcel_id = graphene.ID(required=True)

    command = graphene.Field(CommandType)
    rule = COURIER

    @classmethod
    def perform(cls, principal, *, stop_id, parcel_id):
        command = taking_out.take_out(
            principal=principal,
            stop_uuid=parse_uuid(stop_id, "stop_id"),
            allocation_uuid=parse_uuid(parcel_id, "parcel_id"),
        )
        return {"command": command}


class Mutation(graphene.ObjectType):
    divert_parcel = DivertParcel.Field()
    take_out_parcel = TakeOutParcel.Field()
    open_compartment = OpenCompartment.Field()
    confirm_drop = ConfirmDrop.Field()
    take_larger_compartment = TakeLargerCompartment.Field()
