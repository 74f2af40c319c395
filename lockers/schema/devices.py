"""Devices for those who keep them: controllers, recorders, tag readers; tokens and the end of one."""

import graphene

from lockers.schema.cabinets import OPERATORS
from lockers.services.devices import keeping, recorders
from lockers.services.messages import rfid
from marketplace.api.guard import guarded, roles
from marketplace.api.mutations import Command
from marketplace.kernel.errors import N_, InvalidInput
from marketplace.kernel.ids import parse_uuid
from marketplace.kernel.temperature import Band
from marketplace.kernel.units import require_between

MOST = 500
KEEPERS = roles("information_officer", "hub_operator")


class KeptDeviceType(graphene.ObjectType):
    class Meta:
        name = "KeptDevice"

    id = graphene.ID(required=True)
    device = graphene.String(required=True)
    kind = graphene.String(required=True, description="cabinet, recorder or reader")
    asset_kind = graphene.String(description="of a recorder: vehicle, fridge or hub_room")
    asset_id = graphene.ID(required=True, description="of the cabinet, or of what it stands at")
    generation = graphene.Int(required=True)
    registered_at = graphene.DateTime(description="it fetched the key of this generation itself")
    revoked_at = graphene.DateTime()
    online = graphene.Boolean(required=True)
    last_seen = graphene.DateTime()
    firmware = graphene.String(required=True)
    carrier = graphene.String(description="a maker's platform that it is reached through")

    def resolve_id(device, info):
        return device.uuid

    def resolve_kind(device, info):
        if device.cabinet_id is not None:
            return "cabinet"
        return "reader" if hasattr(device, "reader") else "recorder"

    def resolve_asset_kind(device, info):
        return device.asset_kind or None

    def resolve_asset_id(device, info):
        return device.cabinet.uuid if device.cabinet_id is not None else device.asset_uuid

    def resolve_carrier(device, info):
        return device.carrier or None


class UnknownTagType(graphene.ObjectType):
    class Meta:
        name = "UnknownTag"

    epc = graphene.String(required=True)
    reader = graphene.String(required=True)
    antenna = graphene.Int(required=True)
    first_at = graphene.DateTime(required=True)
    last_at = graphene.DateTime(required=True)

    def resolve_reader(sighting, info):
        return sighting.reader.device.device


class RecordableType(graphene.ObjectType):
    """A van, a station (its fridge) or a hub (its cold room)."""

    class Meta:
        name = "RecordableAsset"

    kind = graphene.String(required=True)
    id = graphene.ID(required=True)
    name = graphene.String(required=True)
    county = graphene.String(required=True)

    def resolve_id(asset, info):
        return asset.uuid


class Query(graphene.ObjectType):
    recordable_assets = graphene.List(
        graphene.NonNull(RecordableType),
        required=True,
        kind=graphene.String(required=True, description="vehicle, fridge or hub_room"),
        search=graphene.String(default_value=""),
        first=graphene.Int(default_value=200),
    )
    devices = graphene.List(
        graphene.NonNull(KeptDeviceType), required=True, first=graphene.Int(default_value=200)
    )
    unknown_tags = graphene.List(
        graphene.NonNull(UnknownTagType), required=True, first=graphene.Int(default_value=50)
    )

    @guarded(OPERATORS)
    def resolve_recordable_assets(root, info, kind, search, first):
        most = require_between(first, 1, MOST, "first")
        return recorders.recordable(
            principal=info.context.principal, kind=kind, search=search, first=most
        )  # fmt: skip

    @guarded(OPERATORS)
    def resolve_devices(root, info, first):
        most = require_between(first, 1, MOST, "first")
        return list(keeping.kept_devices(principal=info.context.principal)[:most])

    @guarded(OPERATORS)
    def resolve_unknown_tags(root, info, first):
        most = require_between(first, 1, MOST, "first")
        return list(rfid.unknown_tags(principal=info.context.principal)[:most])


class IssueDeviceToken(Command):
    class Arguments:
        device_id = graphene.ID(required=True)

    token = graphene.String(description="shown once; a later one voids it")
    rule = OPERATORS

    @classmethod
    def perform(cls, principal, *, device_id):
        uuid = parse_uuid(device_id, "device_id")
        return {"token": keeping.issue_device_token(principal=principal, device_uuid=uuid)}


class RevokeDevice(Command):
    class Arguments:
        device_id = graphene.ID(required=True)
        reason = graphene.String(required=True)

    device = graphene.Field(KeptDeviceType)
    rule = OPERATORS

    @classmethod
    def perform(cls, principal, *, device_id, reason):
        uuid = parse_uuid(device_id, "device_id")
        return {"device": keeping.revoke_device(principal=principal, device_uuid=uuid, reason=reason)}


class RegisterReader(Command):
    class Arguments:
        device = graphene.String(required=True)
        holder_kind = graphene.String(required=True, description="hub or station")
        holder_id = graphene.ID(required=True)

    device = graphene.Field(KeptDeviceType)
    rule = OPERATORS

    @classmethod
    def perform(cls, principal, *, device, holder_kind, holder_id):
        uuid = parse_uuid(holder_id, "holder_id")
        reader = rfid.register_reader(
            principal=principal, device=device, holder_kind=holder_kind, holder_uuid=uuid
        )
        return {"device": reader.device}


class RecorderProbe(graphene.InputObjectType):
    label = graphene.String(required=True, description="what the recorder calls it")
    zone = graphene.String(required=True)
    min_c = graphene.Float(required=True, description="of the band that must be kept there")
    max_c = graphene.Float(required=True)


class RegisterRecorder(Command):
    """A temperature recorder. Its key it fetches with a token of issueDeviceToken, as every device does."""

    class Arguments:
        device = graphene.String(required=True)
        asset_kind = graphene.String(required=True, description="vehicle, fridge or hub_room")
        asset_id = graphene.ID(required=True, description="of the van, the station or the hub")
        probes = graphene.List(graphene.NonNull(RecorderProbe), required=True)

    device = graphene.Field(KeptDeviceType)
    rule = OPERATORS

    @classmethod
    def perform(cls, principal, *, device, asset_kind, asset_id, probes):
        made = recorders.put_up_recorder(
            principal=principal,
            device=device,
            asset_kind=asset_kind,
            asset_uuid=parse_uuid(asset_id, "asset_id"),
            probes=[_watched(probe, f"probes[{index}]") for index, probe in enumerate(probes)],
        )
        return {"device": made}


def _watched(probe, path):
    try:
        return recorders.Watched(probe["label"].strip(), probe["zone"], Band(probe["min_c"], probe["max_c"]))
    except ValueError:
        raise InvalidInput(N_("温度范围不合理"), field=f"{path}.min_c") from None


class BindTag(Command):
    class Arguments:
        unit_id = graphene.ID(required=True)
        epc = graphene.String(required=True, description="24 hexadecimal digits")

    epc = graphene.String()
    rule = KEEPERS

    @classmethod
    def perform(cls, principal, *, unit_id, epc):
        tag = rfid.bind_tag(principal=principal, epc=epc, unit_uuid=parse_uuid(unit_id, "unit_id"))
        return {"epc": tag.epc}


class Mutation(graphene.ObjectType):
    issue_device_token = IssueDeviceToken.Field()
    revoke_device = RevokeDevice.Field()
    register_reader = RegisterReader.Field()
    register_recorder = RegisterRecorder.Field()
    bind_tag = BindTag.Field()
