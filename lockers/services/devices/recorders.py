"""Temperature recorders (温度记录仪) of vans, stations' fridges and cold rooms, on the cabinets' own wire."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from farmers.models import Station
from lockers.models import Device
from lockers.protocol.envelope import is_device_id
from lockers.services.access import counties_of
from lockers.services.sites.cabinets import CONFIG_CHANNEL, notify
from marketplace.kernel.errors import N_, Conflict, InvalidInput, NotFound
from marketplace.kernel.principal import Principal
from marketplace.kernel.temperature import READABLE, Band, Zone
from marketplace.places.models import Hub, Vehicle
from marketplace.telemetry.models import AssetKind
from marketplace.telemetry.services import Asset, register_probe

MOST_PROBES = 16
RECORDED = (AssetKind.VEHICLE, AssetKind.FRIDGE, AssetKind.HUB_ROOM)


@dataclass(frozen=True, slots=True)
class Watched:
    """One probe of it: what it calls it, the zone it hangs in, and the band that must be kept there."""

    label: str
    zone: str
    band: Band


@dataclass(frozen=True, slots=True)
class Recordable:
    """A van, a station (its fridge) or a hub (its cold room) that a recorder can be hung into."""

    kind: str
    uuid: UUID
    name: str
    county: str


def recordable(*, principal: Principal, kind: str, search: str, first: int) -> list[Recordable]:
    """What of that kind stands in the counties whose cabinets the asker operates. Raises InvalidInput."""
    rows, county = _assets(kind)
    counties = counties_of(principal)
    if counties is not None:
        rows = rows.filter(**{f"{county}__uuid__in": counties})
    if search.strip():
        rows = rows.filter(name__icontains=search.strip())
    found = rows.order_by("name", "pk").values_list("uuid", "name", f"{county}__name")[:first]
    return [Recordable(kind, uuid, name, where) for uuid, name, where in found]


def put_up_recorder(
    *, principal: Principal, device: str, asset_kind: str, asset_uuid: UUID, probes: Sequence[Watched]
) -> Device:
    """A real recorder at a thing of the asker's county, whose people its alarms go to. It needs a token next.

    Raises NotFound, Forbidden, InvalidInput naming the field, Conflict for a name that is taken.
    """
    rows, county = _assets(asset_kind)
    county_uuid = rows.filter(uuid=asset_uuid).values_list(f"{county}__uuid", flat=True).first()
    if county_uuid is None:
        raise NotFound(field="asset_id")
    principal.require("cabinet_operator", county_uuid)
    for index, each in enumerate(probes):
        _check(each, f"probes[{index}]")
    return register_recorder(
        device=device, asset_kind=asset_kind, asset_uuid=asset_uuid, probes=probes, county_uuid=county_uuid
    )


def _assets(kind: str) -> tuple[QuerySet[Any], str]:
    """The rows that this kind of asset is, and the way to their county."""
    if kind == AssetKind.VEHICLE:
        return Vehicle.objects.filter(active=True), "hub__county"
    if kind == AssetKind.FRIDGE:
        return Station.objects.filter(active=True), "county"
    if kind == AssetKind.HUB_ROOM:
        return Hub.objects.all(), "county"
    raise InvalidInput(N_("记录仪只用于车辆、冰箱和冷间"), field="asset_kind")


def _check(probe: Watched, path: str) -> None:
    if probe.zone not in set(Zone):
        raise InvalidInput(N_("没有这个温区"), field=f"{path}.zone")
    band = probe.band
    if not (READABLE.holds(band.min_c) and READABLE.holds(band.max_c)) or band.min_c >= band.max_c:
        raise InvalidInput(N_("温度范围不合理"), field=f"{path}.min_c")


def register_recorder(
    *,
    device: str,
    asset_kind: str,
    asset_uuid: UUID,
    probes: Sequence[Watched],
    county_uuid: UUID | None = None,
    simulated: bool = False,
) -> Device:
    """A recorder with its probes. Raises InvalidInput naming the field, Conflict for a name that is taken."""
    if not is_device_id(device):
        raise InvalidInput(N_("设备编号只能用字母、数字、- 和 _"), field="device")
    if asset_kind not in RECORDED:
        raise InvalidInput(N_("记录仪只用于车辆、冰箱和冷间"), field="asset_kind")
    labels = {each.label for each in probes}
    if len(probes) > MOST_PROBES:
        raise InvalidInput(
            N_("一台记录仪最多 %(most)s 个探头"), field="probes", params={"most": MOST_PROBES}
        )  # fmt: skip
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
                asset=Asset(asset_kind, asset_uuid, each.zone, county_uuid),
                band=each.band,
            )
        notify(CONFIG_CHANNEL)
    return made
