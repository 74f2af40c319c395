"""Labels for what people handle: parcels with their recipient masked, crates, lots, shelf places (H1, I6)."""

import re
from collections.abc import Callable, Mapping
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext

from catalog.models import Lot
from farmers.models import Station
from marketplace.custody.models import HandlingUnit
from marketplace.documents.labels import WAYBILL_MM, Label, labels_pdf, labels_zpl
from marketplace.kernel.errors import N_, Forbidden, InvalidInput, NotFound
from marketplace.kernel.principal import Principal
from marketplace.kernel.texts import require_text
from marketplace.places.models import Vehicle
from orders.models import Fulfilment
from orders.services.notices import recipient_masked

FORMATS: Mapping[str, tuple[Callable[[list[Label]], bytes], str]] = {
    "pdf": (labels_pdf, "application/pdf"),
    "zpl": (lambda labels: labels_zpl(labels).encode(), "application/zpl; charset=utf-8"),
}
ZONES = {"ambient": N_("常温"), "cool": N_("阴凉"), "chilled": N_("冷藏"), "frozen": N_("冷冻")}
HUB_STAFF = ("hub_operator", "dispatcher")
#: shelf places of one print
MAX_SHELVES = 60
SHELF_NAME = re.compile(r"[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*")


def unit_labels(*, principal: Principal, unit_uuid: UUID) -> list[Label]:
    """The waybill of a parcel, or the label of a crate or sack, for who holds it now.

    Raises NotFound, Forbidden. Name and phone are masked (GB/T 41833-2022); the door is not on it.
    """
    unit = HandlingUnit.by_uuid(unit_uuid, field="unit_id")
    _require_holder(principal, unit)
    if unit.kind == "parcel":
        return [_waybill(unit)]
    names = _names_of(unit)
    weight = gettext("毛重 %(kg)s kg") % {"kg": _kg(unit.gross_g)}
    return [Label(unit.code, unit.code, names or unit.code, (weight,), _zone(unit.zone))]


def lot_labels(*, principal: Principal, lot_uuid: UUID) -> list[Label]:
    """The label of a lot; its QR is the public trace page. Raises NotFound, Forbidden."""
    found: Lot | None = (
        Lot.objects.select_related("product", "seller", "station", "hub").filter(uuid=lot_uuid).first()
    )
    if found is None:
        raise NotFound(field="lot_id")
    at_station = found.station is not None and principal.has("information_officer", found.station.uuid)
    if not at_station and not principal.has(HUB_STAFF, found.hub.uuid):
        raise Forbidden(field="lot_id")
    lines = [found.seller.name]
    if found.harvested_on:
        lines.append(gettext("采收 %(day)s") % {"day": found.harvested_on.isoformat()})
    if found.expires_on:
        lines.append(gettext("保质到 %(day)s") % {"day": found.expires_on.isoformat()})
    if found.certificates.exists():
        lines.append(gettext("承诺达标合格证"))
    address = f"{settings.PUBLIC_URL}/trace/{found.trace_code}"
    return [Label(found.trace_code, address, found.product.name, tuple(lines), _zone(found.zone))]


def shelf_labels(*, principal: Principal, station_uuid: UUID, names: str) -> list[Label]:
    """One label per shelf place of a station; `names` as "A-01,A-02".

    Raises NotFound, Forbidden, InvalidInput.
    """
    station: Station | None = Station.objects.select_related("place").filter(uuid=station_uuid).first()
    if station is None:
        raise NotFound(field="station_id")
    principal.require("information_officer", station.uuid)
    wanted = [require_text(name, most=12, field="names") for name in names.split(",")[:MAX_SHELVES]]
    return [_shelf(station, name) for name in wanted]


def _shelf(station: Station, name: str) -> Label:
    """The code is the name: two places of one station must not read alike."""
    if not SHELF_NAME.fullmatch(name):
        raise InvalidInput(N_("货位编号只能用字母、数字和横线"), field="names")
    code = f"S-{name.upper()}"
    return Label(code, code, name, (station.place.name,))


def _waybill(unit: HandlingUnit) -> Label:
    part: Fulfilment | None = (
        Fulfilment.objects.select_related("order__buyer", "order__villager__user", "destination")
        .filter(unit_uuid=unit.uuid)
        .first()
    )
    weight = gettext("毛重 %(kg)s kg") % {"kg": _kg(unit.gross_g)}
    if part is None:
        return Label(unit.code, unit.code, gettext("转运包裹"), (weight,), _zone(unit.zone), WAYBILL_MM)
    lines = (
        recipient_masked(part.order),
        part.destination.address,
        gettext("订单 %(number)s") % {"number": part.order.number},
        weight,
        gettext("%(day)s 配送") % {"day": part.deliver_on.isoformat()},
    )
    shown = tuple(line for line in lines if line)
    return Label(unit.code, unit.code, part.destination.name, shown, _zone(unit.zone), WAYBILL_MM)


def _names_of(unit: HandlingUnit) -> str:
    lots = [content.content_uuid for content in unit.contents.all() if content.kind == "lot"]
    names = Lot.objects.filter(uuid__in=lots).values_list("product__name", flat=True)
    return "、".join(sorted(set(names)))


def _require_holder(principal: Principal, unit: HandlingUnit) -> None:
    if unit.holder_kind == "station":
        allowed = principal.has("information_officer", unit.holder_uuid)
    elif unit.holder_kind == "hub":
        allowed = principal.has(HUB_STAFF, unit.holder_uuid)
    elif unit.holder_kind == "vehicle":
        van = Vehicle.objects.select_related("carrier", "hub").filter(uuid=unit.holder_uuid).first()
        allowed = van is not None and (
            principal.has("courier", van.carrier.uuid) or principal.has(HUB_STAFF, van.hub.uuid)
        )
    else:
        allowed = principal.has("platform")
    if not allowed:
        raise Forbidden(field="unit_id")


def _zone(zone: str) -> str:
    return gettext(ZONES[zone])


def _kg(grams: int) -> str:
    return f"{grams / 1000:.2f}".rstrip("0").rstrip(".")
