"""A table of pickup points: one row is one zone of one cabinet at one site. Every bad cell is named.

Of a site that has several rows, and of a cabinet, the first row says what they are; cells left empty below it
mean the same again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time
from typing import Final, TypeVar
from uuid import UUID

from lockers.protocol.envelope import is_device_id
from marketplace.documents.tables import Line, RowFault
from marketplace.kernel.errors import N_, DomainError, Forbidden, InvalidInput, NotFound
from marketplace.kernel.geo import LonLat, gcj02_to_wgs84, great_circle_m, require_in_china
from marketplace.kernel.temperature import ZONE_BANDS, ZONES_BY_NAME, Band, Zone
from marketplace.kernel.texts import require_text
from marketplace.places.models import County, Hub, SiteKind

T = TypeVar("T")
#: what we call it -> what files call it, Chinese and English
COLUMNS: Final[Mapping[str, tuple[str, str]]] = {
    "code": ("站点编号", "site_code"),
    "name": ("站点名称", "site_name"),
    "name_en": ("英文名称", "site_name_en"),
    "county": ("县(市、区)", "county"),
    "hub": ("共配中心", "hub"),
    "kind": ("站点类型", "site_kind"),
    "address": ("地址", "address"),
    "lon": ("经度", "lon"),
    "lat": ("纬度", "lat"),
    "datum": ("坐标系", "datum"),
    "opens": ("开放时间", "opens"),
    "closes": ("关闭时间", "closes"),
    "device": ("柜机编号", "device"),
    "cabinet": ("柜机名称", "cabinet_name"),
    "operator": ("运营方", "operator"),
    "camera": ("录像通道", "camera"),
    "zone": ("温区", "zone"),
    "S": ("小格数", "cells_s"),
    "M": ("中格数", "cells_m"),
    "L": ("大格数", "cells_l"),
    "min_c": ("最低温度", "min_c"),
    "max_c": ("最高温度", "max_c"),
}
OF_SITE = ("name", "name_en", "county", "hub", "kind", "address", "lon", "lat", "datum", "opens", "closes")
OF_CABINET = ("cabinet", "operator", "camera")
#: cells of one size in one zone; all cells of a cabinet
MOST_OF_A_SIZE, MOST_CELLS = 100, 200
#: a van's loop: what lies further from its hub is a slip of the pen
MOST_TO_HUB_M = 100_000
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,29}")
_COUNT = re.compile(r"[0-9]{1,9}")
_DECIMAL = re.compile(r"-?[0-9]{1,4}(\.[0-9]{1,12})?")
_TIME = re.compile(r"([0-9]{1,2})[:：]([0-9]{2})(?::00)?")
_DATUMS = {"": False, "wgs84": False, "wgs-84": False, "gcj02": True, "gcj-02": True}


@dataclass(frozen=True, slots=True)
class SiteFacts:
    code: str
    name: str
    name_en: str
    county: County
    hub: Hub
    kind: str
    address: str
    at: LonLat
    opens: time
    closes: time


@dataclass(frozen=True, slots=True)
class Section:
    """So many cells by size ("S", "M", "L") that keep one band."""

    zone: Zone
    counts: tuple[int, int, int]
    band: Band


@dataclass(frozen=True, slots=True)
class SiteRow:
    row: int
    site: SiteFacts
    device: str
    cabinet: str
    operator: str
    camera: str
    section: Section


@dataclass(slots=True)
class _Cells:
    """A row's cells by our names, with what the rows above it have said already."""

    line: Line
    text: dict[str, str]
    #: what this row itself must answer for
    own: set[str]
    faults: list[RowFault] = field(default_factory=list)

    def refuse(self, key: str, error: DomainError) -> None:
        if key in self.own:
            self.faults.append(RowFault(self.line.row, column_of(self.line, key), error))

    def read(self, key: str, reader: Callable[[str], T]) -> T | None:
        """The cell's meaning, or None and a fault."""
        try:
            return reader(self.text[key])
        except DomainError as error:
            self.refuse(key, error)
            return None


def column_of(line: Line, key: str) -> str:
    """As the file calls it."""
    return next((name for name in COLUMNS[key] if name in line.cells), COLUMNS[key][0])


class RowReader:
    """Reads the rows of one table, in their order. `county_uuids`: where the asker may put cabinets up."""

    def __init__(
        self, *, counties: Sequence[County], hubs: Sequence[Hub], allowed: frozenset[UUID] | None
    ) -> None:
        self._counties = {name: each for each in counties for name in (each.name, each.code)}
        self._hubs = hubs
        self._allowed = allowed
        self._mine = [each for each in counties if allowed is not None and each.uuid in allowed]
        self._sites: dict[str, dict[str, str]] = {}
        self._cabinets: dict[str, dict[str, str]] = {}
        self._faulty: set[str] = set()

    def read(self, line: Line) -> SiteRow | list[RowFault]:
        """The row, or what is wrong with it: nothing where a row above has been told of it already."""
        cells = self._filled(line)
        code = cells.read("code", _code)
        site = self._site(cells, code or "")
        device = cells.read("device", _device)
        named = cells.text["cabinet"] or cells.text["name"]
        cabinet = cells.read("cabinet", lambda _: require_text(named, most=80, field="cabinet"))
        operator = cells.read("operator", lambda text: _optional(text, 60, "operator"))
        camera = cells.read("camera", lambda text: _optional(text, 60, "camera"))
        section = _section(cells)
        if not cells.faults and site and device and cabinet and section and operator is not None:
            return SiteRow(line.row, site, device, cabinet, operator, camera or "", section)
        numbers = {cells.text["code"], cells.text["device"]}
        if not cells.faults and not numbers & self._faulty:
            contradicts = InvalidInput(N_("与同一站点或柜机的第一行矛盾"), field="code")
            cells.faults.append(RowFault(line.row, "", contradicts))
        self._faulty |= numbers
        return cells.faults

    def _filled(self, line: Line) -> _Cells:
        text = {
            key: next((line.cells[name] for name in names if line.cells.get(name)), "")
            for key, names in COLUMNS.items()
        }
        own = {key for key, value in text.items() if value} | {"code", "device", "zone", "S", "M", "L"}
        for number, keys, above in (
            (text["code"], OF_SITE, self._sites),
            (text["device"], OF_CABINET, self._cabinets),
        ):
            first = above.get(number)
            if first is None:
                own |= set(keys)
                above[number] = {key: text[key] for key in keys}
            else:
                text |= {key: text[key] or first[key] for key in keys}
        return _Cells(line, text, own)

    def _site(self, cells: _Cells, code: str) -> SiteFacts | None:
        name = cells.read("name", lambda text: require_text(text, most=80, field="name"))
        name_en = cells.read("name_en", lambda text: _optional(text, 80, "name_en"))
        address = cells.read("address", lambda text: _optional(text, 200, "address"))
        kind = cells.read("kind", _site_kind)
        county = cells.read("county", self._county)
        hub = cells.read("hub", lambda text: self._hub(text, county))
        opens = cells.read("opens", lambda text: _time(text or "00:00", "opens"))
        closes = cells.read("closes", lambda text: _time(text or "23:59", "closes"))
        if opens is not None and closes is not None and opens >= closes:
            cells.refuse("closes", InvalidInput(N_("关闭时间应晚于开放时间"), field="closes"))
            closes = None
        at = _position(cells)
        if at is not None and hub is not None and great_circle_m(at, hub.place.lon_lat) > MOST_TO_HUB_M:
            cells.refuse("lon", InvalidInput(N_("坐标离共配中心 100 公里以上"), field="lon"))
            at = None
        if not (name and county and hub and at and kind) or opens is None or closes is None:
            return None
        return SiteFacts(
            code, name, name_en or "", county, hub, kind, address or "", at, opens, closes
        )  # fmt: skip

    def _county(self, text: str) -> County:
        if not text and len(self._mine) == 1:
            return self._mine[0]
        found = self._counties.get(text)
        if found is None:
            raise NotFound(N_("没有这个县（市、区）"), field="county")
        if self._allowed is not None and found.uuid not in self._allowed:
            raise Forbidden(N_("只能登记自己所在县的柜点"), field="county")
        return found

    def _hub(self, text: str, county: County | None) -> Hub | None:
        """By name, else the county's only one. Says nothing while the county is unknown."""
        if county is None:
            return None
        here = [hub for hub in self._hubs if hub.county_id == county.pk]
        found = [hub for hub in here if not text or text == hub.name]
        if len(found) != 1:
            raise NotFound(N_("请写明本县的共配中心"), field="hub")
        return found[0]


def _position(cells: _Cells) -> LonLat | None:
    def degrees(text: str) -> float:
        if not _DECIMAL.fullmatch(text):
            raise InvalidInput(N_("坐标应为十进制度数"), field="lon")
        return float(text)

    lon, lat = cells.read("lon", degrees), cells.read("lat", degrees)
    shifted = cells.read("datum", _is_shifted)
    if lon is None or lat is None or shifted is None:
        return None
    at = cells.read("lon", lambda _: require_in_china(LonLat(lon, lat), "lon"))
    return gcj02_to_wgs84(at) if at is not None and shifted else at


def _section(cells: _Cells) -> Section | None:
    zone = cells.read("zone", _zone)
    counts = [cells.read(size, _count) for size in ("S", "M", "L")]
    small, middle, large = counts
    if small is None or middle is None or large is None:
        return None
    if not small + middle + large:
        cells.refuse("S", InvalidInput(N_("至少要有一个格口"), field="S"))
        return None
    band = _band(cells, zone) if zone is not None else None
    return Section(zone, (small, middle, large), band) if zone is not None and band is not None else None


def _band(cells: _Cells, zone: Zone) -> Band | None:
    usual = ZONE_BANDS[zone]
    low, high = cells.text["min_c"], cells.text["max_c"]
    if not low and not high:
        return usual

    def kept(_: str) -> Band:
        if not (_DECIMAL.fullmatch(low) and _DECIMAL.fullmatch(high)) or not float(low) < float(high):
            raise InvalidInput(N_("请填写最低和最高温度"), field="min_c")
        band = Band(float(low), float(high))
        if band.strictest(usual) is None:
            raise InvalidInput(N_("温度范围不属于这个温区"), field="min_c")
        return band

    return cells.read("min_c" if low else "max_c", kept)


def _code(text: str) -> str:
    if not _CODE.fullmatch(text):
        raise InvalidInput(N_("编号是 1 到 30 位字母、数字、- _ 和 ."), field="code")
    return text


def _device(text: str) -> str:
    if not is_device_id(text):
        raise InvalidInput(N_("设备编号只能用字母、数字、- 和 _"), field="device")
    return text


def _optional(text: str, most: int, name: str) -> str:
    return require_text(text, most=most, field=name) if text else ""


def _site_kind(text: str) -> str:
    for value, label in SiteKind.choices:
        if text in (value, str(label)):
            return str(value)
    kinds = ", ".join(f"{label} ({value})" for value, label in SiteKind.choices)
    raise InvalidInput(N_("站点类型只能是 %(kinds)s"), field="kind", params={"kinds": kinds})


def _zone(text: str) -> Zone:
    found = ZONES_BY_NAME.get(text) or next((zone for zone in Zone if zone.value == text), None)
    if found is None:
        zones = ", ".join(f"{name} ({zone.value})" for name, zone in ZONES_BY_NAME.items())
        raise InvalidInput(N_("温区只能是 %(zones)s"), field="zone", params={"zones": zones})
    return found


def _count(text: str) -> int:
    if text and not _COUNT.fullmatch(text):
        raise InvalidInput(N_("格口数应为整数"), field="S")
    if int(text or 0) > MOST_OF_A_SIZE:
        raise InvalidInput(
            N_("一种格口最多 %(most)s 个"), field="S", params={"most": MOST_OF_A_SIZE}
        )  # fmt: skip
    return int(text or 0)


def _time(text: str, name: str) -> time:
    found = _TIME.fullmatch(text)
    if found and (int(found[1]), int(found[2])) == (24, 0):
        return time(23, 59)
    if not found or int(found[1]) > 23 or int(found[2]) > 59:
        raise InvalidInput(N_("时间应写成 08:00"), field=name)
    return time(int(found[1]), int(found[2]))


def _is_shifted(text: str) -> bool:
    if text.lower() not in _DATUMS:
        raise InvalidInput(N_("坐标系只能是 WGS84 或 GCJ02"), field="datum")
    return _DATUMS[text.lower()]
