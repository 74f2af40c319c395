"""A waybill's row: what each cell means, and every bad cell named by row and column."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from marketplace.documents.tables import Line, RowFault
from marketplace.kernel.errors import N_, DomainError, InvalidInput, NotFound
from marketplace.kernel.geo import LonLat, great_circle_m
from marketplace.kernel.temperature import ZONES_BY_NAME
from marketplace.places.models import Place
from routing.services.shipments.requests import ParcelSpec
from routing.services.shipments.urgent import urgent_parcel

#: what we call it -> what files call it
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "number": ("运单号", "number", "name"),
    "place": ("地点", "站点", "place"),
    "weight": ("重量(kg)", "重量", "weight_kg", "desc"),
    "size": ("大小", "size"),
    "zone": ("温区", "zone"),
    "fee": ("运费(元)", "运费", "fee"),
    "recipient": ("收件人", "recipient"),
}
#: a waypoint further than this from every place of the hub names none
NEAR_M = 500.0
MOST_KG, MOST_YUAN = 50, 500
_NUMBER = re.compile(r"[A-Za-z0-9-]{4,40}")
_DECIMAL = re.compile(r"\d{1,4}(\.\d{1,3})?")
#: eight digits in a row are a telephone, and a label shows none (domain rule 10)
_PHONE = re.compile(r"\d{8}")


@dataclass(frozen=True, slots=True)
class WaybillRow:
    row: int
    number: str
    place: Place
    parcel: ParcelSpec
    fee_fen: int
    recipient: str


def read_row(line: Line, places: Sequence[Place]) -> WaybillRow | list[RowFault]:
    """The row, or what is wrong with it."""
    faults: list[RowFault] = []

    def cell(key: str) -> tuple[str, str]:
        """(the file's name of the column, text)."""
        named = [name for name in COLUMNS[key] if name in line.cells]
        return (named[0], line.cells[named[0]]) if named else (COLUMNS[key][0], "")

    def refuse(key: str, error: DomainError) -> None:
        faults.append(RowFault(line.row, cell(key)[0], error))

    number = cell("number")[1]
    if not _NUMBER.fullmatch(number):
        refuse("number", InvalidInput(N_("运单号是 4 到 40 位字母和数字"), field="number"))
    place = _place(line, cell("place")[1], places)
    if isinstance(place, DomainError):
        refuse("place", place)
    grams = _thousandths(cell("weight")[1].lower().removesuffix("kg").strip(), MOST_KG)
    if grams is None or grams == 0:
        refuse("weight", InvalidInput(N_("重量按公斤填写，最多 50"), field="weight"))
    fee = _thousandths(cell("fee")[1] or "0", MOST_YUAN)
    if fee is None or fee % 10:
        refuse("fee", InvalidInput(N_("运费按元填写，最多两位小数"), field="fee"))
    recipient = cell("recipient")[1]
    if len(recipient) > 40 or _PHONE.search(recipient):
        refuse("recipient", InvalidInput(N_("收件人只填隐去的姓名，不填电话"), field="recipient"))
    parcel = None
    try:
        zone, size = cell("zone")[1] or "ambient", cell("size")[1].upper() or "S"
        parcel = urgent_parcel(zone=ZONES_BY_NAME.get(zone, zone), size=size, weight_g=grams or 1)
    except InvalidInput as error:
        refuse(error.field or "zone", error)
    if faults:
        return faults
    assert isinstance(place, Place)
    assert parcel is not None
    assert fee is not None
    return WaybillRow(line.row, number, place, parcel, fee // 10, recipient)


def _place(line: Line, name: str, places: Sequence[Place]) -> Place | DomainError:
    """By name among the hub's places, else by position."""
    if name:
        named = [place for place in places if place.name == name]
        if len(named) == 1:
            return named[0]
        return NotFound(N_("本中心没有这个站点"), field="place")
    try:
        at = LonLat(float(line.cells["lon"]), float(line.cells["lat"]))
    except (KeyError, ValueError):
        return InvalidInput(N_("请填写地点"), field="place")
    near = min(places, key=lambda place: great_circle_m(at, place.lon_lat), default=None)
    if near is None or not great_circle_m(at, near.lon_lat) <= NEAR_M:
        return NotFound(N_("500 米内没有本中心的站点"), field="place")
    return near


def _thousandths(text: str, most: int) -> int | None:
    """A decimal with at most three places as an integer of thousandths."""
    if not _DECIMAL.fullmatch(text):
        return None
    whole, _, rest = text.partition(".")
    value = int(whole) * 1000 + int((rest + "000")[:3])
    return value if value <= most * 1000 else None
