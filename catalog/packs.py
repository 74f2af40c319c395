"""Reading the sample catalogue's packs: net content, gross weight, volume, cell size. No Django.

The figures are planning estimates, as the catalogue itself is (its README); a scanned or weighed value
replaces them.
"""

import re
from dataclasses import dataclass
from fractions import Fraction

from marketplace.kernel.units import CELL_MAX_G, JIN_G, Size, size_for

_PER_UNIT_G = {"斤": JIN_G, "克": 1, "公斤": 1000, "千克": 1000}
_AMOUNT = re.compile(r"(半|\d+(?:\.\d+)?)(公斤|千克|斤|克)")
#: packaging on top of a net weight, where the catalogue gives none (guess)
_PACKAGING_PERCENT = 5
#: millilitres that one gram takes in its pack, by category (guess); boxes of tea and sweets are mostly air
_ML_PER_G = {
    "茶叶": 6.0,
    "食用菌": 6.0,
    "干货": 4.0,
    "糕点糖果": 3.0,
    "豆制品": 4.0,
    "蔬菜": 2.5,
    "水果": 2.2,
    "禽蛋": 3.0,
}
_ML_PER_G_ELSE = 1.6


@dataclass(frozen=True, slots=True)
class Pack:
    """`unit` "g": sold by weight, net and gross are None and `volume_ml` is per kilogram; "piece": per
    piece.
    """

    unit: str
    net_g: int | None
    gross_g: int | None
    volume_ml: int
    size: Size


def net_content_g(pack: str) -> int | None:
    """`"5斤/箱"` -> 2500, `"半斤/袋"` -> 250; None where the pack names no weight (`"500毫升"`,
    `"20枚/盒"`).
    """
    match = _AMOUNT.search(pack)
    if match is None:
        return None
    amount = Fraction(1, 2) if match[1] == "半" else Fraction(match[1])
    return round(amount * _PER_UNIT_G[match[2]])


def produce_pack(*, sale_unit: str, pack: str, kg_per_unit: str, category: str) -> Pack:
    """The pack of one row of produce.csv. Loose goods by the 斤 are sold by weight."""
    per_g = _ML_PER_G.get(category, _ML_PER_G_ELSE)
    if sale_unit == "斤":
        return Pack(unit="g", net_g=None, gross_g=None, volume_ml=round(1000 * per_g), size=Size.S)
    planning_g = round(Fraction(kg_per_unit) * 1000)
    net_g = net_content_g(pack) or planning_g
    gross_g = planning_g if planning_g > net_g else net_g * (100 + _PACKAGING_PERCENT) // 100
    volume_ml = round(gross_g * per_g)
    return Pack(
        unit="piece",
        net_g=net_g,
        gross_g=gross_g,
        volume_ml=volume_ml,
        size=_size(sale_unit, volume_ml, gross_g),
    )


def goods_pack(*, length_cm: str, width_cm: str, height_cm: str, weight_kg: str, fits: str) -> Pack:
    """The pack of one row of goods_down.csv; its gross weight stands for the net one, which it does not
    give.
    """
    volume_ml = round(Fraction(length_cm) * Fraction(width_cm) * Fraction(height_cm))
    gross_g = round(Fraction(weight_kg) * 1000)
    size = {"A": Size.S, "B": Size.M, "C": Size.L, "none": Size.NONE}[fits]
    return Pack(unit="piece", net_g=gross_g, gross_g=gross_g, volume_ml=volume_ml, size=size)


def _size(sale_unit: str, volume_ml: int, gross_g: int) -> Size:
    """Bags and small packs by volume; a rigid case of 4:3:2 proportions by its sides (cells 8, 19, 41 x
    38 x 64).
    """
    if sale_unit != "箱" or gross_g > CELL_MAX_G:
        return size_for(volume_ml, gross_g)
    for size, shortest_cm in ((Size.S, 8), (Size.M, 19), (Size.L, 32)):
        if volume_ml <= 3 * shortest_cm**3:
            return size
    return Size.NONE
