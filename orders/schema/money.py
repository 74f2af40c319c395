"""Fees as GraphQL shows them: what everybody may read, and what the platform announces."""

import graphene

from marketplace.api.guard import PUBLIC, guarded, roles
from marketplace.api.mutations import Command
from marketplace.kernel import clock
from orders.schema.types import many
from orders.services.settlement import fee_rules


class FeeRulesType(graphene.ObjectType):
    """A dated version of the fees; rates in basis points."""

    class Meta:
        name = "FeeRules"

    valid_from = graphene.Date(required=True)
    announced_at = graphene.DateTime(required=True)
    why = graphene.String(required=True)
    commission_bp = graphene.Int(required=True, description="platform, of the goods")
    station_selling_bp = graphene.Int(required=True, description="station that sells for a farmer")
    station_buying_bp = graphene.Int(required=True, description="station that buys for a villager")
    courier_bp = graphene.Int(required=True, description="courier, of the delivery fee")
    second_leg_fen = graphene.Int(required=True, description="what the buyer pays for delivery")
    in_force = graphene.Boolean(required=True)

    def resolve_in_force(row, info):
        cache = info.context.loaders.setdefault("fees_in_force", {})
        if not cache:
            cache["since"] = fee_rules.rules_on(clock.today()).valid_from
        return row.valid_from == cache["since"]


class AnnounceFeeRules(Command):
    class Arguments:
        valid_from = graphene.Date(required=True)
        commission_bp = graphene.Int(required=True)
        station_selling_bp = graphene.Int(required=True)
        station_buying_bp = graphene.Int(required=True)
        courier_bp = graphene.Int(required=True)
        second_leg_fen = graphene.Int(required=True)
        why = graphene.String(required=True)

    fee_rules = graphene.Field(FeeRulesType)
    rule = roles("platform")
    idempotent = True

    @classmethod
    def perform(cls, principal, *, why, **rates):
        rules = fee_rules.checked_rules(**rates)
        return {"fee_rules": fee_rules.announce_fee_rules(principal=principal, rules=rules, why=why)}


class MoneyQuery(graphene.ObjectType):
    fee_rules = many(FeeRulesType)

    @guarded(PUBLIC)
    def resolve_fee_rules(root, info):
        return fee_rules.published_rules()


class MoneyMutation(graphene.ObjectType):
    announce_fee_rules = AnnounceFeeRules.Field()
