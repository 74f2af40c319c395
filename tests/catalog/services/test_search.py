from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog.errors import UnknownZone
from catalog.models import Lot
from catalog.services.search import find_lot, find_lots, find_products, lots_by_uuid
from catalog.services.seed import create_all_products
from marketplace.kernel import clock
from marketplace.kernel.errors import InvalidInput, NotFound
from marketplace.kernel.ids import uuid7
from tests.factories.catalog import make_hub_lot, make_lot, make_product
from tests.factories.farmers import make_farmer, make_station
from tests.factories.places import make_county, make_hub

pytestmark = pytest.mark.django_db


def names(**filters: object) -> list[str]:
    return [lot.product.name for lot in find_lots(**filters).nodes]  # type: ignore[arg-type]


def test_newest_first_page_by_page() -> None:
    lots = [make_lot(product=make_product()) for _ in range(5)]
    newest = [lot.uuid for lot in reversed(lots)]
    seen, after = [], None
    for size, more in ((2, True), (2, True), (1, False)):
        page = find_lots(first=2, after=after)
        assert (len(page.nodes), page.has_next) == (size, more)
        seen += [lot.uuid for lot in page.nodes]
        after = page.end_cursor
    assert seen == newest


def test_words_and_pinyin_find_the_same_lots() -> None:
    make_lot(product=make_product(name="奉新猕猴桃", name_en="Fengxin kiwifruit", category="水果"))
    make_lot(product=make_product(name="靖安椪柑", category="水果"))
    for query in ("猕猴桃", "mihoutao", "MHT", "kiwi", "奉新的猕猴桃", "猕猴桃 水果"):
        assert names(search=query) == ["奉新猕猴桃"]
    assert names(search="水果") == ["靖安椪柑", "奉新猕猴桃"]
    assert names(search="土豆") == names(search="!!!") == names(search="'); --") == []
    assert len(names(search="  ")) == 2


def test_only_what_is_on_offer_is_shown() -> None:
    shown, sold_out, withdrawn, expired = (make_lot(product=make_product()) for _ in range(4))
    Lot.objects.filter(pk=sold_out.pk).update(available_quantity=0)
    Lot.objects.filter(pk=withdrawn.pk).update(status="withdrawn")
    today = clock.today()
    Lot.objects.filter(pk=expired.pk).update(harvested_on=today - timedelta(days=9), expires_on=today)
    assert names() == [shown.product.name]
    assert {lot.uuid for lot in (shown, sold_out, withdrawn, expired)} == set(
        lots_by_uuid([lot.uuid for lot in (shown, sold_out, withdrawn, expired)])
    )


def test_filters() -> None:
    near = make_lot(product=make_product(name="近"))
    hub = make_hub(county=make_county(code="360902", name="袁州区"))
    far = make_lot(
        product=make_product(name="远", zone="chilled", band=(0, 7)), station=make_station(hub=hub)
    )
    down = make_hub_lot()
    assert names(zone="chilled") == names(county_code="360902") == [far.product.name]
    assert names(county_code="360921") == [near.product.name]
    assert names(direction="down") == [down.product.name]
    assert len(names(direction=None)) == 3


@pytest.mark.parametrize(
    ("filters", "error", "field"),
    [
        ({"zone": "arctic"}, UnknownZone, "zone"),
        ({"direction": "sideways"}, InvalidInput, "direction"),
        ({"first": 0}, InvalidInput, "first"),
        ({"first": -3}, InvalidInput, "first"),
        ({"after": "bm9uc2Vuc2U="}, InvalidInput, "after"),
        ({"after": "不是"}, InvalidInput, "after"),
        ({"after": "bG90Oi01"}, InvalidInput, "after"),
    ],
)
def test_bad_filters_are_named(filters: dict[str, object], error: type[InvalidInput], field: str) -> None:
    with pytest.raises(error) as refused:
        find_lots(**filters)  # type: ignore[arg-type]
    assert refused.value.field == field


@pytest.mark.parametrize("length", [1, 3])
def test_a_page_costs_one_statement_whatever_its_length(length: int) -> None:
    for _ in range(length):
        make_lot(product=make_product(name=f"油菜{length}{_}"))
    with CaptureQueriesContext(
        connection,
    ) as queries:
        page = find_lots(search="油菜")
        for lot in page.nodes:
            assert (lot.seller.station, lot.place.county.name, lot.product.unit) == (
                lot.station,
                "奉新县",
                "piece",
            )
    assert len(page.nodes) == length
    assert len(queries) == 1


def test_the_index_answers_the_search() -> None:
    create_all_products()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN SELECT 1 FROM catalog_product WHERE search @@ '''奉新'''::tsquery")
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "product_search" in plan


def test_products_by_name_county_and_direction() -> None:
    make_county()
    create_all_products()
    found = [product.name for product in find_products(search="fengxin", direction="up")]
    assert found == ["奉新大米", "奉新黄元米果", "奉新猕猴桃", "奉新米粉", "奉新米糖", "浮云酒"]
    assert len(find_products(direction="down")) == 42
    assert len(find_products(first=3)) == 3


def test_one_lot_in_any_state() -> None:
    lot = make_lot()
    Lot.objects.filter(pk=lot.pk).update(status="withdrawn")
    assert find_lot(lot.uuid) == lot
    with pytest.raises(NotFound):
        find_lot(uuid7())


def test_same_farmer_same_day_two_lots_keep_apart() -> None:
    farmer = make_farmer()
    first, second = make_lot(seller=farmer), make_lot(seller=farmer)
    assert first.trace_code != second.trace_code
    assert len(first.trace_code) == 32
