"""Reads the Yichun files as they are published: text codes, empty cells for unknown."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources

from marketplace.kernel.geo import LonLat
from marketplace.simulation.worlds.nouns import County, Township

_DATA = resources.files("marketplace.simulation") / "data"
#: the statistical bureau still lists this place under its old name, and the township row has no NBS code
_HEHU = ("荷湖镇", "360981205")
#: units that are no villages where people live: placeholders, parks, prisons
_NO_VILLAGE = ("虚拟", "园区", "监狱", "工业", "管委会")


@dataclass(frozen=True, slots=True)
class Village:
    code: str
    name: str
    township: str
    """Code of its township as `Township.code`."""
    county: str


def rows(name: str) -> Iterator[dict[str, str]]:
    """The rows of one CSV file of the data folder."""
    text = (_DATA / name).read_text(encoding="utf-8")
    yield from csv.DictReader(io.StringIO(text, newline=""))


@cache
def counties() -> tuple[County, ...]:
    features = json.loads((_DATA / "yichun_counties.geojson").read_text(encoding="utf-8"))["features"]
    return tuple(
        County(
            code=feature["properties"]["code"],
            name=feature["properties"]["name"],
            outline=tuple(
                tuple((float(lon), float(lat)) for lon, lat in ring)
                for polygon in feature["geometry"]["coordinates"]
                for ring in polygon
            ),
        )
        for feature in features
    )


@cache
def townships() -> tuple[Township, ...]:
    code = {county.name: county.code for county in counties()}
    return tuple(
        Township(
            code=row["code"],
            code_nbs=row["code_nbs"],
            code_mca=row["code_mca"],
            name=row["name"],
            county=code[row["county"]],
            at=LonLat(float(row["lon"]), float(row["lat"])) if row["lon"] else None,
        )
        for row in rows("yichun_townships.csv")
    )


@cache
def villages() -> tuple[Village, ...]:
    """Administrative villages whose township has a point (villages themselves have none)."""
    code = {county.name: county.code for county in counties()}
    by_nbs = {row["code_nbs"][:9]: row for row in rows("yichun_townships.csv") if row["code_nbs"]}
    by_nbs[_HEHU[1]] = next(row for row in rows("yichun_townships.csv") if row["name"] == _HEHU[0])
    found = []
    for row in rows("yichun_villages.csv"):
        township = by_nbs.get(row["township_code"])
        if row["kind"] != "行政村" or any(word in row["name"] for word in _NO_VILLAGE):
            continue
        if township is not None and township["lon"]:
            found.append(Village(row["code"], row["name"], township["code"], code[row["county"]]))
    return tuple(found)


#: where the county seat stands: a township's name, or a row of the other places (GeoNames number)
_SEATS = {
    "奉新县": "冯川镇",
    "袁州区": "1786746",
    "樟树市": "大桥街道",
    "丰城市": "1806248",
    "高安市": "筠阳街道",
    "上高县": "敖阳街道",
    "宜丰县": "7690148",
    "万载县": "康乐街道",
    "靖安县": "双溪镇",
    "铜鼓县": "永宁镇",
}


@cache
def seats() -> dict[str, LonLat]:
    """County name -> point of its seat."""
    code = {county.name: county.code for county in counties()}
    by_name = {(township.county, township.name): township.at for township in townships()}
    other = {
        row["geonameid"]: LonLat(float(row["lon"]), float(row["lat"]))
        for row in rows("yichun_other_places.csv")
    }
    found: dict[str, LonLat] = {}
    for county, seat in _SEATS.items():
        point = other.get(seat) or by_name.get((code[county], seat))
        if point is None:
            raise LookupError(f"no point for the seat of {county}")
        found[county] = point
    return found
