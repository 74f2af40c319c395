"""Where there is room, and what an operator does at a cabinet."""

import graphene
from django.db.models import Prefetch

from lockers.models import Allocation, Cabinet, Compartment
from lockers.models.allocations import LIVE_ALLOCATION
from lockers.services.access import operated_cabinets
from lockers.services.oversight import blocks
from lockers.services.sites.cabinets import silent
from marketplace.api.guard import PUBLIC, guarded, roles
from marketplace.api.mutations import Command
from marketplace.kernel.ids import parse_uuid
from marketplace.places.schema import PlaceType
from marketplace.telemetry.schema import BreachType
from marketplace.telemetry.services import latest_c

OPERATORS = roles("cabinet_operator")


class CompartmentType(graphene.ObjectType):
    class Meta:
        name = "Compartment"

    id = graphene.ID(required=True)
    label = graphene.String(required=True)
    door = graphene.Int(required=True)
    zone = graphene.String(required=True)
    size = graphene.String(required=True)
    accessible = graphene.Boolean(required=True)
    status = graphene.String(required=True, description="free, taken, blocked or the door's fault")

    def resolve_id(compartment, info):
        return compartment.uuid

    def resolve_status(compartment, info):
        if compartment.door_state in ("jammed", "forced", "ajar", "out_of_service"):
            return compartment.door_state
        if compartment.blocked_at:
            return "blocked"
        return "taken" if compartment.live else "free"


class CabinetZoneType(graphene.ObjectType):
    class Meta:
        name = "CabinetZone"

    zone = graphene.String(required=True)
    temperature_c = graphene.Float(description="the last reading; null when there is none")
    min_c = graphene.Float(required=True)
    max_c = graphene.Float(required=True)


class FreeCellsType(graphene.ObjectType):
    class Meta:
        name = "FreeCells"

    zone = graphene.String(required=True)
    size = graphene.String(required=True)
    count = graphene.Int(required=True)


class CabinetType(graphene.ObjectType):
    class Meta:
        name = "Cabinet"

    id = graphene.ID(required=True)
    device = graphene.String(required=True)
    name = graphene.String(required=True)
    kind = graphene.String(required=True)
    place = graphene.Field(PlaceType, required=True)
    site_kind = graphene.String(required=True)
    online = graphene.Boolean(required=True)
    last_seen = graphene.DateTime()
    locked_out_until = graphene.DateTime()
    zones = graphene.List(graphene.NonNull(CabinetZoneType), required=True)
    free = graphene.List(graphene.NonNull(FreeCellsType), required=True)
    compartments = graphene.List(graphene.NonNull(CompartmentType), required=True)
    operator = graphene.String(required=True, description="the firm that keeps it, where it is written")
    camera = graphene.String(description="the recorder's channel; null for who does not operate the cabinet")

    def resolve_id(cabinet, info):
        return cabinet.uuid

    def resolve_camera(cabinet, info):
        operates = info.context.principal.has("cabinet_operator", cabinet.site.place.county.uuid)
        return cabinet.camera if operates else None

    def resolve_device(cabinet, info):
        return cabinet.device.device

    def resolve_place(cabinet, info):
        return cabinet.site.place

    def resolve_site_kind(cabinet, info):
        return cabinet.site.kind

    def resolve_online(cabinet, info):
        return cabinet.device.online and not cabinet.is_silent

    def resolve_last_seen(cabinet, info):
        return cabinet.device.last_seen

    def resolve_zones(cabinet, info):
        latest = info.context.loaders.setdefault("cabinet_temperatures", {})
        if cabinet.uuid not in latest:
            everyone = getattr(cabinet, "siblings", [cabinet.uuid])
            latest.update({uuid: {} for uuid in everyone})
            for (asset, zone), c in latest_c(asset_uuids=everyone).items():
                latest[asset] = {**latest[asset], zone: c}
        return [
            CabinetZoneType(
                zone=each.zone,
                temperature_c=latest[cabinet.uuid].get(each.zone),
                min_c=each.min_c,
                max_c=each.max_c,
            )
            for each in cabinet.zones.all()
        ]

    def resolve_free(cabinet, info):
        counts: dict[tuple[str, str], int] = {}
        for each in cabinet.compartments.all():
            if each.blocked_at is None and not each.live and each.door_state == "closed":
                counts[each.zone, each.size] = counts.get((each.zone, each.size), 0) + 1
        return [FreeCellsType(zone=zone, size=size, count=n) for (zone, size), n in sorted(counts.items())]

    def resolve_compartments(cabinet, info):
        return cabinet.compartments.all()


def _cabinets():
    live = Prefetch("allocations", Allocation.objects.filter(LIVE_ALLOCATION), to_attr="live")
    compartments = Compartment.objects.order_by("door").prefetch_related(live)
    return (
        Cabinet.objects.filter(withdrawn_at=None)
        .select_related("device", "site__place__county")
        .prefetch_related("zones", Prefetch("compartments", compartments))
        .order_by("site__place__county__code", "name", "id")
    )


def _with_silence(cabinets):
    rows = list(cabinets)
    quiet = set(Cabinet.objects.filter(silent()).values_list("pk", flat=True))
    for row in rows:
        row.is_silent = row.pk in quiet
        row.siblings = [each.uuid for each in rows]
    return rows


class Query(graphene.ObjectType):
    cabinets = graphene.List(graphene.NonNull(CabinetType), required=True, county_code=graphene.String())
    cabinet = graphene.Field(CabinetType, id=graphene.ID(required=True))
    operated_cabinets = graphene.List(
        graphene.NonNull(CabinetType), required=True, description="those that the asker keeps"
    )

    @guarded(PUBLIC)
    def resolve_cabinets(root, info, county_code=None):
        cabinets = _cabinets()
        if county_code:
            cabinets = cabinets.filter(site__place__county__code=county_code)
        return _with_silence(cabinets)

    @guarded(PUBLIC)
    def resolve_cabinet(root, info, id):
        found = _with_silence(_cabinets().filter(uuid=parse_uuid(id, "id")))
        return found[0] if found else None

    @guarded(OPERATORS)
    def resolve_operated_cabinets(root, info):
        mine = operated_cabinets(principal=info.context.principal)
        return _with_silence(_cabinets().filter(pk__in=mine.values("pk")))


class CommandType(graphene.ObjectType):
    class Meta:
        name = "DeviceCommand"

    id = graphene.ID(required=True)
    action = graphene.String(required=True)
    status = graphene.String(required=True)
    result = graphene.String()

    def resolve_id(command, info):
        return command.uuid

    def resolve_result(command, info):
        return command.result or None


class OpenWithReason(Command):
    class Arguments:
        compartment_id = graphene.ID(required=True)
        reason = graphene.String(required=True)

    command = graphene.Field(CommandType)
    rule = OPERATORS
    idempotent = True

    @classmethod
    def perform(cls, principal, *, compartment_id, reason):
        uuid = parse_uuid(compartment_id, "compartment_id")
        command = blocks.open_with_reason(principal=principal, compartment_uuid=uuid, reason=reason)
        return {"command": command}


class BlockCompartment(Command):
    class Arguments:
        compartment_id = graphene.ID(required=True)
        reason = graphene.String(required=True)

    compartment = graphene.Field(CompartmentType)
    rule = OPERATORS

    @classmethod
    def perform(cls, principal, *, compartment_id, reason):
        uuid = parse_uuid(compartment_id, "compartment_id")
        blocks.block_compartment(principal=principal, compartment_uuid=uuid, reason=reason)
        return {"compartment": _compartment(uuid)}


class UnblockCompartment(Command):
    class Arguments:
        compartment_id = graphene.ID(required=True)

    compartment = graphene.Field(CompartmentType)
    rule = OPERATORS

    @classmethod
    def perform(cls, principal, *, compartment_id):
        uuid = parse_uuid(compartment_id, "compartment_id")
        blocks.unblock_compartment(principal=principal, compartment_uuid=uuid)
        return {"compartment": _compartment(uuid)}


class ReleaseHeldParcels(Command):
    class Arguments:
        breach_id = graphene.ID(required=True)
        decision = graphene.String(required=True, description="release or discard")

    breach = graphene.Field(BreachType)
    rule = OPERATORS

    @classmethod
    def perform(cls, principal, *, breach_id, decision):
        uuid = parse_uuid(breach_id, "breach_id")
        breach = blocks.release_held_parcels(principal=principal, breach_uuid=uuid, decision=decision)
        return {"breach": breach}


def _compartment(uuid):
    live = Prefetch("allocations", Allocation.objects.filter(LIVE_ALLOCATION), to_attr="live")
    return Compartment.objects.prefetch_related(live).get(uuid=uuid)


class Mutation(graphene.ObjectType):
    open_with_reason = OpenWithReason.Field()
    block_compartment = BlockCompartment.Field()
    unblock_compartment = UnblockCompartment.Field()
    release_held_parcels = ReleaseHeldParcels.Field()
