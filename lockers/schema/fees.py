"""Free periods and overdue fees: what everybody may read, and what the platform or an operator announces."""

import graphene

from lockers.fees import StorageTerms
from lockers.services.sites import storage_rules
from marketplace.api.guard import PUBLIC, guarded, roles
from marketplace.api.mutations import Command
from marketplace.kernel.ids import parse_uuid


class StorageRuleType(graphene.ObjectType):
    """A dated version for one zone; without a place it holds wherever no place has its own."""

    class Meta:
        name = "StorageRule"

    place_id = graphene.ID()
    zone = graphene.String(required=True)
    valid_from = graphene.Date(required=True)
    announced_at = graphene.DateTime(required=True)
    free_h = graphene.Int(required=True, description="hours free of charge")
    step_h = graphene.Int(required=True, description="hours of one step of the fee")
    step_fen = graphene.Int(required=True)
    cap_fen = graphene.Int(required=True)
    stay_h = graphene.Int(required=True, description="hours that it may stay for the fee")
    free_days = graphene.List(graphene.NonNull(graphene.String), required=True)

    def resolve_place_id(rule, info):
        return rule.place_uuid


class StorageFeeTermsType(graphene.ObjectType):
    """What staying past the free period costs one parcel, known before it starts."""

    class Meta:
        name = "StorageFeeTerms"

    free_until = graphene.DateTime()
    step_h = graphene.Int(required=True)
    step_fen = graphene.Int(required=True)
    cap_fen = graphene.Int(required=True)
    due_fen = graphene.Int(required=True, description="now, less what is paid")
    payable_until = graphene.DateTime(
        description="until when it may be had for the fee; null while it is free or when it is too late"
    )


class AnnounceStorageRule(Command):
    class Arguments:
        place_id = graphene.ID()
        zone = graphene.String(required=True)
        valid_from = graphene.Date(required=True)
        free_h = graphene.Int(required=True)
        step_h = graphene.Int(required=True)
        step_fen = graphene.Int(required=True)
        cap_fen = graphene.Int(required=True)
        stay_h = graphene.Int(required=True)
        free_days = graphene.List(graphene.NonNull(graphene.Date), default_value=[])

    storage_rule = graphene.Field(StorageRuleType)
    rule = roles("platform", "cabinet_operator")
    idempotent = True

    @classmethod
    def perform(cls, principal, *, zone, valid_from, place_id=None, free_days=(), **numbers):
        terms = StorageTerms(**numbers, free_days=frozenset(free_days))
        place = parse_uuid(place_id, "place_id") if place_id else None
        rule = storage_rules.announce_storage_rule(
            principal=principal, place_uuid=place, zone=zone, valid_from=valid_from, terms=terms
        )
        return {"storage_rule": rule}


class Query(graphene.ObjectType):
    storage_rules = graphene.List(
        graphene.NonNull(StorageRuleType), required=True, place_id=graphene.ID(), description="latest first"
    )

    @guarded(PUBLIC)
    def resolve_storage_rules(root, info, place_id=None):
        place = parse_uuid(place_id, "place_id") if place_id else None
        return storage_rules.published_rules(place_uuid=place)


class Mutation(graphene.ObjectType):
    announce_storage_rule = AnnounceStorageRule.Field()
