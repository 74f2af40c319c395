"""At the cabinet: open the reserved door, say that the parcel lies there."""

import graphene

from marketplace.api.guard import guarded, roles
from marketplace.api.mutations import Command
from marketplace.kernel.ids import parse_uuid
from marketplace.kernel.units import CELL_MAX_G, require_between
from routing.services import dropping

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

    def resolve_id(drop, info):
        return drop.uuid

    def resolve_cabinet_id(drop, info):
        return drop.cabinet_uuid


class Query(graphene.ObjectType):
    drop = graphene.Field(DropType, id=graphene.ID(required=True))

    @guarded(COURIER)
    def resolve_drop(root, info, id):
        return dropping.state_of(principal=info.context.principal, drop_uuid=parse_uuid(id, "id"))


class OpenCompartment(Command):
    class Arguments:
        stop_id = graphene.ID(required=True)
        unit_id = graphene.ID(required=True)
        damaged = graphene.Boolean(required=True)
        weight_g = graphene.Int(required=True)

    drop = graphene.Field(DropType)
    rule = COURIER

    @classmethod
    def perform(cls, principal, *, stop_id, unit_id, damaged, weight_g):
        drop = dropping.open_compartment(
            principal=principal,
            stop_uuid=parse_uuid(stop_id, "stop_id"),
            unit_uuid=parse_uuid(unit_id, "unit_id"),
            damaged=damaged,
            weight_g=require_between(weight_g, 1, 2 * CELL_MAX_G, "weight_g"),
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


class Mutation(graphene.ObjectType):
    open_compartment = OpenCompartment.Field()
    confirm_drop = ConfirmDrop.Field()
    take_larger_compartment = TakeLargerCompartment.Field()
