"""Statements: every amount from the ledger, how it came about, and the event behind each line."""

import io
from datetime import timedelta
from uuid import uuid4

import pytest
from openpyxl import load_workbook

from marketplace.kernel import clock
from marketplace.kernel.errors import Forbidden, InvalidInput, NotFound
from orders.ledger.accounts import AccountKind
from orders.services.documents.statement_events import statement_event
from orders.services.documents.statement_files import as_csv, as_pdf, as_xlsx
from orders.services.documents.statements import statement
from orders.services.redress.refunding import refund_line
from tests.factories.accounts import make_principal
from tests.factories.farmers import make_officer
from tests.factories.orders import make_buyer, make_paid_order
from tests.orders.services.steps import collected, owed


def of_farmer(farmer, principal=None, **period):
    who = principal or make_principal("farmer", "farmer", farmer.uuid)
    return statement(principal=who, owner_kind="farmer", owner_uuid=farmer.uuid, **period)


def steps(row):
    return [(step.name, step.amount_fen) for step in row.parts]


@pytest.fixture
def sold(market, thursday):
    """1.5 kg of rice ordered, 1.485 kg packed and collected; then 2.00 claimed back."""
    order = make_paid_order(market, (market.rice, 1_500))
    thursday()
    collected(market, order, 1_485)
    line = order.lines.get()
    refund_line(principal=make_principal("platform"), line_uuid=line.uuid, amount_fen=200, reason="受潮")
    line.refresh_from_db()
    return line


def test_a_farmer_sees_sale_weight_fee_claim_and_what_is_left(market, sold):
    farmer = market.rice.seller
    made = of_farmer(farmer)
    sale, claim = made.lines
    assert sale.title == f"卖出 {sold.listing['product']}"
    # 1,500 g at 8.80 a kilogram agreed, 15 g less on the scale, 7 % platform, 6 % station
    assert steps(sale) == [
        ("agreed", 1_320),
        ("refund_weight", -13),
        ("sale", 1_307),
        ("commission", -91),
        ("station", -78),
    ]
    assert sale.amount_fen == sale.balance_fen == 1_307 - 91 - 78
    assert steps(claim) == [("sale", -200), ("commission", 14), ("station", 12)]
    assert (claim.amount_fen, claim.reference) == (-174, sold.order.number)
    assert made.closing_fen == 1_138 - 174 == owed(AccountKind.SELLER_PAYABLE, farmer.uuid)
    assert [(total.name, total.amount_fen) for total in made.totals] == [
        ("sales", 1_307),
        ("fees", -169),
        ("taken_back", -174),
    ]


def test_the_totals_lead_from_opening_to_closing(market, sold, at):
    farmer = market.rice.seller
    today = clock.today()
    at(clock.at(today + timedelta(days=1), 9))
    tomorrow = of_farmer(farmer, start=today + timedelta(days=1), end=today + timedelta(days=1))
    assert (tomorrow.opening_fen, tomorrow.lines, tomorrow.closing_fen) == (964, [], 964)
    made = of_farmer(farmer)
    assert made.opening_fen + sum(total.amount_fen for total in made.totals) == made.closing_fen == 964


def test_station_and_courier_see_what_they_earned_of_it(market, sold):
    station = statement(
        principal=make_officer(market.second), owner_kind="station", owner_uuid=market.second.uuid
    )
    assert [(row.kind, row.amount_fen) for row in station.lines] == [("settled", 78), ("taken_back", -12)]
    assert [(total.name, total.amount_fen) for total in station.totals] == [
        ("earned", 78),
        ("taken_back", -12),
    ]
    carrier = market.town.vehicles.filter(is_trunk=False).first().carrier
    courier = statement(
        principal=make_principal("courier", "carrier", carrier.uuid),
        owner_kind="courier",
        owner_uuid=carrier.uuid,
        start=clock.today(),
        end=clock.today(),
    )
    assert [(row.title, row.amount_fen) for row in courier.lines] == [("配送费", 240)]
    assert steps(courier.lines[0]) == [("fee", 300), ("commission", -60)]


def test_each_line_opens_its_event(market, sold):
    farmer = market.rice.seller
    who = make_principal("farmer", "farmer", farmer.uuid)
    for row in of_farmer(farmer).lines:
        event = statement_event(
            principal=who, owner_kind="farmer", owner_uuid=farmer.uuid, transaction_uuid=row.transaction_uuid
        )
        facts = {fact.label: fact.value for fact in event.facts}
        assert (event.title, event.at) == (row.title, row.at)
        assert facts["订单号"] == sold.order.number
        assert facts["分装实重"] == "1485 g"
        assert facts["站点称重"].endswith(" 2000 g")
        assert facts["退款"].endswith("2.00 受潮")
        assert facts["取件"].endswith(market.place.name)
        assert market.buyer.name not in "".join(facts.values())


def test_an_event_of_somebody_else_stays_closed(market, sold):
    row = of_farmer(market.rice.seller).lines[0]
    stranger = market.farmer
    with pytest.raises(NotFound) as refused:
        statement_event(
            principal=make_principal("farmer", "farmer", stranger.uuid),
            owner_kind="farmer",
            owner_uuid=stranger.uuid,
            transaction_uuid=row.transaction_uuid,
        )
    assert refused.value.field == "transaction_id"


def test_others_learn_nothing(market, sold):
    farmer = market.rice.seller
    strangers = (market.principal, make_officer(market.station), make_principal("farmer", "farmer", uuid4()))
    for principal in strangers:
        with pytest.raises(NotFound):
            of_farmer(farmer, principal)
    assert of_farmer(farmer, make_officer(market.second)).lines
    with pytest.raises(Forbidden):
        statement(principal=market.officer, owner_kind="platform", owner_uuid=uuid4())


def test_a_period_that_cannot_be(market):
    day = clock.today()
    for start, end in ((day, day - timedelta(days=1)), (day - timedelta(days=401), day)):
        with pytest.raises(InvalidInput) as refused:
            of_farmer(market.farmer, start=start, end=end)
        assert refused.value.field == "start"


def test_the_files_say_what_the_page_says(market, sold):
    made = of_farmer(market.rice.seller)
    sheet = load_workbook(io.BytesIO(as_xlsx(made))).active
    rows = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=2)]
    assert [float(row[4]) for row in rows] == [11.38, -1.74]
    assert rows[0][3] == "下单金额 13.20，称重差额 -0.13，实收货款 13.07，平台服务费 -0.91，站点服务费 -0.78"
    lines = as_csv(made).decode("utf-8-sig").splitlines()
    assert len(lines) == 3
    assert lines[2].endswith(",-1.74,9.64")
    assert as_pdf(made).startswith(b"%PDF-")


def test_the_number_of_statements_does_not_grow_with_the_lines(market, thursday, django_assert_num_queries):
    orders = [make_paid_order(market, (market.rice, 1_500), buyer=make_buyer(market.place)) for _ in range(3)]
    thursday()
    collected(market, orders[0], 1_400)
    who = make_principal("farmer", "farmer", market.rice.seller.uuid)
    with django_assert_num_queries(8):
        of_farmer(market.rice.seller, who)
    collected(market, orders[1], 1_400)
    collected(market, orders[2], 1_400)
    with django_assert_num_queries(8):
        assert len(of_farmer(market.rice.seller, who).lines) > 2
