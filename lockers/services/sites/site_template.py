"""The table of sites to fill in: the importer's own columns, and two rows that show how."""

from django.db.models import QuerySet

from lockers.services.access import counties_of
from lockers.services.sites.site_rows import COLUMNS
from marketplace.documents.sheets import csv_file, xlsx_file
from marketplace.kernel.principal import Principal
from marketplace.places.models import Hub

#: cells of the examples that are the same everywhere; the second is another zone of the first's cabinet
_FIRST = {
    "code": "XQ-001", "name": "幸福小区东门", "name_en": "Xingfu Estate East Gate", "kind": "小区",
    "datum": "WGS84", "opens": "06:00", "closes": "22:00", "device": "L0001", "cabinet": "1号柜",
    "zone": "常温", "S": "12", "M": "8", "L": "4",
}  # fmt: skip
_SECOND = {
    "code": "XQ-001",
    "device": "L0001",
    "zone": "冷藏",
    "S": "4",
    "M": "4",
    "min_c": "2",
    "max_c": "4",
}
_ENGLISH = {"小区": "estate", "常温": "ambient", "冷藏": "chilled", "1号柜": "Cabinet 1"}


def sites_template(*, principal: Principal, kind: str, english: bool) -> bytes:
    """CSV or xlsx. The example stands at a hub of the asker's, so that the file as it is can be looked at."""
    here = _example(principal)
    examples = [_FIRST | here, _SECOND]
    language = 1 if english else 0
    columns = [names[language] for names in COLUMNS.values()]
    rows = [[_cell(example.get(key, ""), english) for key in COLUMNS] for example in examples]
    if kind == "csv":
        return csv_file(columns=columns, rows=rows)
    return xlsx_file(title="sites", columns=columns, rows=rows, widths=[12] * len(columns))


def _example(principal: Principal) -> dict[str, str]:
    hubs: QuerySet[Hub] = Hub.objects.select_related("county", "place").order_by("county__code", "pk")
    allowed = counties_of(principal)
    hub = (hubs if allowed is None else hubs.filter(county__uuid__in=allowed)).first()
    if hub is None:
        return {}
    at = hub.place.lon_lat
    return {"county": hub.county.name, "hub": hub.name, "lon": f"{at.lon:.5f}", "lat": f"{at.lat:.5f}"}


def _cell(text: str, english: bool) -> str:
    return _ENGLISH.get(text, text) if english else text
