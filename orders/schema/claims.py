"""Claims as GraphQL shows them."""

import graphene

from marketplace.api.guard import SIGNED_IN, guarded, roles
from marketplace.api.mutations import Command
from marketplace.kernel.ids import parse_uuid
from orders.schema.types import many
from orders.services.redress import claims


class ClaimType(graphene.ObjectType):
    class Meta:
        name = "Claim"

    id = graphene.ID(required=True)
    status = graphene.String(required=True, description="open, granted, refused or appealed")
    line_id = graphene.ID(required=True)
    product_name = graphene.String(required=True)
    order_number = graphene.String(required=True)
    percent = graphene.Int(required=True)
    note = graphene.String(required=True)
    asked_fen = graphene.Int(required=True)
    paid_fen = graphene.Int(required=True)
    at = graphene.DateTime(required=True)
    answer_by = graphene.DateTime(required=True)
    answer = graphene.String(required=True)
    answered_at = graphene.DateTime()
    automatic = graphene.Boolean(required=True, description="granted by the rules, not by a person")
    photo_path = graphene.String(required=True)

    def resolve_id(row, info):
        return row.uuid

    def resolve_line_id(row, info):
        return row.line.uuid

    def resolve_product_name(row, info):
        return row.line.listing["product"]

    def resolve_order_number(row, info):
        return row.line.order.number

    def resolve_paid_fen(row, info):
        return row.refund.amount_fen if row.refund else 0

    def resolve_automatic(row, info):
        return row.status == "granted" and row.answered_by_uuid is None

    def resolve_photo_path(row, info):
        return f"/claims/{row.uuid}/photo"


class OpenClaim(Command):
    class Arguments:
        line_id = graphene.ID(required=True)
        percent = graphene.Int(required=True, description="how much of it was bad")
        photo_id = graphene.ID(required=True)
        note = graphene.String(default_value="")

    claim = graphene.Field(ClaimType)
    rule = SIGNED_IN
    idempotent = True

    @classmethod
    def perform(cls, principal, *, line_id, percent, photo_id, note=""):
        claim = claims.open_claim(
            principal=principal,
            line_uuid=parse_uuid(line_id, "line_id"),
            percent=percent,
            photo_uuid=parse_uuid(photo_id, "photo_id"),
            note=note,
        )
        return {"claim": claim}


class AnswerClaim(Command):
    class Arguments:
        claim_id = graphene.ID(required=True)
        grant = graphene.Boolean(required=True)
        amount_fen = graphene.Int(description="less than was asked for; the whole when left out")
        answer = graphene.String(default_value="")

    claim = graphene.Field(ClaimType)
    rule = roles("farmer", "information_officer", "platform")
    idempotent = True

    @classmethod
    def perform(cls, principal, *, claim_id, grant, amount_fen=None, answer=""):
        claim = claims.answer_claim(
            principal=principal,
            claim_uuid=parse_uuid(claim_id, "claim_id"),
            grant=grant,
            amount_fen=amount_fen,
            answer=answer,
        )
        return {"claim": claim}


class AppealClaim(Command):
    class Arguments:
        claim_id = graphene.ID(required=True)

    claim = graphene.Field(ClaimType)
    rule = SIGNED_IN
    idempotent = True

    @classmethod
    def perform(cls, principal, *, claim_id):
        return {
            "claim": claims.appeal_claim(principal=principal, claim_uuid=parse_uuid(claim_id, "claim_id"))
        }


class ClaimsQuery(graphene.ObjectType):
    claims_to_answer = many(ClaimType)

    @guarded(roles("farmer", "information_officer", "platform"))
    def resolve_claims_to_answer(root, info):
        return claims.claims_to_answer(principal=info.context.principal)


class ClaimsMutation(graphene.ObjectType):
    open_claim = OpenClaim.Field()
    answer_claim = AnswerClaim.Field()
    appeal_claim = AppealClaim.Field()
