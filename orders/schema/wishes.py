"""A buyer's wishes for all his orders as GraphQL shows them."""

import graphene

from marketplace.api.guard import SIGNED_IN, guarded
from marketplace.api.mutations import Command
from orders.services.access import actor_uuid
from orders.services.purchases import allergy


class SetAllergyLock(Command):
    class Arguments:
        on = graphene.Boolean(required=True)

    allergy_lock = graphene.Boolean()
    rule = SIGNED_IN

    @classmethod
    def perform(cls, principal, *, on):
        return {"allergy_lock": allergy.set_allergy_lock(principal=principal, on=on)}


class WishesQuery(graphene.ObjectType):
    allergy_lock = graphene.Boolean(
        required=True, description="missing goods are refunded, never replaced, in all orders of the asker"
    )

    @guarded(SIGNED_IN)
    def resolve_allergy_lock(root, info):
        return allergy.has_allergy_lock(user_uuid=actor_uuid(info.context.principal))


class WishesMutation(graphene.ObjectType):
    set_allergy_lock = SetAllergyLock.Field()
