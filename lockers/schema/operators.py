"""What the people who keep cabinets see and do: health, overdue and inspection lists, the support desk."""

import graphene

from lockers.schema.cabinets import OPERATORS, CommandType, CompartmentType
from lockers.services.oversight import desk, fleet, utilisation
from lockers.services.parcels import inspection
from lockers.services.parcels.openings import outcome_of
from marketplace.api.guard import guarded
from marketplace.api.mutations import Command
from marketplace.kernel.ids import parse_uuid
from marketplace.kernel.units import require_between
from marketplace.places.schema import PlaceType

MOST = 200


class AlarmType(graphene.ObjectType):
    class Meta:
        name = "CabinetAlarm"

    id = graphene.ID(required=True)
    kind = graphene.String(required=True)
    compartment = graphene.String()
    raised_at = graphene.DateTime(required=True)

    def resolve_id(alarm, info):
        return alarm.uuid

    def resolve_compartment(alarm, info):
        return alarm.compartment.label if alarm.compartment else None


class FaultCountType(graphene.ObjectType):
    class Meta:
        name = "FaultCount"

    kind = graphene.String(required=True)
    count = graphene.Int(required=True)


class CabinetHealthType(graphene.ObjectType):
    class Meta:
        name = "CabinetHealth"

    cabinet_id = graphene.ID(required=True)
    name = graphene.String(required=True)
    device = graphene.String(required=True)
    place = graphene.Field(PlaceType, required=True)
    silent = graphene.Boolean(required=True)
    last_seen = graphene.DateTime()
    clock_error_s = graphene.Float()
    battery_pct = graphene.Int()
    outbox = graphene.Int(required=True, description="messages it had not got through yet")
    firmware = graphene.String(required=True)
    cells = graphene.Int(required=True)
    taken = graphene.Int(required=True)
    blocked = graphene.Int(required=True)
    camera = graphene.String(required=True)
    alarms = graphene.List(graphene.NonNull(AlarmType), required=True, description="that are open")
    door_faults = graphene.List(graphene.NonNull(FaultCountType), required=True, description="of seven days")
    uncalibrated = graphene.List(
        graphene.NonNull(graphene.String), required=True, description="probes without a valid certificate"
    )
    problems = graphene.List(
        graphene.NonNull(graphene.String),
        required=True,
        description="silent, door, clock, identity, conflict, battery, config, cold_proof",
    )

    def resolve_cabinet_id(health, info):
        return health.cabinet.uuid

    def resolve_name(health, info):
        return health.cabinet.name

    def resolve_device(health, info):
        return health.cabinet.device.device

    def resolve_place(health, info):
        return health.cabinet.site.place

    def resolve_last_seen(health, info):
        return health.cabinet.device.last_seen

    def resolve_clock_error_s(health, info):
        return health.cabinet.device.clock_error_s

    def resolve_battery_pct(health, info):
        return health.cabinet.device.battery_pct

    def resolve_outbox(health, info):
        return health.cabinet.device.outbox

    def resolve_firmware(health, info):
        return health.cabinet.device.firmware

    def resolve_camera(health, info):
        return health.cabinet.camera

    def resolve_alarms(health, info):
        return health.open_alarms

    def resolve_door_faults(health, info):
        return [FaultCountType(kind=kind, count=count) for kind, count in sorted(health.faults.items())]


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

    def resolve_id(allocation, info):
        return allocation.uuid

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


class DoorEventType(graphene.ObjectType):
    class Meta:
        name = "DoorEvent"

    at = graphene.DateTime(required=True)
    type = graphene.String(required=True)
    label = graphene.String(required=True)
    purpose = graphene.String(required=True)
    camera = graphene.String(required=True, description="channel@UTC of the recorder; empty without a camera")


class CellUseType(graphene.ObjectType):
    class Meta:
        name = "CellUse"

    cabinet = graphene.String(required=True)
    place = graphene.String(required=True)
    zone = graphene.String(required=True)
    size = graphene.String(required=True)
    cells = graphene.Int(required=True)
    parcels = graphene.Int(required=True)
    overdue = graphene.Int(required=True)
    use = graphene.Float(required=True, description="share of cell hours that were taken, 0 to 1")
    busiest_hour = graphene.Int(required=True, description="of the day, in Yichun")
    busiest = graphene.Float(required=True, description="share of cells taken in that hour, on average")
    median_hours = graphene.Float()


def _listed(type_):
    return graphene.List(graphene.NonNull(type_), required=True)


class Query(graphene.ObjectType):
    fleet = _listed(CabinetHealthType)
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
    door_events = graphene.List(
        graphene.NonNull(DoorEventType),
        required=True,
        cabinet_id=graphene.ID(required=True),
        first=graphene.Int(default_value=50),
    )

    utilisation = graphene.List(
        graphene.NonNull(CellUseType),
        required=True,
        start=graphene.DateTime(required=True),
        end=graphene.DateTime(required=True),
        description="by cabinet, zone and size, the fullest first",
    )

    @guarded(OPERATORS)
    def resolve_utilisation(root, info, start, end):
        return utilisation.utilisation(principal=info.context.principal, start=start, end=end)

    @guarded(OPERATORS)
    def resolve_fleet(root, info):
        return fleet.fleet(principal=info.context.principal)

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

    @guarded(OPERATORS)
    def resolve_door_events(root, info, cabinet_id, first):
        uuid = parse_uuid(cabinet_id, "cabinet_id")
        most = require_between(first, 1, MOST, "first")
        return fleet.door_events(principal=info.context.principal, cabinet_uuid=uuid, first=most)


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


class SetCabinetCamera(Command):
    class Arguments:
        cabinet_id = graphene.ID(required=True)
        camera = graphene.String(required=True, description="channel of the recorder; empty for none")

    camera = graphene.String()
    rule = OPERATORS

    @classmethod
    def perform(cls, principal, *, cabinet_id, camera):
        uuid = parse_uuid(cabinet_id, "cabinet_id")
        cabinet = desk.set_camera(principal=principal, cabinet_uuid=uuid, camera=camera)
        return {"camera": cabinet.camera}


class Mutation(graphene.ObjectType):
    decide_inspection = DecideInspection.Field()
    recall_parcel = RecallParcel.Field()
    reissue_for_recipient = ReissueForRecipient.Field()
    assist_recipient = AssistRecipient.Field()
    set_cabinet_camera = SetCabinetCamera.Field()
