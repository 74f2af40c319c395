"""Temperature recorders (温度记录仪) of vans, stations' fridges and cold rooms, on the cabinets' own wire."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from lockers.models import Device
from lockers.protocol.envelope import is_device_id
from lockers.services.cabinets import CONFIG_CHANNEL, notify
from marketplace.kernel.errors import N_, Conflict, InvalidInput
from marketplace.kernel.temperature import Band
from marketplace.telemetry.models import AssetKind
from marketplace.telemetry.services import Asset, register_probe

RECORDED = (AssetKind.VEHICLE, AssetKind.FRIDGE, AssetKind.HUB_ROOM)


@dataclass(frozen=True, slots=True)
class Watched:
    """One probe of it: what it calls it, the zone it hangs in, and the band that must be kept there."""

    label: str
    zone: str
    band: Band


def register_recorder(
    *, device: str, asset_kind: str, asset_uuid: UUID, probes: Sequence[Watched], simulated: bool = False
) -> Device:
    """A recorder with its probes. Raises InvalidInput naming the field, Conflict for a name that is taken."""
    if not is_device_id(device):
        raise InvalidInput(N_("设备编号只能用字母、数字、- 和 _"), field="device")
    if asset_kind not in RECORDED:
        raise InvalidInput(N_("记录仪只用于车辆、冰箱和冷间"), field="asset_kind")
    labels = {each.label for each in probes}
    if not probes or len(labels) < len(probes) or not all(0 < len(label) <= 40 for label in labels):
        raise InvalidInput(N_("每个探头要有不同的名称"), field="probes")
    with transaction.atomic():
        made: Device
        made, fresh = Device.objects.get_or_create(
            device=device,
            defaults={"asset_kind": asset_kind, "asset_uuid": asset_uuid, "simulated": simulated},
        )
        if not fresh:
            raise Conflict(N_("设备编号已被使用"), field="device", code="device_taken")
        for each in probes:
            register_probe(
                device=device,
                label=each.label,
                asset=Asset(asset_kind, asset_uuid, each.zone),
                band=each.band,
            )
        notify(CONFIG_CHANNEL)
    return made
