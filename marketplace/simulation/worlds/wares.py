"""The sample catalogues as demand sees them: 45 kinds of produce, 42 goods that villages order."""

import csv
import io
import re
from collections.abc import Iterator
from functools import cache
from importlib import resources

from catalog.bands import UNLIMITED, product_band, travelling_zone
from catalog.packs import goods_pack, produce_pack
from marketplace.kernel.money import parse_yuan
from marketplace.kernel.temperature import Band, Zone
from marketplace.kernel.units import JIN_G, KG_G
from marketplace.simulation.worlds.extents import WORKING_DAY
from marketplace.simulation.worlds.nouns import Product

#: harm below their own range: it replaces the band of their class
CHILL_SENSITIVE = frozenset({"上高本地辣椒", "上高白肉姜", "靖安椪柑"})
_FOOD_BY_NAME = frozenset({"食用盐10包"})
PERISHABLE_DAYS = 30
_WINTER = (12, 1, 2)


@cache
def products() -> tuple[Product, ...]:
    """All 87, produce first, in the order of the files."""
    produce = [_produce(row) for row in _rows("produce.csv")]
    goods = [_good(row) for row in _rows("goods_down.csv")]
    return (*produce, *goods)


def _rows(name: str) -> Iterator[dict[str, str]]:
    text = (resources.files("catalog") / "data" / name).read_text(encoding="utf-8")
    yield from csv.DictReader(io.StringIO(text, newline=""))


def _produce(row: dict[str, str]) -> Product:
    pack = produce_pack(
        sale_unit=row["sale_unit"], pack=row["pack"], kg_per_unit=row["kg_per_unit"], category=row["category"]
    )
    labelled = Zone(row["temp_zone"])
    band = product_band(
        zone=labelled,
        category=row["category"],
        own=Band(float(row["temp_min_c"]), float(row["temp_max_c"])),
        chill_sensitive=row["name"] in CHILL_SENSITIVE,
    )
    price_fen = parse_yuan(row["price_cny"], "price_cny")
    shelf_life_days = int(row["shelf_life_days"])
    return Product(
        name=row["name"],
        direction="up",
        county=None if row["county"].startswith("(") else row["county"],
        zone=travelling_zone(labelled=labelled, band=band),
        band=band,
        shelf_life_days=shelf_life_days,
        unit=pack.unit,
        gross_g=pack.gross_g or KG_G,
        volume_ml=pack.volume_ml,
        size=pack.size,
        price_fen=price_fen * KG_G // JIN_G if pack.unit == "g" else price_fen,
        needs_certificate=row["conformity_cert_category"] == "1",
        cargo="food",
        in_season=shelf_life_days > PERISHABLE_DAYS or in_season(row["season"], WORKING_DAY.month),
    )


def _good(row: dict[str, str]) -> Product:
    pack = goods_pack(
        length_cm=row["length_cm"],
        width_cm=row["width_cm"],
        height_cm=row["height_cm"],
        weight_kg=row["weight_kg"],
        fits=row["fits_compartment"],
    )
    return Product(
        name=row["name"],
        direction="down",
        county=None,
        zone=Zone.AMBIENT,
        band=UNLIMITED,
        shelf_life_days=None,
        unit=pack.unit,
        gross_g=pack.gross_g or 0,
        volume_ml=pack.volume_ml,
        size=pack.size,
        price_fen=parse_yuan(row["price_cny"], "price_cny"),
        needs_certificate=False,
        cargo=_cargo(row),
        in_season=True,
    )


def _cargo(row: dict[str, str]) -> str:
    if row["name"] in _FOOD_BY_NAME:
        return "food"
    return {"农资-农药": "pesticide", "食品": "food"}.get(row["category"], "general")


def in_season(season: str, month: int) -> bool:
    """Whether a season as printed ("8月下旬-11月(e)", "10月-次年2月(e)", "全年") covers the month."""
    if "全年" in season:
        return True
    months = [int(number) for number in re.findall(r"(\d+)(?=月|-\d+月)", season)]
    if not months:
        return month in _WINTER  # 冬季, 腊月
    first, last = months[0], months[-1]
    return first <= month <= last if first <= last else month >= first or month <= last
