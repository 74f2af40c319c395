"""The API of orders: payloads, typed errors, who sees codes, and how many statements a page costs."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from marketplace.accounts.models import User
from marketplace.accounts.services.sign_in import principal_of
from marketplace.kernel import clock
from marketplace.kernel.principal import Principal
from marketplace.messages.models import Notice
from orders.models import Order
from orders.services import road
from orders.services.fulfilment import arrivals
from orders.services.redress.cancelling import cancel_order
from tests.factories.accounts import make_principal
from tests.factories.catalog import make_lot
from tests.factories.graph import ask, data_of
from tests.factories.orders import (
    THURSDAY,
    deliver,
    fill_cart,
    fresh,
    make_buyer,
    make_order,
    make_paid_order,
    make_village_goods,
)
from tests.orders.services.purchases.test_villagers import order_for
from tests.orders.services.steps import into_cabinet, pack

CART = (
    "{ cart { id totalMaxFen allergyLock lines { id quantity substitution allergyLock amountFen "
    "lot { id product { name } seller { name } } } } }"
)
CHOICES = """{ pickupChoices { deliverOn choices {
    zones feasible reasonCode reason feeFen arrivesFrom arrivesUntil discountAnyFen
    place { id name county { name } } } } }"""
ORDERS = """query Mine($first: Int) { myOrders(first: $first) {
    id number status paymentStatus totalMaxFen paidFen refundedFen payUrl
    lines { id quantity maxAmountFen status returnableUntil noReturnReason claimableUntil
        claim { id } goodsReturn { id status stationName refundedFen }
        lot { id product { name } seller { name } station { name } } }
    fulfilments { id zone status pickupCode pickupQr destination { name county { name } }
        unit { code grossG } } } }"""
STATION = """query Board($id: ID!) { stationBoard(stationId: $id) { cashFloatFen
    harvest { orderedQuantity orders weighedG lot { id } product { name } farmer { name } }
    crates { code contents { grams } }
    toPack { fulfilment { id } lines { id } crates { id } }
    incoming { shipmentId recipientMasked unit { code } fulfilment { id zone } }
    shelf { recipientMasked readySince unit { code } fulfilment { id } } } }"""
HUB = """query Board($id: ID!, $date: Date) { hubBoard(hubId: $id, date: $date) {
    toPackDown { shipmentId quantity station { id name } product { name unit } }
    toConsolidate { fulfilment { id zone destination { name } } lines { id quantity lot { product { name } } }
        crates { id code contents { kind id grams } } }
    trunks { date status fromHub { name } toHub { name } units { code } }
    units { id code kind contents { kind id grams } } } }"""
RECEIPTS = """mutation Ask($id: ID!) { requestReceipts(
    orderId: $id, kind: "company", title: "宜春某某公司", taxNumber: "91350100M000100Y43") {
        receipts { id } errors { code } } }"""
TO_ISSUE = """{ invoicesToIssue {
    id number orderNumber sellerId corrects current pdfPath lines { text quantity amountFen } } }"""
CLOSE = """mutation Close($id: ID!, $counted: Int!) { closeCash(
    stationId: $id, countedFen: $counted, reason: "找零") { closing { id } errors { code } } }"""
CLOSINGS = """query Closings($id: ID!) { cashClosings(stationId: $id) {
    id day expectedFen countedFen differenceFen reason at closedBy } }"""
PLACE_ORDER = """mutation Order($place: ID, $max: Int!, $key: String) {
    placeOrder(placeId: $place, agreedMaxFen: $max, idempotencyKey: $key) {
        order { id number status payUrl totalMaxFen } errors { code field message } } }"""


def statements(query, principal, **variables):
    """(answer, how many SQL statements it took)"""
    with CaptureQueriesContext(connection) as captured:
        answer = data_of(query, principal, **variables)
    return answer, len(captured)


# --- reading


def test_a_cart_costs_the_same_with_one_line_and_with_three(market):
    fill_cart(market.principal, (market.kiwi, 1))
    one, cost = statements(CART, market.principal)
    fill_cart(market.principal, (market.rice, 500), (make_lot(station=market.station), 1))
    three, cost_of_three = statements(CART, market.principal)
    assert (len(one["lines"]), len(three["lines"])) == (1, 3)
    assert (cost, cost_of_three) == (2, 2)
    assert (one["totalMaxFen"], three["totalMaxFen"]) == (3200, 3200 + 440 + 3200)


def test_the_place_picker_costs_the_same_with_one_place_and_with_three(market):
    principal = market.principal
    fill_cart(principal, (market.kiwi, 1))
    _, _cost = statements(CHOICES, principal)
    buyer = make_buyer(market.place, market.second.place, market.station.place)
    fill_cart(principal_of(buyer), (market.kiwi, 1))
    statements(CHOICES, principal_of(buyer))  # the first asker fills the read model
    found, cost_of_three = statements(CHOICES, principal_of(buyer))
    _, cost_again = statements(CHOICES, principal)
    assert len(found["choices"]) == 3
    assert (cost_again, cost_of_three) == (11, 11)


def test_a_page_of_orders_costs_the_same_with_one_order_and_with_three(market):
    make_paid_order(market, (market.kiwi, 1))
    principal = market.principal
    one, cost = statements(ORDERS, principal)
    make_paid_order(market, (market.kiwi, 1), (market.rice, 900))
    make_paid_order(market, (market.rice, 500))
    three, cost_of_three = statements(ORDERS, principal)
    assert (len(one), len(three)) == (1, 3)
    assert (cost, cost_of_three) == (7, 7)
    assert [order["paymentStatus"] for order in three] == ["succeeded"] * 3


def test_invoices_to_issue_cost_the_same_with_one_and_with_three(market):
    principal = make_principal("platform", scope_kind="platform")

    def order_with_receipts(*lines):
        order = make_paid_order(market, *lines)
        made = data_of(RECEIPTS, market.principal, id=str(order.uuid))
        assert made["errors"] == []

    order_with_receipts((market.kiwi, 1))
    one, cost = statements(TO_ISSUE, principal)
    order_with_receipts((market.kiwi, 1), (make_lot(station=market.station), 1))
    many, cost_of_many = statements(TO_ISSUE, principal)
    assert (len(one), len(many)) == (2, 5)
    assert (cost, cost_of_many) == (1, 1)


def test_the_tills_history_costs_the_same_with_one_and_with_three(market, at):
    def day(number):
        at(clock.at(THURSDAY + timedelta(days=number), 20))
        data_of(CLOSE, market.officer, id=str(market.station.uuid), counted=number * 100)

    day(1)
    one, cost = statements(CLOSINGS, market.officer, id=str(market.station.uuid))
    day(2)
    day(3)
    many, cost_of_many = statements(CLOSINGS, market.officer, id=str(market.station.uuid))
    assert (len(one), len(many)) == (1, 3)
    assert {row["closedBy"] for row in many} == {User.objects.get(uuid=market.officer.user_uuid).name}
    assert (cost, cost_of_many) == (2, 2)


def test_boards_cost_the_same_with_one_row_and_with_three(market, at):
    villager, goods = make_village_goods(market)

    def costs():
        station, first = statements(STATION, market.officer, id=str(market.station.uuid))
        hub, second = statements(HUB, market.packer, id=str(market.hub.uuid), date=str(THURSDAY))
        return (len(station["harvest"]), len(hub["toConsolidate"]), len(hub["toPackDown"])), (first, second)

    make_paid_order(market, (market.kiwi, 1))
    order_for(market, villager, goods)
    deliver()
    assert costs() == ((1, 1, 1), (8, 6))
    other = make_lot(product=market.kiwi.product, seller=market.farmer, quantity=9)
    third = make_lot(product=market.rice.product, seller=market.farmer, quantity=9_000)
    make_paid_order(market, (other, 1), buyer=make_buyer(market.place))
    make_paid_order(market, (third, 500), buyer=make_buyer(market.place))
    order_for(market, villager, goods)
    order_for(market, villager, goods)
    deliver()
    assert costs() == ((3, 3, 3), (8, 6))


# --- who sees what


def test_the_code_is_for_the_recipient_alone_and_only_once_ready(market, at):
    order = make_paid_order(market)
    query = "query One($id: ID!) { order(id: $id) { fulfilments { status pickupCode held } } }"

    def seen(principal):
        return data_of(query, principal, id=str(order.uuid))["fulfilments"][0]

    assert seen(market.principal)["pickupCode"] is None
    at(clock.at(THURSDAY, 9))
    part, unit = pack(market, order, 5_000)
    into_cabinet(market, part, unit)
    part.refresh_from_db()
    assert seen(market.principal) == {"status": "ready", "pickupCode": road.code_of(part), "held": False}
    assert seen(make_principal("platform"))["pickupCode"] is None
    arrivals.note_held(fulfilment_uuid=part.uuid, breach_uuid=part.uuid)
    assert seen(market.principal) == {"status": "ready", "pickupCode": None, "held": True}


@pytest.mark.parametrize("who", ["nobody", "stranger", "another station"])
def test_somebody_elses_order_is_not_shown(market, who):
    order = make_paid_order(market)
    principal = {
        "nobody": Principal(),
        "stranger": make_principal(),
        "another station": make_principal("information_officer", "station", market.second.uuid),
    }[who]
    body = ask("query One($id: ID!) { order(id: $id) { number } }", principal, id=str(order.uuid))
    assert body["data"]["order"] is None
    assert body["errors"][0]["extensions"]["code"] == ("unauthenticated" if who == "nobody" else "not_found")


def test_boards_and_statements_are_for_their_own_people(market):
    stranger = make_principal("information_officer", "station", market.second.uuid)
    for query, variables in (
        (STATION, {"id": str(market.station.uuid)}),
        (HUB, {"id": str(market.hub.uuid)}),
    ):
        body = ask(query, stranger, **variables)
        assert body["errors"][0]["extensions"]["code"] == "forbidden"
    statement = (
        """query Of($kind: String!, $id: ID!) { statement(ownerKind: $kind, ownerId: $id) { closingFen } }"""
    )
    for kind, owner in (("farmer", market.farmer), ("station", market.station)):
        body = ask(statement, stranger, kind=kind, id=str(owner.uuid))
        assert body["errors"][0]["extensions"]["code"] == "not_found"
        assert data_of(statement, market.officer, kind=kind, id=str(owner.uuid)) == {"closingFen": 0}


def test_the_farmers_statement_shows_what_he_earned(market, at):
    order = make_paid_order(market)
    at(clock.at(THURSDAY, 9))
    part, unit = pack(market, order, 5_000)
    into_cabinet(market, part, unit)
    arrivals.note_collected(fulfilment_uuid=part.uuid, at=clock.now())
    found = data_of(
        """query Of($id: ID!) { statement(ownerKind: "farmer", ownerId: $id) {
            openingFen closingFen lines { kind amountFen memo reference } } }""",
        make_principal("farmer", "farmer", market.farmer.uuid),
        id=str(market.farmer.uuid),
    )
    assert found == {
        "openingFen": 0,
        "closingFen": 5568,
        "lines": [
            {
                "kind": "settled",
                "amountFen": 5568,
                "memo": market.kiwi.product.name,
                "reference": order.number,
            }
        ],
    }


# --- acting


def test_the_same_key_is_the_same_order(market, alipay):
    fill_cart(market.principal, (market.kiwi, 1))
    variables = {"place": str(market.place.uuid), "max": 3500, "key": "k1"}
    first = data_of(PLACE_ORDER, market.principal, **variables)
    again = data_of(PLACE_ORDER, market.principal, **variables)
    assert first["errors"] == again["errors"] == []
    assert first["order"]["id"] == again["order"]["id"]
    assert Order.objects.count() == 1
    assert first["order"]["payUrl"] == again["order"]["payUrl"]
    assert first["order"]["payUrl"].startswith(alipay.wire.url)
    other = data_of(PLACE_ORDER, market.principal, **{**variables, "max": 9999})
    assert other["order"] is None
    assert [(e["code"], e["field"]) for e in other["errors"]] == [
        ("idempotency_key_reused", "idempotencyKey")
    ]


def test_an_order_of_three_farmers_and_two_parcels_costs_at_most_eighty_statements(market, alipay):
    lines = [(market.kiwi, 1), (market.rice, 500), (make_lot(station=market.station), 1)]
    variables = {"place": str(market.place.uuid), "max": 9500}
    fill_cart(market.principal, *lines)
    data_of(PLACE_ORDER, market.principal, **variables)  # the gateway knows the sellers from now on
    fill_cart(market.principal, *lines)
    with CaptureQueriesContext(connection) as captured:
        placed = data_of(PLACE_ORDER, market.principal, **variables)
    assert placed["errors"] == []
    said = [query["sql"] for query in captured if "SAVEPOINT" not in query["sql"]]
    assert sum(sql.startswith('INSERT INTO "orders_fulfilment"') for sql in said) == 2
    assert len(said) <= 80  # 73 when this was written


def test_without_an_answer_from_the_gateway_the_order_stands_and_may_be_paid_later(market, alipay, simulator):
    simulator.fault("http_502", times=20)
    fill_cart(market.principal, (market.kiwi, 1))
    found = data_of(PLACE_ORDER, market.principal, place=str(market.place.uuid), max=3500)
    order = found["order"]
    assert (order["status"], order["payUrl"], found["errors"]) == ("awaiting_payment", None, [])
    retry = "mutation Pay($id: ID!) { payOrder(orderId: $id) { order { payUrl } errors { code } } }"
    away = data_of(retry, market.principal, id=order["id"])
    assert away == {"order": None, "errors": [{"code": "provider_away"}]}
    simulator.change("clear")
    assert data_of(retry, market.principal, id=order["id"])["order"]["payUrl"].startswith(alipay.wire.url)


@pytest.mark.parametrize(
    ("place", "agreed", "code", "field"),
    [
        ("none", 3500, "invalid", "placeId"),
        ("nonsense", 3500, "invalid", "placeId"),
        ("unknown", 3500, "no_consent", "placeId"),
        ("mine", 3499, "price_changed", "agreedMaxFen"),
        ("mine", -1, "price_changed", "agreedMaxFen"),
    ],
)
def test_refusals_are_typed_and_name_the_field(market, place, agreed, code, field):
    fill_cart(market.principal, (market.kiwi, 1))
    given = {
        "none": None,
        "nonsense": "x",
        "unknown": str(market.station.place.uuid),
        "mine": str(market.place.uuid),
    }[place]
    found = data_of(PLACE_ORDER, market.principal, place=given, max=agreed)
    assert found["order"] is None
    assert [(error["code"], error["field"]) for error in found["errors"]] == [(code, field)]
    assert not Order.objects.exists()


@pytest.mark.parametrize(
    ("quantity", "code"), [(-1, "invalid"), (501, "invalid"), (7, "out_of_stock"), (2_000_000_000, "invalid")]
)
def test_absurd_quantities_do_not_enter_the_cart(market, quantity, code):
    found = data_of(
        """mutation Set($lot: ID!, $n: Int!) { setCartLine(lotId: $lot, quantity: $n) {
            cart { lines { id } } errors { code field } } }""",
        market.principal,
        lot=str(market.kiwi.uuid),
        n=quantity,
    )
    assert found == {"cart": None, "errors": [{"code": code, "field": "quantity"}]}


def test_taking_a_line_out_and_an_unknown_wish(market):
    mutation = """mutation Set($lot: ID!, $n: Int!, $s: String) {
        setCartLine(lotId: $lot, quantity: $n, substitution: $s) {
            cart { lines { quantity substitution } } errors { code field } } }"""
    lot = str(market.kiwi.uuid)
    put = data_of(mutation, market.principal, lot=lot, n=2, s="ask")
    assert put["cart"]["lines"] == [{"quantity": 2, "substitution": "ask"}]
    wrong = data_of(mutation, market.principal, lot=lot, n=2, s="whatever")
    assert wrong["errors"] == [{"code": "invalid", "field": "substitution"}]
    assert data_of(mutation, market.principal, lot=lot, n=0, s="refund")["cart"]["lines"] == []


def test_refusals_speak_the_readers_language(market):
    fill_cart(market.principal, (market.kiwi, 1))
    for language, text in (("zh-hans", "请选择取货地点"), ("en", "Choose a pickup place")):
        body = ask(PLACE_ORDER, market.principal, language=language, max=1)
        assert body["data"]["placeOrder"]["errors"][0]["message"] == text


def test_five_wrong_codes_in_a_quarter_of_an_hour_are_enough(market, at):
    villager, goods = make_village_goods(market)
    order = order_for(market, villager, goods)
    deliver()
    pack_down = """mutation Pack($id: ID!) { packShipment(shipmentId: $id, weightG: 5300) {
        unit { id } errors { code } } }"""
    part = order.fulfilments.get()
    unit = data_of(pack_down, market.packer, id=str(part.shipment_uuid))["unit"]["id"]
    arrivals.note_ready(
        fulfilment_uuid=part.uuid, place_uuid=market.station.place.uuid, at=clock.now(), in_cabinet=False
    )
    mutation = """mutation Out($s: ID!, $u: ID!, $c: String) { handOut(stationId: $s, unitId: $u, code: $c) {
        fulfilment { status } errors { code field } } }"""
    officer = market.officer
    tries = [
        data_of(mutation, officer, s=str(market.station.uuid), u=unit, c="00000000")["errors"][0]["code"]
        for _ in range(6)
    ]
    assert tries == ["wrong_code"] * 5 + ["rate_limited"]
    right = data_of(
        mutation, officer, s=str(market.station.uuid), u=unit, c=road.code_of(order.fulfilments.get())
    )
    assert right["errors"][0]["code"] == "rate_limited"
    assert fresh(order).status == "paid"


def test_a_notice_is_in_the_recipients_language(market):
    market.buyer.language = "en"
    market.buyer.save()
    order = make_paid_order(market)
    cancel_order(principal=market.principal, order_uuid=order.uuid)
    reasons = set(Notice.objects.filter(template="order_refunded").values_list("params__reason", flat=True))
    assert reasons == {"Order cancelled"}


def test_an_unpaid_order_is_closed_at_the_buyers_wish(market):
    order = make_order(market)
    found = data_of(
        "mutation C($id: ID!) { cancelOrder(orderId: $id) { order { status whyEnded } errors { code } } }",
        market.principal,
        id=str(order.uuid),
    )
    assert found == {"order": {"status": "closed", "whyEnded": "buyer"}, "errors": []}
