"""Cabinets put up by table: all faults first, all rows or none, the same table again changes nothing, one act
to undo while nothing has happened there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.deletion import ProtectedError

from lockers.errors import SitesInUse
from lockers.models import Allocation, Cabinet, CapacityHold, Compartment, Device, HoldStatus, SiteImport
from lockers.services.access import counties_of
from lockers.services.devices.registration import BROKER_CHANNEL
from lockers.services.sites.cabinets import (
    CONFIG_CHANNEL,
    COOLED,
    SIZES,
    CellSpec,
    notify,
    register_cabinet,
)
from lockers.services.sites.site_rows import MOST_CELLS, RowReader, Section, SiteFacts, SiteRow, column_of
from marketplace.accounts.models import DeliveryConsent
from marketplace.database.locks import lock_key
from marketplace.documents.tables import Line, RowFault, read_table
from marketplace.kernel import clock
from marketplace.kernel.errors import N_, Conflict, Forbidden, InvalidInput, NotFound
from marketplace.kernel.geo import great_circle_m
from marketplace.kernel.principal import Principal
from marketplace.places.models import County, Hub, Place, PlaceKind, Site
from marketplace.telemetry.models import Probe

#: a point as written twice, once perhaps with fewer digits
SAME_POINT_M = 5.0
ROLES = ("cabinet_operator", "platform")


@dataclass(frozen=True, slots=True)
class CabinetPlan:
    """A cabinet as the table wants it. `status`: new, or there when it stands so already."""

    row: int
    site: SiteFacts
    site_is_new: bool
    device: str
    name: str
    operator: str
    camera: str
    sections: tuple[Section, ...]
    status: str

    @property
    def cells(self) -> int:
        return sum(sum(section.counts) for section in self.sections)


@dataclass(slots=True)
class SitesResult:
    """`ready` is the preview; `batch` is there only when something was written."""

    ready: list[CabinetPlan] = field(default_factory=list)
    faults: list[RowFault] = field(default_factory=list)
    batch: SiteImport | None = None


def import_sites(*, principal: Principal, name: str, data: bytes, dry_run: bool) -> SitesResult:
    """Check every row; put up all cabinets that are not there yet when no cell is bad and it is no dry run.

    Raises Forbidden, InvalidInput on `file`; bad cells are in the result, not raised.
    """
    principal.require(ROLES)
    lines = read_table(name=name, data=data)
    with transaction.atomic():
        lock_key("sites")  # the same table sent twice at once: the second finds the first's cabinets
        result = _checked(principal, lines)
        new = [plan for plan in result.ready if plan.status == "new"]
        if new and not dry_run and not result.faults:
            result.batch = _put_up(principal, name, new)
    return result


def undo_site_import(*, principal: Principal, import_uuid: UUID) -> SiteImport:
    """Take all cabinets of a table away, and the sites that it made. Twice is the same.

    Raises NotFound, Forbidden, SitesInUse when a parcel is or was expected at one of them, or when a cabinet
    has started up, and then changes nothing.
    """
    with transaction.atomic():
        lock_key("sites")
        batch: SiteImport | None = SiteImport.objects.filter(uuid=import_uuid).first()
        if batch is None:
            raise NotFound(field="id")
        allowed = counties_of(principal)
        if allowed is not None and not set(batch.county_uuids) <= allowed:
            raise Forbidden()
        if batch.undone_at is not None:
            return batch
        cabinets = list(batch.made.select_related("device", "site__place").order_by("pk"))
        for place in sorted({cabinet.site.place.uuid for cabinet in cabinets}):
            lock_key(f"cells:{place}")  # a checkout that counts these cells comes before or after
        for cabinet in cabinets:
            _require_unused(cabinet)
        try:
            _take_away(batch, cabinets)
        except ProtectedError as error:
            raise SitesInUse(field="id", params={"name": batch.name}) from error
        batch.undone_at = clock.now()
        batch.save(update_fields=["undone_at"])
    return batch


def site_imports(*, principal: Principal) -> QuerySet[SiteImport]:
    """Tables that put cabinets up where the asker operates some, newest first."""
    batches: QuerySet[SiteImport] = SiteImport.objects.order_by("-pk")
    allowed = counties_of(principal)
    return batches if allowed is None else batches.filter(county_uuids__contained_by=sorted(allowed))


# -- reading -------------------------------------------------------------------------------------------------


def _checked(principal: Principal, lines: Sequence[Line]) -> SitesResult:
    reader = RowReader(
        counties=list(County.objects.defer("outline").order_by("code")),
        hubs=list(Hub.objects.select_related("place")),
        allowed=counties_of(principal),
    )
    result = SitesResult()
    rows: list[tuple[Line, SiteRow]] = []
    for line in lines:
        read = reader.read(line)
        if isinstance(read, SiteRow):
            rows.append((line, read))
        else:
            result.faults += read
    result.faults += _disagreements(rows)
    told = {fault.row for fault in result.faults}
    known = _Known([row for _, row in rows])
    by_device: dict[str, list[tuple[Line, SiteRow]]] = {}
    for line, row in rows:
        by_device.setdefault(row.device, []).append((line, row))
    for members in by_device.values():
        if any(row.row in told for _, row in members):
            continue
        plan = known.plan(members, result.faults)
        if plan is not None:
            result.ready.append(plan)
    result.ready.sort(key=lambda plan: plan.row)
    result.faults.sort(key=lambda fault: fault.row)
    return result


def _disagreements(rows: Iterable[tuple[Line, SiteRow]]) -> list[RowFault]:
    """A site with two faces, a cabinet at two sites, a zone twice in one cabinet."""
    sites: dict[str, SiteRow] = {}
    cabinets: dict[str, SiteRow] = {}
    zones: dict[tuple[str, str], int] = {}
    faults = []

    def refuse(line: Line, key: str, message: str, first: int) -> None:
        error = InvalidInput(message, field=key, params={"row": first})
        faults.append(RowFault(line.row, column_of(line, key), error))

    for line, row in rows:
        site = sites.setdefault(row.site.code, row)
        if site.site != row.site:
            refuse(line, "code", N_("站点编号与第 %(row)s 行相同，内容却不同"), site.row)
        cabinet = cabinets.setdefault(row.device, row)
        if cabinet.site.code != row.site.code:
            refuse(line, "device", N_("柜机编号与第 %(row)s 行重复"), cabinet.row)
        elif (cabinet.cabinet, cabinet.operator, cabinet.camera) != (row.cabinet, row.operator, row.camera):
            refuse(line, "device", N_("柜机编号与第 %(row)s 行相同，内容却不同"), cabinet.row)
        elif (row.device, row.section.zone) in zones:
            first = zones[row.device, row.section.zone]
            refuse(line, "zone", N_("这台柜机的温区与第 %(row)s 行重复"), first)
        zones.setdefault((row.device, row.section.zone), row.row)
    return faults


class _Known:
    """Sites and devices that the rows name and that are there already, looked up once."""

    def __init__(self, rows: Sequence[SiteRow]) -> None:
        sites = Site.objects.filter(code__in={row.site.code for row in rows}).select_related("place", "hub")
        self._sites = {site.code: site for site in sites}
        devices = Device.objects.filter(device__in={row.device for row in rows})
        self._devices = {each.device: each for each in devices.select_related("cabinet__site")}

    def plan(self, members: Sequence[tuple[Line, SiteRow]], faults: list[RowFault]) -> CabinetPlan | None:
        """The cabinet that the rows describe; None, and what is wrong, when it cannot be put up so."""
        line, first = members[0]
        sections = tuple(row.section for _, row in members)
        cells = sum(sum(section.counts) for section in sections)
        if cells > MOST_CELLS:
            most = InvalidInput(
                N_("一台柜机最多 %(most)s 个格口"), field="S", params={"most": MOST_CELLS}
            )  # fmt: skip
            faults.append(RowFault(line.row, column_of(line, "S"), most))
            return None
        found = self._sites.get(first.site.code)
        if found is not None and (other := _differs(found, first.site)):
            error = Conflict(N_("与已登记的站点不同"), field=other)
            faults.append(RowFault(line.row, column_of(line, other), error))
            return None
        device = self._devices.get(first.device)
        if device is not None and not _is_the_same(device, first, sections):
            error = Conflict(N_("柜机编号已登记，站点或格口不同"), field="device", code="device_taken")
            faults.append(RowFault(line.row, column_of(line, "device"), error))
            return None
        status = "new" if device is None else "there"
        return CabinetPlan(
            first.row, first.site, found is None, first.device, first.cabinet, first.operator, first.camera,
            sections, status,
        )  # fmt: skip


def _differs(site: Site, facts: SiteFacts) -> str | None:
    """The column in which the table says something else than what stands."""
    place = site.place
    pairs = {
        "name": (place.name, facts.name),
        "name_en": (place.name_en, facts.name_en),
        "county": (place.county_id, facts.county.pk),
        "hub": (site.hub_id, facts.hub.pk),
        "kind": (site.kind, facts.kind),
        "address": (place.address, facts.address),
        "opens": (place.opens, facts.opens),
        "closes": (place.closes, facts.closes),
    }
    for key, (stands, written) in pairs.items():
        if stands != written:
            return key
    return "lon" if great_circle_m(place.lon_lat, facts.at) > SAME_POINT_M else None


def _is_the_same(device: Device, row: SiteRow, sections: Sequence[Section]) -> bool:
    cabinet = device.cabinet
    if cabinet is None or cabinet.site.code != row.site.code or cabinet.withdrawn_at is not None:
        return False
    wanted = Counter((spec.zone, spec.size, spec.band) for spec in _specs(sections))
    cells = (compartment.cell for compartment in Compartment.objects.filter(cabinet=cabinet))
    return wanted == Counter((cell.zone, cell.size.value, cell.band) for cell in cells)


# -- writing -------------------------------------------------------------------------------------------------


def _put_up(principal: Principal, name: str, plans: Sequence[CabinetPlan]) -> SiteImport:
    sites = {site.code: site for site in Site.objects.filter(code__in={plan.site.code for plan in plans})}
    made = {plan.site.code: plan.site for plan in plans if plan.site.code not in sites}
    sites |= {code: _site(facts) for code, facts in made.items()}
    batch: SiteImport = SiteImport.objects.create(
        name=name[-120:],
        county_uuids=sorted({plan.site.county.uuid for plan in plans}),
        site_uuids=[sites[code].uuid for code in made],
        cabinets=len(plans),
        actor_uuid=principal.user_uuid,
        imported_at=clock.now(),
    )
    for plan in plans:
        cooled = any(section.zone in COOLED for section in plan.sections)
        register_cabinet(
            site=sites[plan.site.code],
            device=plan.device,
            name=plan.name,
            kind="cold" if cooled else "parcel",
            cells=_specs(plan.sections),
            operator=plan.operator,
            camera=plan.camera,
            batch=batch,
        )
    return batch


def _site(facts: SiteFacts) -> Site:
    place = Place.objects.create(
        kind=PlaceKind.CABINET_SITE,
        name=facts.name,
        name_en=facts.name_en,
        address=facts.address,
        county=facts.county,
        lon=facts.at.lon,
        lat=facts.at.lat,
        opens=facts.opens,
        closes=facts.closes,
    )
    site: Site = Site.objects.create(place=place, hub=facts.hub, kind=facts.kind, code=facts.code)
    return site


def _specs(sections: Iterable[Section]) -> list[CellSpec]:
    """Doors from 1 upwards: sections in the table's order, small cells first; labels count with the doors."""
    kinds = [
        (section, size.value)
        for section in sections
        for size, count in zip(SIZES, section.counts, strict=True)
        for _ in range(count)
    ]
    return [
        CellSpec(label=f"{door:02d}", zone=section.zone.value, size=size, band=section.band)
        for door, (section, size) in enumerate(kinds, start=1)
    ]


# -- undoing -------------------------------------------------------------------------------------------------


def _require_unused(cabinet: Cabinet) -> None:
    place = cabinet.site.place.uuid
    holds = CapacityHold.objects.filter(Q(place_uuid=place) | Q(place_uuids__contains=[str(place)]))
    expected = holds.exclude(status__in=[HoldStatus.EXPIRED, HoldStatus.RELEASED]).exists()
    came = Allocation.objects.filter(compartment__cabinet=cabinet).exists()
    device = cabinet.device
    if expected or came or device.registered_at is not None or device.boot or device.messages.exists():
        raise SitesInUse(field="id", params={"name": cabinet.name})


def _take_away(batch: SiteImport, cabinets: Sequence[Cabinet]) -> None:
    """Cells, zones, probes, controllers and tokens with them; who agreed to a site has agreed to nothing."""
    for cabinet in cabinets:
        device = cabinet.device
        Probe.objects.filter(device=device.device, asset_uuid=cabinet.uuid).delete()
        device.registration_tokens.all().delete()
        device.delete()
        cabinet.delete()
    sites = Site.objects.filter(uuid__in=batch.site_uuids).select_related("place")
    places = [site.place for site in sites]
    consents = DeliveryConsent.objects.filter(place_uuid__in=[place.uuid for place in places])
    consents.filter(withdrawn_at=None).update(withdrawn_at=clock.now())
    sites.delete()
    Place.objects.filter(pk__in=[place.pk for place in places]).delete()
    notify(CONFIG_CHANNEL)
    notify(BROKER_CHANNEL)
