"""The sample catalogue as rows, and lots without a person at the counter; for worlds and tests.

Which rows of the CSV files say what is explained in `catalog/data/README.md`.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

from django.db import transaction

from catalog.bands import product_band, travelling_zone
from catalog.kinds import Cargo, Direction, Unit
from catalog.models import Lot, Product
from catalog.packs import Pack, goods_pack, produce_pack
from catalog.services.listing import CertificateStatement, list_hub_goods, list_lot
from catalog.services.products import save_product
from farmers.certificate_rules import certificate_required
from farmers.kinds import CertificateBasis, LicenceKind
from farmers.models import Farmer
from marketplace.kernel import clock
from marketplace.kernel.money import parse_yuan
from marketplace.kernel.principal import Principal
from marketplace.kernel.temperature import Band, Zone
from marketplace.kernel.units import JIN_G, KG_G, Size
from marketplace.places.models import County

#: harmed below their own range: it replaces the band of their class (set by hand)
CHILL_SENSITIVE = frozenset({"上高本地辣椒", "上高白肉姜", "靖安椪柑"})
#: processed food: the seller is registered for it (Food Safety Law), own harvest is not
_PROCESSED = frozenset(
    {"粮油加工", "米面加工", "糕点糖果", "酒", "食用油", "禽蛋加工", "速冻小吃", "豆制品", "药食同源", "食品"}
)
_LICENCE_OF_CATEGORY = {"农资-农药": LicenceKind.PESTICIDE, "农资-种子": LicenceKind.SEED}
_FOOD_DOWN = frozenset({"食品"})
_VALUABLE = frozenset({"智能手机", "老人手机"})
#: fit a cell, and still must not go into one: poison, and a battery under the dangerous goods rule
_NO_LOCKER = frozenset({"非限用杀虫剂(小瓶)", "电动车电池48V"})
_SALT = "食用盐10包"
WORLD = Principal.system("world")


def produce_rows() -> list[dict[str, str]]:
    return list(_rows("produce.csv"))


def goods_down_rows() -> list[dict[str, str]]:
    return list(_rows("goods_down.csv"))


def create_products(rows: Iterable[Mapping[str, str]]) -> list[Product]:
    """Products from rows of produce.csv (they have `temp_zone`) or goods_down.csv, in their order.

    Existing ones (by name) are brought to what the row says, so a second run changes nothing.
    """
    with transaction.atomic():
        counties = {county.name: county for county in County.objects.all()}
        return [_save(_produce(row, counties) if "temp_zone" in row else _good(row)) for row in rows]


def create_all_products() -> list[Product]:
    """The 45 and the 42."""
    return create_products([*produce_rows(), *goods_down_rows()])


def create_station_lot(
    *, product: Product, seller: Farmer, quantity: int, price_fen: int, harvested_on: date
) -> Lot:
    """A lot of a farmer at his station, through every rule of listing; the farmer must have a consent
    on file.

    Sellers who must issue a certificate get one by their own control, dated on the harvest day.
    """
    station = seller.station
    assert station is not None
    certificate = None
    if certificate_required(seller_kind=seller.seller_kind, covered=product.needs_certificate):
        certificate = CertificateStatement(
            basis=CertificateBasis.QUALITY_CONTROL,
            issued_on=min(harvested_on, clock.today()),
            contact=seller.phone,
            origin=f"{station.county.name}{station.name}",
        )
    return list_lot(
        principal=WORLD,
        product_uuid=product.uuid,
        farmer_uuid=seller.uuid,
        station_uuid=station.uuid,
        quantity=quantity,
        price_fen=price_fen,
        harvested_on=harvested_on,
        certificate=certificate,
        sender_agreement=product.needs_sender_agreement,
    )


def create_hub_lot(
    *, product: Product, seller: Farmer, quantity: int, price_fen: int, arrived_on: date
) -> Lot:
    """Goods that go down, lying at the seller's hub, through every rule of listing."""
    hub = seller.hub
    assert hub is not None
    return list_hub_goods(
        principal=WORLD,
        hub_uuid=hub.uuid,
        product_uuid=product.uuid,
        seller_uuid=seller.uuid,
        quantity=quantity,
        price_fen=price_fen,
        arrived_on=arrived_on,
    )


@cache
def _names_en() -> dict[str, str]:
    return {row["name"]: row["name_en"] for row in _rows("names_en.csv")}


def _rows(name: str) -> Iterator[dict[str, str]]:
    text = (resources.files("catalog") / "data" / name).read_text(encoding="utf-8")
    yield from csv.DictReader(text.splitlines())


def _produce(row: Mapping[str, str], counties: Mapping[str, County]) -> dict[str, Any]:
    labelled = Zone(row["temp_zone"])
    band = product_band(
        zone=labelled,
        category=row["category"],
        own=Band(float(row["temp_min_c"]), float(row["temp_max_c"])),
        chill_sensitive=row["name"] in CHILL_SENSITIVE,
    )
    pack = produce_pack(
        sale_unit=row["sale_unit"], pack=row["pack"], kg_per_unit=row["kg_per_unit"], category=row["category"]
    )
    price_fen = parse_yuan(row["price_cny"], "price_cny")
    return {
        **_common(row, pack),
        "direction": Direction.UP,
        "county": counties.get(row["county"]),
        "zone": travelling_zone(labelled=labelled, band=band).value,
        "min_c": band.min_c,
        "max_c": band.max_c,
        "shelf_life_days": int(row["shelf_life_days"]),
        "cargo": Cargo.FOOD,
        "needs_certificate": row["conformity_cert_category"] == "1",
        "required_licence": LicenceKind.FOOD if row["category"] in _PROCESSED else "",
        "fresh": row["fresh_perishable"] == "1",
        "typical_price_fen": price_fen * KG_G // JIN_G if pack.unit == Unit.GRAM else price_fen,
        "season": row["season"],
    }


def _good(row: Mapping[str, str]) -> dict[str, Any]:
    pack = goods_pack(
        length_cm=row["length_cm"],
        width_cm=row["width_cm"],
        height_cm=row["height_cm"],
        weight_kg=row["weight_kg"],
        fits=row["fits_compartment"],
    )
    category = row["category"]
    food = category in _FOOD_DOWN or row["name"] == _SALT
    pesticide = category == "农资-农药"
    licence = LicenceKind.FOOD if category in _FOOD_DOWN else _LICENCE_OF_CATEGORY.get(category, "")
    return {
        **_common(row, pack),
        "direction": Direction.DOWN,
        "zone": Zone.AMBIENT.value,
        "cargo": Cargo.PESTICIDE if pesticide else Cargo.FOOD if food else Cargo.GENERAL,
        "required_licence": LicenceKind.SALT if row["name"] == _SALT else licence,
        "valuable": row["name"] in _VALUABLE,
        "locker_allowed": pack.size is not Size.NONE and row["name"] not in _NO_LOCKER,
        "returnable": not pesticide,
        "typical_price_fen": parse_yuan(row["price_cny"], "price_cny"),
        "note": row["rule_or_note"],
    }


def _common(row: Mapping[str, str], pack: Pack) -> dict[str, Any]:
    return {
        "name": row["name"],
        "name_en": _names_en().get(row["name"], ""),
        "category": row["category"],
        "unit": pack.unit,
        "unit_net_g": pack.net_g,
        "unit_gross_g": pack.gross_g,
        "volume_ml": pack.volume_ml,
        "size_class": pack.size.value,
    }


def _save(fields: dict[str, Any]) -> Product:
    product = Product.objects.filter(name=fields["name"]).first() or Product()
    for field, value in fields.items():
        setattr(product, field, value)
    return save_product(product)
