"""Shortage and crop failure as GraphQL acts."""

import graphene

from marketplace.api.guard import SIGNED_IN, guarded, roles
from marketplace.api.mutations import Command
from marketplace.kernel.ids import parse_uuid
from orders.schema.types import OrderLineType
from orders.services.redress import shortages

SELLERS = roles("farmer", "information_officer")
KEEPERS = roles("hub_operator", "information_officer")


class _Shortfall:
    refunded_fen = graphene.Int(description="what goes back to buyers at once, delivery fees included")
    cut = graphene.Int(description="lines whose missing part was refunded")
    asked = graphene.Int(description="lines whose buyer was asked")
    substituted = graphene.Int(description="lines that another lot of the product makes up")


def _told(done):
    return {
        "cut": done.cut,
        "asked": done.asked,
        "substituted": done.substituted,
        "refunded_fen": done.refunded_fen,
    }


class ShortfallType(_Shortfall, graphene.ObjectType):
    """What a shortage does to the open lines of a lot."""

    class Meta:
        name = "Shortfall"


class DeclareShortage(_Shortfall, Command):
    class Arguments:
        lot_id = graphene.ID(required=True)
        available = graphene.Int(required=True, description="what there will be: grams or pieces")
        why = graphene.String(required=True)

    rule = SELLERS
    idempotent = True

    @classmethod
    def perform(cls, principal, *, lot_id, available, why):
        return _told(
            shortages.declare_shortage(
                principal=principal, lot_uuid=parse_uuid(lot_id, "lot_id"), available=available, why=why
            )
        )


class ReturnCrate(_Shortfall, Command):
    class Arguments:
        unit_id = graphene.ID(required=True)
        why = graphene.String(required=True)
        replaced = graphene.Boolean(
            default_value=False, description="the farmer brings other goods: nothing is refunded"
        )

    rule = KEEPERS
    idempotent = True

    @classmethod
    def perform(cls, principal, *, unit_id, why, replaced=False):
        return _told(
            shortages.return_crate(
                principal=principal, unit_uuid=parse_uuid(unit_id, "unit_id"), why=why, replaced=replaced
            )
        )


class AnswerShortage(Command):
    class Arguments:
        line_id = graphene.ID(required=True)
        choice = graphene.String(required=True, description="refund or substitute")

    line = graphene.Field(OrderLineType)
    rule = SIGNED_IN
    idempotent = True

    @classmethod
    def perform(cls, principal, *, line_id, choice):
        line = shortages.answer_shortage(
            principal=principal, line_uuid=parse_uuid(line_id, "line_id"), choice=choice
        )
        return {"line": line}


class ShortagesQuery(graphene.ObjectType):
    """What an act would do, before it is done."""

    shortage_preview = graphene.Field(
        ShortfallType,
        required=True,
        lot_id=graphene.ID(required=True),
        available=graphene.Int(required=True, description="what there will be: grams or pieces"),
    )
    crate_return_preview = graphene.Field(ShortfallType, required=True, unit_id=graphene.ID(required=True))

    @guarded(SELLERS)
    def resolve_shortage_preview(root, info, lot_id, available):
        return shortages.preview_shortage(
            principal=info.context.principal, lot_uuid=parse_uuid(lot_id, "lot_id"), available=available
        )

    @guarded(KEEPERS)
    def resolve_crate_return_preview(root, info, unit_id):
        return shortages.preview_crate_return(
            principal=info.context.principal, unit_uuid=parse_uuid(unit_id, "unit_id")
        )


class ShortagesMutation(graphene.ObjectType):
    declare_shortage = DeclareShortage.Field()
    return_crate = ReturnCrate.Field()
    answer_shortage = AnswerShortage.Field()
