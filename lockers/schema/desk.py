"""The support desk: overdue and inspection lists, acts about parcels, the log of what was done."""

import graphene

from lockers.schema.cabinets import OPERATORS, CommandType, CompartmentType
from lockers.services.oversight import desk
from lockers.services.parcels import inspection
from lockers.services.parcels.openings import outcome_of
from marketplace.api.guard import guarded
from marketplace.api.mutations import Command
from marketplace.kernel.ids import parse_uuid
from marketplace.kernel.units import require_between

MOST = 200


class ColdStayType(graphene.ObjectType):
    """What is known of a parcel's stay in a cooled cell."""

    class Meta:
        name = "ColdStay"

    peak_c = graphene.Float()
    mkt_c = graphene.Float(description="mean kinetic temperature, weighted by duration")
    minutes_above = graphene.Float(required=True)
    minutes_unknown = graphene.Float(required=True)
    proof = graphene.String(required=True, description="verified, unverified or none")
    needs_decision = graphene.Boolean(required=True)

    def resolve_minutes_above(verdict, info):
        return verdict.above_s / 60

    def resolve_minutes_unknown(verdict, info):
        return verdict.unknown_s / 60

    def resolve_proof(verdict, info):
        return verdict.proof.value


class DeskParcelType(graphene.ObjectType):
    class Meta:
        name = "DeskParcel"

    id = graphene.ID(required=True)
    reference = graphene.ID(required=True)
    recipient = graphene.String(required=True, description="masked")
    cabinet_id = graphene.ID(required=True)
    cabinet = graphene.String(required=True)
    device = graphene.String(required=True)
    compartment = graphene.Field(CompartmentType, required=True)
    zone = graphene.String(required=True)
    state = graphene.String(required=True)
    held = graphene.Boolean(required=True)
    reason = graphene.String(description="why a person must look: put_back, gap or breach")
    said = graphene.String(description="what the recipient wrote when he refused it")
    breach_id = graphene.ID()
    deposited_at = graphene.DateTime()
    measured_c = graphene.Float(description="the courier's probe at the door")
    collect_until = graphene.DateTime(required=True)
    opening = graphene.String(description="what became of the last opening asked for from here")
    cold = graphene.Field(ColdStayType)
    unconfirmed = graphene.Boolean(
        required=True, description="its cabinet may not know of the last new code or recall yet"
    )

    def resolve_id(allocation, info):
        return allocation.uuid

    def resolve_unconfirmed(allocation, info):
        return allocation.compartment.cabinet.device.unconfirmed

    def resolve_recipient(allocation, info):
        return allocation.group.recipient_label

    def resolve_cabinet_id(allocation, info):
        return allocation.compartment.cabinet.uuid

    def resolve_cabinet(allocation, info):
        return allocation.compartment.cabinet.name

    def resolve_device(allocation, info):
        return allocation.compartment.cabinet.device.device

    def resolve_compartment(allocation, info):
        allocation.compartment.live = [allocation]
        return allocation.compartment

    def resolve_zone(allocation, info):
        return allocation.compartment.zone

    def resolve_state(allocation, info):
        return allocation.parcel_state

    def resolve_held(allocation, info):
        return allocation.state == "blocked"

    def resolve_reason(allocation, info):
        return allocation.inspect_reason or ("breach" if allocation.held_breach_uuid else None)

    def resolve_said(allocation, info):
        return allocation.put_back_reason or None

    def resolve_breach_id(allocation, info):
        return allocation.held_breach_uuid

    def resolve_opening(allocation, info):
        return outcome_of(allocation).value if allocation.opening_tx else None

    def resolve_cold(allocation, info):
        return inspection.verdict_of(allocation)


class DeskEntryType(graphene.ObjectType):
    class Meta:
        name = "DeskEntry"

    id = graphene.ID(required=True)
    cabinet = graphene.String(required=True)
    compartment = graphene.String()
    action = graphene.String(required=True)
    reason = graphene.String(required=True)
    recipient = graphene.String(description="masked, of an act about a parcel")
    actor_id = graphene.ID(description="null for a process of ours")
    at = graphene.DateTime(required=True)

    def resolve_id(entry, info):
        return entry.uuid

    def resolve_cabinet(entry, info):
        return entry.cabinet.name

    def resolve_compartment(entry, info):
        return entry.compartment.label if entry.compartment else None

    def resolve_recipient(entry, info):
        return entry.allocation.group.recipient_label if entry.allocation else None

    def resolve_actor_id(entry, info):
        return entry.actor_uuid


def _listed(type_):
    return graphene.List(graphene.NonNull(type_), required=True)


class Query(graphene.ObjectType):
    overdue_parcels = _listed(DeskParcelType)
    inspection_queue = _listed(DeskParcelType)
    cabinet_parcels = graphene.List(
        graphene.NonNull(DeskParcelType), required=True, cabinet_id=graphene.ID(required=True)
    )
    desk_log = graphene.List(
        graphene.NonNull(DeskEntryType),
        required=True,
        cabinet_id=graphene.ID(),
        first=graphene.Int(default_value=50),
    )

    @guarded(OPERATORS)
    def resolve_overdue_parcels(root, info):
        return list(desk.overdue_parcels(principal=info.context.principal)[:MOST])

    @guarded(OPERATORS)
    def resolve_inspection_queue(root, info):
        return list(desk.inspection_queue(principal=info.context.principal)[:MOST])

    @guarded(OPERATORS)
    def resolve_cabinet_parcels(root, info, cabinet_id):
        uuid = parse_uuid(cabinet_id, "cabinet_id")
        return list(desk.lying_parcels(principal=info.context.principal, cabinet_uuid=uuid)[:MOST])

    @guarded(OPERATORS)
    def resolve_desk_log(root, info, first, cabinet_id=None):
        uuid = parse_uuid(cabinet_id, "cabinet_id") if cabinet_id is not None else None
        most = require_between(first, 1, MOST, "first")
        return desk.desk_log(principal=info.context.principal, cabinet_uuid=uuid, first=most)


class DecideInspection(Command):
    class Arguments:
        allocation_id = graphene.ID(required=True)
        decision = graphene.String(required=True, description="release or return")
        reason = graphene.String(required=True)

    parcel = graphene.Field(DeskParcelType)
    rule = OPERATORS

    @classmethod
    def perform(cls, principal, *, allocation_id, decision, reason):
        parcel = desk.decide_inspection(
            principal=principal,
            allocation_uuid=parse_uuid(allocation_id, "allocation_id"),
            decision=decision,
            reason=reason,
        )
        return {"parcel": parcel}


class RecallParcel(Command):
    class Arguments:
        allocation_id = graphene.ID(required=True)
        reason = graphene.String(required=True)

    parcel = graphene.Field(DeskParcelType)
    rule = OPERATORS
    act = staticmethod(desk.recall_parcel)

    @classmethod
    def perform(cls, principal, *, allocation_id, reason):
        uuid = parse_uuid(allocation_id, "allocation_id")
        return {"parcel": cls.act(principal=principal, allocation_uuid=uuid, reason=reason)}


class ReissueForRecipient(RecallParcel):
    class Arguments:
        allocation_id = graphene.ID(required=True)
        reason = graphene.String(required=True)

    parcel = graphene.Field(DeskParcelType)
    act = staticmethod(desk.reissue_for_recipient)


class AssistRecipient(Command):
    class Arguments:
        allocation_id = graphene.ID(required=True)
        reason = graphene.String(required=True)

    command = graphene.Field(CommandType)
    rule, idempotent = OPERATORS, True

    @classmethod
    def perform(cls, principal, *, allocation_id, reason):
        uuid = parse_uuid(allocation_id, "allocation_id")
        command = desk.assist_recipient(principal=principal, allocation_uuid=uuid, reason=reason)
        return {"command": command}


class Mutation(graphene.ObjectType):
    decide_inspection = DecideInspection.Field()
    recall_parcel = RecallParcel.Field()
    reissue_for_recipient = ReissueForRecipient.Field()
    assist_recipient = AssistRecipient.Field()
