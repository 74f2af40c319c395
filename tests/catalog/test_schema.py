from typing import Any

import pytest

from catalog.models import Lot
from marketplace.kernel import clock
from marketplace.kernel.principal import Principal
from tests.factories.accounts import make_principal, make_user
from tests.factories.catalog import make_lot, make_product, make_van
from tests.factories.farmers import make_farmer, make_officer, make_station
from tests.factories.graph import as_file, ask, data_of

pytestmark = pytest.mark.django_db

LOTS = """
query ($search: String, $first: Int = 20, $after: String) {
  lots(search: $search, first: $first, after: $after) {
    nodes { id listedBy harvestedOn expiresOn daysLeft availableQuantity unit zone priceFen priceBasis status
      traceCode senderAgreement
      product { id name nameEn zone minC maxC unit sizeClass volumeMl }
      seller { id name sellerKind station { name } }
      station { id name county { name } place { lon lat } }
      origin { id name county { code } }
      certificates { number title basis issuedOn replaced } }
    endCursor hasNext } }
"""
LIST_LOT = """
mutation ($product: ID!, $farmer: ID!, $station: ID!, $quantity: Int = 40, $price: Int = 3200,
          $harvested: Date!, $zone: String, $certificate: CertificateInput, $key: String) {
  listLot(productId: $product, farmerId: $farmer, stationId: $station, quantity: $quantity, priceFen: $price,
          harvestedOn: $harvested, zone: $zone, certificate: $certificate, senderAgreement: true,
          idempotencyKey: $key) {
    lot { id status availableQuantity listedBy certificates { number } } errors { code field message } } }
"""
WITHDRAW = "mutation ($id: ID!) { withdrawLot(id: $id) { lot { id status } errors { code field } } }"
IMPORT = """
mutation ($station: ID!, $file: String!, $dry: Boolean = false, $key: String) {
  importLots(stationId: $station, fileName: "lots.csv", file: $file, dryRun: $dry, idempotencyKey: $key) {
    importId lots { id product { name } } preview { row product quantity expiresOn }
    rowErrors { row field code message } errors { code field message } } }
"""
UNDO = "mutation ($id: ID!) { undoImport(id: $id) { lotImport { undoneAt } errors { code field } } }"
STATION_LOTS = "query ($id: ID!) { stationLots(stationId: $id) { id } }"


def a_form(**changes: Any) -> tuple[Principal, dict[str, Any]]:
    """An officer and the variables of a listing that is right."""
    station = make_station()
    make_van(station.hub)
    farmer = make_farmer(station=station)
    form = {
        "product": str(make_product().uuid),
        "farmer": str(farmer.uuid),
        "station": str(station.uuid),
        "harvested": clock.today().isoformat(),
    }
    return make_officer(station), {**form, **changes}


@pytest.mark.parametrize("length", [1, 3])
def test_a_page_of_lots_costs_two_statements_however_long(
    length: int, django_assert_num_queries: Any
) -> None:
    for _ in range(length):
        make_lot(product=make_product(needs_certificate=True), seller=make_farmer(seller_kind="cooperative"))
    with django_assert_num_queries(2):  # lots with all that is joined; certificates of the page
        page = data_of(LOTS)
    assert len(page["nodes"]) == length
    assert [node["certificates"][0]["title"] for node in page["nodes"]] == ["承诺达标合格证"] * length


def test_without_certificates_it_costs_one(django_assert_num_queries: Any) -> None:
    make_lot()
    with django_assert_num_queries(1):
        data_of("{ lots { nodes { id product { name } station { county { name } } } } }")


def test_a_lot_as_a_buyer_sees_it() -> None:
    lot = make_lot(product=make_product(name="土鸡蛋", shelf_life_days=20), price_fen=3600, quantity=12)
    shown = data_of(LOTS, search="tujidan")["nodes"][0]
    assert shown["id"] == str(lot.uuid)
    assert (shown["daysLeft"], shown["availableQuantity"], shown["unit"]) == (20, 12, "piece")
    assert (shown["priceFen"], shown["priceBasis"], shown["status"]) == (3600, "piece", "listed")
    assert shown["seller"]["name"] == lot.seller.name
    assert shown["station"]["county"] == {"name": "奉新县"}
    assert shown["origin"]["id"] == str(lot.place.uuid)
    one = data_of("query ($id: ID!) { lot(id: $id) { id certificates { id } } }", id=str(lot.uuid))
    assert one == {"id": str(lot.uuid), "certificates": []}


def test_the_people_of_a_lots_station_stay_hidden() -> None:
    lot = make_lot()
    body = ask("{ lots { nodes { station { villagers { phone } farmers { phone } } } } }")
    assert body["errors"][0]["extensions"]["code"] == "unauthenticated"
    assert lot.seller.phone not in str(body)


def test_products_are_public() -> None:
    make_product(name="土鸡蛋", name_en="Eggs")
    assert data_of('{ products(search: "egg") { name sizeClass } }') == [{"name": "土鸡蛋", "sizeClass": "M"}]


def test_an_officer_lists_and_withdraws() -> None:
    officer, form = a_form()
    listed = data_of(LIST_LOT, officer, **form)
    assert listed["errors"] == []
    assert (listed["lot"]["status"], listed["lot"]["availableQuantity"]) == ("listed", 40)
    assert listed["lot"]["listedBy"] == "李先生"
    withdrawn = data_of(WITHDRAW, officer, id=listed["lot"]["id"])
    assert withdrawn["lot"]["status"] == "withdrawn"
    assert data_of(LOTS)["nodes"] == []


def test_a_certificate_comes_with_the_form() -> None:
    certificate = {
        "number": "HGZ-1",
        "basis": "self_test",
        "issuedOn": clock.today().isoformat(),
        "contact": "13800000000",
        "origin": "赤岸镇",
    }
    officer, form = a_form(certificate=certificate)
    assert data_of(LIST_LOT, officer, **form)["lot"]["certificates"] == [{"number": "HGZ-1"}]


def test_a_double_submit_lists_once() -> None:
    officer, form = a_form(key="tap-1")
    assert data_of(LIST_LOT, officer, **form) == data_of(LIST_LOT, officer, **form)
    assert Lot.objects.count() == 1
    other = data_of(LIST_LOT, officer, **{**form, "quantity": 41})
    assert [(e["code"], e["field"]) for e in other["errors"]] == [
        ("idempotency_key_reused", "idempotencyKey")
    ]
    assert Lot.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"quantity": -1}, "invalid", "quantity"),
        ({"quantity": 2_000_000_000}, "invalid", "quantity"),
        ({"price": 0}, "invalid", "priceFen"),
        ({"price": 2_000_000_000}, "invalid", "priceFen"),
        ({"harvested": "2199-01-01"}, "invalid", "harvestedOn"),
        ({"zone": "arctic"}, "unknown_zone", "zone"),
        ({"product": "nonsense"}, "invalid", "productId"),
        ({"product": "00000000-0000-0000-0000-000000000001"}, "not_found", "productId"),
        ({"farmer": "00000000-0000-0000-0000-000000000001"}, "not_found", "farmerId"),
        ({"station": "00000000-0000-0000-0000-000000000001"}, "not_found", "stationId"),
    ],
)
def test_refusals_name_the_argument_in_both_languages(changes: dict[str, Any], code: str, field: str) -> None:
    officer, form = a_form(**changes)
    told = []
    for language in ("zh-hans", "en"):
        payload = ask(LIST_LOT, officer, language, **form)["data"]["listLot"]
        assert payload["lot"] is None
        assert [(error["code"], error["field"]) for error in payload["errors"]] == [(code, field)]
        told.append(payload["errors"][0]["message"])
    assert all(told)
    assert Lot.objects.count() == 0


def test_strangers_neither_list_nor_withdraw() -> None:
    officer, form = a_form()
    lot_id = data_of(LIST_LOT, officer, **form)["lot"]["id"]
    for principal, code in (
        (Principal(), "unauthenticated"),
        (make_principal(), "forbidden"),
        (make_officer(make_station()), "forbidden"),
    ):
        assert data_of(LIST_LOT, principal, **form)["errors"][0]["code"] == code
        assert data_of(WITHDRAW, principal, id=lot_id)["errors"][0]["code"] == code
    assert list(Lot.objects.values_list("status", flat=True)) == ["listed"]


def test_station_lots_are_its_officers_and_a_farmers_own() -> None:
    station, user = make_station(), make_user()
    mine = make_lot(seller=make_farmer(station=station, user=user))
    other = make_lot(seller=make_farmer(station=station))
    variables = {"id": str(station.uuid)}
    assert data_of(STATION_LOTS, make_officer(station), **variables) == [
        {"id": str(other.uuid)},
        {"id": str(mine.uuid)},
    ]
    assert data_of(STATION_LOTS, make_principal(user=user), **variables) == [{"id": str(mine.uuid)}]
    for stranger in (make_principal(), make_officer(make_station())):
        body = ask(STATION_LOTS, stranger, **variables)
        assert body["errors"][0]["extensions"]["code"] == "forbidden"


def test_import_names_bad_cells_then_loads_then_undoes() -> None:
    station = make_station()
    make_van(station.hub)
    make_farmer(station=station, name="王婶")
    make_product(name="土鸡蛋")
    officer = make_officer(station)
    head, today = "商品,农户,数量,单价,采收日期\n", clock.today().isoformat()
    good, bad = f"土鸡蛋,王婶,12,36,{today}\n", f"土鸡蛋,王婶,dozen,36,{today}\n"
    given = {"station": str(station.uuid)}
    refused = data_of(IMPORT, officer, file=as_file(head + good + bad), **given)
    assert (refused["lots"], refused["importId"], refused["errors"]) == ([], None, [])
    assert [(e["row"], e["field"], e["code"]) for e in refused["rowErrors"]] == [(3, "数量", "invalid")]
    preview = data_of(IMPORT, officer, file=as_file(head + good), dry=True, **given)
    assert [(row["row"], row["quantity"]) for row in preview["preview"]] == [(2, 12)]
    assert Lot.objects.count() == 0
    loaded = data_of(IMPORT, officer, file=as_file(head + good), key="k", **given)
    assert data_of(IMPORT, officer, file=as_file(head + good), key="k", **given) == loaded
    assert [lot["product"]["name"] for lot in loaded["lots"]] == ["土鸡蛋"]
    assert data_of(UNDO, officer, id=loaded["importId"])["lotImport"]["undoneAt"] is not None
    assert Lot.objects.get().status == "withdrawn"
    malformed = data_of(IMPORT, officer, file=as_file("hello"), **given)
    assert [(e["code"], e["field"]) for e in malformed["errors"]] == [("invalid", "file")]


def test_a_long_table_is_one_file_and_a_broken_one_is_refused_by_name() -> None:
    station = make_station()
    make_van(station.hub)
    make_farmer(station=station, name="王婶")
    make_product(name="土鸡蛋")
    rows = f"土鸡蛋,王婶,12,36,{clock.today()}\n" * 300
    given = {"station": str(station.uuid), "dry": True}
    officer = make_officer(station)
    found = data_of(IMPORT, officer, file=as_file("商品,农户,数量,单价,采收日期\n" + rows), **given)
    assert (found["errors"], found["rowErrors"], len(found["preview"])) == ([], [], 300)
    broken = data_of(IMPORT, officer, file="5ZWG5ZO", **given)
    assert [(e["code"], e["field"]) for e in broken["errors"]] == [("invalid", "file")]
