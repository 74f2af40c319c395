"""Shortage and crop failure as GraphQL acts."""

import graphene

from marketplace.api.guard import SIGNED_IN, roles
from marketplace.api.mutations import Command
from marketplace.kernel.ids import parse_uuid
from orders.schema.types import OrderLineType
from orders.services import shortages


class _Shortfall:
    cut = graphene.Int(description="lines whose missing part was refunded")
    asked = graphene.Int(description="lines whose buyer was asked")
    substituted = graphene.Int(description="lines that another lot of the product makes up")


def _told(done):
    return {"cut": done.cut, "asked": done.asked, "substituted": done.substituted}


class DeclareShortage(_Shortfall, Command):
    class Arguments:
        lot_id = graphene.ID(required=True)
        available = graphene.Int(required=True, description="what there will be: grams or pieces")
        why = graphene.String(required=True)

    rule = roles("farmer", "information_officer")
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

    rule = roles("hub_operator")
    idempotent = True

    @classmethod
    def perform(cls, principal, *, unit_id, why):
        return _told(
            shortages.return_crate(principal=principal, unit_uuid=parse_uuid(unit_id, "unit_id"), why=why)
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


class ShortagesMutation(graphene.ObjectType):
    declare_shortage = DeclareShortage.Field()
    return_crate = ReturnCrate.Field()
    answer_shortage = AnswerShortage.Field()
