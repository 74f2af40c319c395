import csv
from pathlib import Path

import pytest

import catalog
from catalog.bands import product_band, travelling_zone
from marketplace.kernel.temperature import Band, Zone

DATA = Path(catalog.__file__).parent / "data"


@pytest.mark.parametrize(
    ("zone", "category", "own", "sensitive", "expected"),
    [
        (Zone.CHILLED, "水果", Band(0, 8), False, Band(0, 7)),
        (Zone.CHILLED, "米面加工", Band(0, 8), False, Band(0, 7)),
        (Zone.CHILLED, "蔬菜", Band(0, 5), False, Band(0, 5)),
        (Zone.CHILLED, "畜肉", Band(0, 7), False, Band(0, 4)),
        (Zone.CHILLED, "蔬菜", Band(7, 10), True, Band(7, 10)),
        (Zone.FROZEN, "禽肉", Band(-25, -18), False, Band(-25, -18)),
        (Zone.AMBIENT, "粮食", Band(0, 30), False, Band(0, 35)),
        (Zone.AMBIENT, "蔬菜", Band(12, 20), True, Band(12, 20)),
    ],
)
def test_the_stricter_of_class_and_own_range_holds(
    zone: Zone, category: str, own: Band, sensitive: bool, expected: Band
) -> None:
    assert product_band(zone=zone, category=category, own=own, chill_sensitive=sensitive) == expected


def test_a_range_that_shares_nothing_with_its_class_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="share no degree"):
        product_band(zone=Zone.CHILLED, category="畜肉", own=Band(7, 10), chill_sensitive=False)


@pytest.mark.parametrize(
    ("labelled", "band", "expected"),
    [
        (Zone.AMBIENT, Band(0, 35), Zone.AMBIENT),
        (Zone.AMBIENT, Band(3, 15), Zone.COOL),
        (Zone.AMBIENT, Band(12, 20), Zone.COOL),
        (Zone.CHILLED, Band(0, 7), Zone.CHILLED),
        (Zone.FROZEN, Band(-25, -18), Zone.FROZEN),
        (Zone.CHILLED, Band(7, 10), Zone.CHILLED),
    ],
)
def test_a_product_travels_in_the_first_zone_that_suits_its_band(
    labelled: Zone, band: Band, expected: Zone
) -> None:
    assert travelling_zone(labelled=labelled, band=band) == expected


def test_exactly_the_four_products_listed_up_to_8_are_treated_as_7() -> None:
    tightened = []
    for row in csv.DictReader((DATA / "produce.csv").read_text(encoding="utf-8").splitlines()):
        own = Band(float(row["temp_min_c"]), float(row["temp_max_c"]))
        if row["temp_zone"] == "chilled" and own.max_c == 8:
            band = product_band(zone=Zone.CHILLED, category=row["category"], own=own, chill_sensitive=False)
            tightened.append((row["name"], band.max_c))
    assert tightened == [
        ("奉新猕猴桃", 7),
        ("奉新黄元米果", 7),
        ("宜丰竹笋(鲜冬笋)", 7),
        ("宜丰竹笋(鲜春笋)", 7),
    ]
