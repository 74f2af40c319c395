"""A plan as files: stops for a spreadsheet, tracks for a navigation device, tour sheets for the wall."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Final
from xml.etree import ElementTree as xml

from django.utils.translation import gettext as _

from marketplace.documents.pdf import Column, table_pdf
from marketplace.documents.sheets import Value, csv_file, xlsx_file
from marketplace.kernel.clock import SHANGHAI
from routing.models import Plan, Route, Stop
from routing.services.in_force.standing import routes_of
from routing.services.shipments.waybills import numbers_at

GPX = "http://www.topografix.com/GPX/1/1"


def stops_csv(plan: Plan) -> bytes:
    return csv_file(columns=_columns(), rows=_rows(plan))


def stops_xlsx(plan: Plan) -> bytes:
    title = f"{plan.date:%m-%d} v{plan.version}"
    return xlsx_file(
        title=title,
        columns=_columns(),
        rows=_rows(plan),
        widths=(14, 12, 6, 24, 30, 12, 12, 18, 18, 8, 8, 30),
    )


def tracks_gpx(plan: Plan) -> bytes:
    """GPX 1.1: one route per van, from the hub over its stops and back; name and planned time at each."""
    xml.register_namespace("", GPX)
    root = xml.Element(f"{{{GPX}}}gpx", version="1.1", creator="Yinong")
    hub = plan.hub.place
    for route in _tours(plan):
        track = xml.SubElement(root, f"{{{GPX}}}rte")
        xml.SubElement(track, f"{{{GPX}}}name").text = f"{route.vehicle.name} {route.vehicle.plate}"
        points = [(hub, route.departs_at), *((s.place, s.arrives_at) for s in route.stops.all())]
        for place, at in [*points, (hub, route.returns_at)]:
            point = xml.SubElement(track, f"{{{GPX}}}rtept", lat=f"{place.lat:.6f}", lon=f"{place.lon:.6f}")
            xml.SubElement(point, f"{{{GPX}}}time").text = at.isoformat()
            xml.SubElement(point, f"{{{GPX}}}name").text = place.name
    return bytes(xml.tostring(root, encoding="utf-8", xml_declaration=True))


def sheets_pdf(plan: Plan) -> bytes:
    """Tour sheets, every stop with its hand-overs and a box to tick."""
    tours = list(_tours(plan))
    numbers = numbers_at(stop for route in tours for stop in route.stops.all())
    rows = [
        [
            route.vehicle.name,
            str(stop.seq),
            stop.place.name,
            stop.place.address,
            f"{_clock(stop.arrives_at)}–{_clock(stop.departs_at)}",
            str(_count(stop, "drop")),
            str(_count(stop, "collect")),
            "、".join(numbers.get(stop.pk, [])),
            "□",
        ]
        for route in tours
        for stop in route.stops.all()
    ]
    columns = [
        Column(_("车辆"), 9),
        Column(_("序"), 4, right=True),
        Column(_("停靠点"), 18),
        Column(_("地址"), 16),
        Column(_("时间"), 13),
        Column(_("交出"), 6, right=True),
        Column(_("收走"), 6, right=True),
        Column(_("代派运单"), 18),
        Column(_("签"), 4),
    ]
    facts = [
        (_("配送中心"), plan.hub.name),
        (_("日期"), f"{plan.date:%Y-%m-%d} v{plan.version}"),
        (_("里程"), f"{plan.distance_m / 1000:.1f} km"),
    ]
    return table_pdf(title=_("配送线路单"), columns=columns, rows=rows, facts=facts)


#: extension -> (maker, media type)
FILES: Final[dict[str, tuple[Callable[[Plan], bytes], str]]] = {
    "csv": (stops_csv, "text/csv; charset=utf-8"),
    "xlsx": (stops_xlsx, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "gpx": (tracks_gpx, "application/gpx+xml"),
    "pdf": (sheets_pdf, "application/pdf"),
}


def _columns() -> list[str]:
    return [
        _("车辆"),
        _("车牌"),
        _("序"),
        _("停靠点"),
        _("地址"),
        _("经度"),
        _("纬度"),
        _("到达"),
        _("离开"),
        _("交出"),
        _("收走"),
        _("代派运单"),
    ]


def _rows(plan: Plan) -> Iterator[list[Value]]:
    tours = list(_tours(plan))
    numbers = numbers_at(stop for route in tours for stop in route.stops.all())
    for route in tours:
        for stop in route.stops.all():
            yield [
                route.vehicle.name,
                route.vehicle.plate,
                stop.seq,
                stop.place.name,
                stop.place.address,
                f"{stop.place.lon:.6f}",
                f"{stop.place.lat:.6f}",
                stop.arrives_at,
                stop.departs_at,
                _count(stop, "drop"),
                _count(stop, "collect"),
                "、".join(numbers.get(stop.pk, [])),
            ]


def _tours(plan: Plan) -> Iterable[Route]:
    return routes_of(Route.objects.filter(plan=plan))


def _count(stop: Stop, kind: str) -> int:
    return sum(1 for task in stop.tasks.all() if task.kind == kind)


def _clock(at: datetime) -> str:
    return at.astimezone(SHANGHAI).strftime("%H:%M")
