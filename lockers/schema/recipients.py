"""What recipients see of their parcels in cabinets, and do about them."""

import graphene

from lockers.errors import NotCollectable
from lockers.schema.cabinets import CommandType
from lockers.schema.fees import StorageFeeTermsType
from lockers.services.parcels import recipients
from lockers.services.parcels.groups import pickup_code, pickup_qr
from lockers.services.parcels.openings import outcome_of
from lockers.services.sites import storage_rules
from marketplace.api.guard import SIGNED_IN, guarded
from marketplace.api.mutations import Command
from marketplace.kernel.ids import parse_uuid
from marketplace.places.schema import PlaceType

HOUR_S = 3600


class ExtensionType(graphene.ObjectType):
    class Meta:
        name = "StorageExtension"

    until = graphene.DateTime(description="the end that one tap would give; null when it cannot be longer")
    reason = graphene.String(description="why not: used_up, shelf_life, cell_needed or not_collectable")

    def resolve_reason(extension, info):
        return extension.reason or None


class WaitingParcelType(graphene.ObjectType):
    class Meta:
        name = "WaitingParcel"

    reference = graphene.ID(required=True, description="of an order: its fulfilment's id")
    mine = graphene.Boolean(required=True, description="false for a friend's parcel")
    place = graphene.Field(PlaceType, required=True)
    device = graphene.String(required=True, description="the number on the cabinet")
    compartment = graphene.String(required=True)
    zone = graphene.String(required=True)
    state = graphene.String(required=True, description="ready, reminded, expired, held and so on")
    deposited_at = graphene.DateTime()
    collect_until = graphene.DateTime(required=True)
    extension = graphene.Field(ExtensionType, required=True)
    fee = graphene.Field(StorageFeeTermsType, required=True)
    friend = graphene.String(description="who may collect it in the recipient's place, for the recipient")
    opening = graphene.String(description="pending, open, done, put_back, jammed or unknown: by phone")
    code = graphene.String(description="while it may be collected")
    qr = graphene.String(description="while it may be collected")

    def resolve_reference(parcel, info):
        return parcel.allocation.reference

    def resolve_place(parcel, info):
        return parcel.allocation.compartment.cabinet.site.place

    def resolve_device(parcel, info):
        return parcel.allocation.compartment.cabinet.device.device

    def resolve_compartment(parcel, info):
        return parcel.allocation.compartment.label

    def resolve_zone(parcel, info):
        return parcel.allocation.compartment.zone

    def resolve_state(parcel, info):
        return "held" if parcel.allocation.state == "blocked" else parcel.allocation.parcel_state

    def resolve_deposited_at(parcel, info):
        return parcel.allocation.deposited_at

    def resolve_collect_until(parcel, info):
        return parcel.allocation.collect_until

    def resolve_extension(parcel, info):
        return recipients.possible_extension(parcel.allocation)

    def resolve_fee(parcel, info):
        return storage_rules.terms_as_seen(parcel.allocation)

    def resolve_friend(parcel, info):
        return parcel.delegation.name if parcel.mine and parcel.delegation else None

    def resolve_opening(parcel, info):
        return outcome_of(parcel.allocation).value if parcel.allocation.opening_tx else None

    def resolve_code(parcel, info):
        return pickup_code(parcel.allocation.group) if parcel.collectable else None

    def resolve_qr(parcel, info):
        try:
            return pickup_qr(parcel.allocation.group) if parcel.collectable else None
        except NotCollectable:
            return None


class Query(graphene.ObjectType):
    my_parcels = graphene.List(
        graphene.NonNull(WaitingParcelType),
        required=True,
        reference=graphene.ID(),
        description="parcels in cabinets that the asker may collect, also for a friend",
    )

    @guarded(SIGNED_IN)
    def resolve_my_parcels(root, info, reference=None):
        only = parse_uuid(reference, "reference") if reference is not None else None
        return recipients.waiting_parcels(principal=info.context.principal, reference=only)


class ExtendStorage(Command):
    class Arguments:
        reference = graphene.ID(required=True)

    parcel = graphene.Field(WaitingParcelType)
    rule = SIGNED_IN

    @classmethod
    def perform(cls, principal, *, reference):
        uuid = parse_uuid(reference, "reference")
        return {"parcel": recipients.extend_storage(principal=principal, reference=uuid)}


def _per_person(principal, what, limit):
    return ((f"{what}:{principal.user_uuid}", limit, HOUR_S),)


class DelegatePickup(Command):
    class Arguments:
        reference = graphene.ID(required=True)
        name = graphene.String(required=True)
        phone = graphene.String(required=True)

    parcel = graphene.Field(WaitingParcelType)
    rule = SIGNED_IN

    @classmethod
    def tries(cls, principal, client, **_):
        """Each sends a message to a phone of the asker's choice."""
        return _per_person(principal, "delegate", 10)

    @classmethod
    def perform(cls, principal, *, reference, name, phone):
        uuid = parse_uuid(reference, "reference")
        parcel = recipients.delegate_pickup(principal=principal, reference=uuid, name=name, phone=phone)
        return {"parcel": parcel}


class EndDelegation(Command):
    class Arguments:
        reference = graphene.ID(required=True)

    parcel = graphene.Field(WaitingParcelType)
    rule = SIGNED_IN

    @classmethod
    def perform(cls, principal, *, reference):
        uuid = parse_uuid(reference, "reference")
        return {"parcel": recipients.end_delegation(principal=principal, reference=uuid)}


class ResendCode(Command):
    class Arguments:
        reference = graphene.ID(required=True)

    parcel = graphene.Field(WaitingParcelType)
    rule = SIGNED_IN

    @classmethod
    def tries(cls, principal, client, **_):
        return _per_person(principal, "resend", 10)

    @classmethod
    def perform(cls, principal, *, reference):
        uuid = parse_uuid(reference, "reference")
        return {"parcel": recipients.resend_code(principal=principal, reference=uuid)}


class OpenMyCompartment(Command):
    class Arguments:
        reference = graphene.ID(required=True)
        device = graphene.String(required=True, description="the number on the cabinet before the asker")

    command = graphene.Field(CommandType)
    rule = SIGNED_IN

    @classmethod
    def tries(cls, principal, client, **_):
        return _per_person(principal, "open", 30)

    @classmethod
    def perform(cls, principal, *, reference, device):
        uuid = parse_uuid(reference, "reference")
        command = recipients.open_for_recipient(principal=principal, reference=uuid, device=device)
        return {"command": command}


class RefuseParcel(Command):
    class Arguments:
        reference = graphene.ID(required=True)
        reason = graphene.String(required=True)

    parcel = graphene.Field(WaitingParcelType)
    rule = SIGNED_IN

    @classmethod
    def perform(cls, principal, *, reference, reason):
        uuid = parse_uuid(reference, "reference")
        return {"parcel": recipients.refuse_parcel(principal=principal, reference=uuid, reason=reason)}


class Mutation(graphene.ObjectType):
    extend_storage = ExtendStorage.Field()
    delegate_pickup = DelegatePickup.Field()
    end_delegation = EndDelegation.Field()
    resend_code = ResendCode.Field()
    open_my_compartment = OpenMyCompartment.Field()
    refuse_parcel = RefuseParcel.Field()
