"""How the cabinets are, and what those who keep them set: alarms, doors, use, cameras."""

import graphene

from lockers.schema.cabinets import OPERATORS
from lockers.services.oversight import desk, fleet, utilisation
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


class Query(graphene.ObjectType):
    fleet = graphene.List(graphene.NonNull(CabinetHealthType), required=True)
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
    def resolve_fleet(root, info):
        return fleet.fleet(principal=info.context.principal)

    @guarded(OPERATORS)
    def resolve_door_events(root, info, cabinet_id, first):
        uuid = parse_uuid(cabinet_id, "cabinet_id")
        most = require_between(first, 1, MOST, "first")
        return fleet.door_events(principal=info.context.principal, cabinet_uuid=uuid, first=most)

    @guarded(OPERATORS)
    def resolve_utilisation(root, info, start, end):
        return utilisation.utilisation(principal=info.context.principal, start=start, end=end)


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


class CloseAlarm(Command):
    class Arguments:
        alarm_id = graphene.ID(required=True)
        reason = graphene.String(required=True)

    alarm = graphene.Field(AlarmType)
    rule = OPERATORS

    @classmethod
    def perform(cls, principal, *, alarm_id, reason):
        uuid = parse_uuid(alarm_id, "alarm_id")
        return {"alarm": desk.close_alarm(principal=principal, alarm_uuid=uuid, reason=reason)}


class Mutation(graphene.ObjectType):
    set_cabinet_camera = SetCabinetCamera.Field()
    close_alarm = CloseAlarm.Field()
