"""Putting up cabinets, and whether one can be counted on."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet

from lockers.models import Cabinet, CabinetKind, CabinetZone, Compartment, Device, SiteImport
from lockers.protocol.allocation import Cell
from lockers.protocol.doors import DoorState
from marketplace.kernel import clock, ids
from marketplace.kernel.temperature import Band, Zone
from marketplace.kernel.units import Size
from marketplace.places.models import Site
from marketplace.telemetry.services import Asset, register_probe

#: a cabinet that has said nothing for this long (wire time) is not offered; it still serves with what it has
SILENT_AFTER = timedelta(minutes=10)
CONFIG_CHANNEL = "lockers_config"
SIZES = (Size.S, Size.M, Size.L)
COOLED = frozenset({Zone.COOL, Zone.CHILLED, Zone.FROZEN})


@dataclass(frozen=True, slots=True)
class CellSpec:
    label: str
    zone: str
    size: str
    band: Band
    accessible: bool = False


def register_cabinet(
    *,
    site: Site,
    device: str,
    name: str,
    kind: str,
    cells: Sequence[CellSpec],
    uuid: UUID | None = None,
    simulated: bool = False,
    operator: str = "",
    camera: str = "",
    batch: SiteImport | None = None,
) -> Cabinet:
    """A cabinet with its controller, cells (doors number from 1 in their order) and a probe per cooled zone.

    Until the device is heard of it is silent; a simulated one is put up by the ingest process by itself.
    """
    with transaction.atomic():
        cabinet: Cabinet = Cabinet.objects.create(
            uuid=uuid or ids.uuid7(), site=site, name=name, kind=CabinetKind(kind),
            operator=operator, camera=camera, batch=batch,
        )  # fmt: skip
        Device.objects.create(device=device, cabinet=cabinet, simulated=simulated)
        Compartment.objects.bulk_create(
            Compartment(
                cabinet=cabinet,
                door=door,
                label=cell.label,
                zone=cell.zone,
                size=cell.size,
                min_c=cell.band.min_c,
                max_c=cell.band.max_c,
                accessible=cell.accessible,
            )
            for door, cell in enumerate(cells, start=1)
        )
        for zone in sorted({cell.zone for cell in cells} & COOLED):
            _fit_zone(cabinet, device, zone, [cell.band for cell in cells if cell.zone == zone])
        notify(CONFIG_CHANNEL)
    return cabinet


def probe_label(zone: str) -> str:
    return f"{zone}-1"


def silent() -> Q:
    """Cabinets not to be offered, as a condition on Cabinet."""
    heard = Q(device__online=True) | Q(device__last_seen__gte=clock.wall() - SILENT_AFTER)
    return ~heard | Q(device__revoked_at__isnull=False)


def offered() -> QuerySet[Cabinet]:
    cabinets: QuerySet[Cabinet] = Cabinet.objects.filter(withdrawn_at=None).exclude(silent())
    return cabinets


def cell_classes(place_uuids: Collection[UUID]) -> Mapping[UUID, Counter[Cell]]:
    """Cells in service by place, counted by class (`door` 0). A silent cabinet's cells are not offered."""
    found: dict[UUID, Counter[Cell]] = {uuid: Counter() for uuid in place_uuids}
    rows = Compartment.objects.filter(
        cabinet__in=offered(), cabinet__site__place__uuid__in=place_uuids, blocked_at=None
    ).exclude(door_state__in=[DoorState.JAMMED, DoorState.OUT_OF_SERVICE])
    for row in rows.annotate(place_uuid=F("cabinet__site__place__uuid")):
        found[row.place_uuid][replace(row.cell, door=0)] += 1
    return found


def touch_config(cabinet_ids: Iterable[int]) -> None:
    """The cabinets must hear of a change; the ingest process sends it after the commit."""
    Device.objects.filter(cabinet_id__in=sorted(set(cabinet_ids))).update(
        config_version=F("config_version") + 1
    )
    notify(CONFIG_CHANNEL)


def notify(channel: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"NOTIFY {channel}")


def _fit_zone(cabinet: Cabinet, device: str, zone: str, bands: Sequence[Band]) -> None:
    band = bands[0]
    for other in bands[1:]:
        shared = band.strictest(other)
        if shared is None:
            raise ValueError(f"{device}: cells of zone {zone} share no temperature")
        band = shared
    CabinetZone.objects.create(
        cabinet=cabinet, zone=zone, set_c=(band.min_c + band.max_c) / 2, min_c=band.min_c, max_c=band.max_c
    )
    asset = Asset("cabinet", cabinet.uuid, zone, cabinet.site.place.county.uuid)
    register_probe(device=device, label=probe_label(zone), asset=asset, band=band)
