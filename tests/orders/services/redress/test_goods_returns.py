"""七天无理由退货: asked, handed back to a station or the courier, refunded; fresh goods where granted."""

from datetime import timedelta

import pytest

from catalog.services.listing import grant_returns
from farmers.models import Station
from marketplace.accounts.services.sign_in import principal_of
from marketplace.custody.models import HandlingUnit
from marketplace.kernel import clock
from marketplace.kernel.errors import Conflict, DomainError, Expired, Forbidden, InvalidInput, NotFound
from marketplace.kernel.principal import Principal
from orders.ledger.accounts import AccountKind
from orders.ledger.services import balance
from orders.models import Claim, GoodsReturn, LineRefund, Payout
from orders.services.redress.claims import answer_claim, appeal_claim
from orders.services.redress.goods_returns import (
    ask_return,
    checked_window,
    decide_return,
    end_due_returns,
    receive_return,
    return_ways,
    returns_of_order,
    returns_to_receive,
)
from orders.services.settlement.payouts import pay_out_due
from tests.factories.accounts import make_principal
from tests.factories.graph import data_of
from tests.factories.orders import fresh, make_buyer, make_paid_order
from tests.orders.services.redress.test_claims import claim
from tests.orders.services.steps import books_balance, collected, owed


@pytest.fixture
def line(market, thursday):
    """Two boxes of kiwi for 64.00, sold with the seller's grant, just collected."""
    grant_returns(principal=market.officer, lot_uuid=market.kiwi.uuid, granted=True)
    order = make_paid_order(market, (market.kiwi, 2))
    thursday()
    market.van = collected(market, order, 5_000)
    return order.lines.get()


def ask(market, line, quantity=2, station="own", **more):
    where = market.station.uuid if station == "own" else station
    return ask_return(
        principal=market.principal, line_uuid=line.uuid, quantity=quantity, station_uuid=where, **more
    )


def receive(market, row, *, intact=True, principal: Principal | None = None, note=""):
    return receive_return(
        principal=principal or market.officer, return_uuid=row.uuid, intact=intact, gross_g=5_200, note=note
    )


def platform():
    return make_principal("platform", scope_kind="platform")


def test_handed_back_at_the_station_the_money_goes_back_and_everybody_gives_his_share(market, line):
    row = ask(market, line)
    assert [r.pk for r in returns_to_receive(principal=market.officer)] == [row.pk]
    delivery_before = -balance(kind=AccountKind.DELIVERY_INCOME)
    row = receive(market, row)
    assert (row.status, row.refund.amount_fen, row.refund.reason) == ("refunded", 6_400, "return")
    for kind, owner in [
        (AccountKind.SELLER_PAYABLE, market.farmer.uuid),
        (AccountKind.STATION_PAYABLE, market.station.uuid),
        (AccountKind.COMMISSION, None),
    ]:
        assert owed(kind, owner) == 0
    assert -balance(kind=AccountKind.DELIVERY_INCOME) == delivery_before  # the buyer pays the way
    assert books_balance()
    unit = HandlingUnit.objects.get(uuid=row.unit_uuid)
    assert (unit.holder_kind, unit.holder_uuid, unit.gross_g) == ("station", market.station.uuid, 5_200)
    again = receive(market, row)
    assert (again.pk, LineRefund.objects.count()) == (row.pk, 1)


def test_a_part_goes_back_to_the_courier_who_brought_it(market, line):
    row = ask(market, line, quantity=1, station=None)
    with pytest.raises(NotFound):
        receive(market, row)  # it is not addressed to the station
    stranger = make_principal("courier", "carrier", clock_uuid())
    with pytest.raises(NotFound):
        receive(market, row, principal=stranger)
    courier = make_principal("courier", "carrier", market.van.carrier.uuid)
    row = receive(market, row, principal=courier)
    unit = HandlingUnit.objects.get(uuid=row.unit_uuid)
    assert (row.refund.amount_fen, unit.holder_kind, unit.holder_uuid) == (3_200, "vehicle", market.van.uuid)
    assert books_balance()


def clock_uuid():
    from marketplace.kernel.ids import uuid7

    return uuid7()


def test_fresh_goods_without_a_grant_and_late_or_foreign_wishes_are_refused(market, thursday):
    order = make_paid_order(market, (market.kiwi, 2))
    thursday()
    collected(market, order, 5_000)
    # granted afterwards: the order keeps the rule of its day
    grant_returns(principal=market.officer, lot_uuid=market.kiwi.uuid, granted=True)
    with pytest.raises(Conflict) as refused:
        ask(market, order.lines.get())
    assert (refused.value.error_code, GoodsReturn.objects.count()) == ("not_returnable", 0)
    with pytest.raises(Forbidden):
        grant_returns(principal=market.principal, lot_uuid=market.kiwi.uuid, granted=False)


def test_eight_days_later_it_is_too_late_and_twice_or_too_much_never_goes(market, line):
    part = fresh(line.order).fulfilments.get()
    last = clock.at(part.collected_at.astimezone(clock.SHANGHAI).date() + timedelta(days=8), 0)
    with clock.as_of(last), pytest.raises(Expired):
        ask(market, line)
    with pytest.raises(InvalidInput):
        ask(market, line, quantity=3)
    with clock.as_of(last - timedelta(seconds=1)):
        ask(market, line)
    with pytest.raises(Conflict) as refused:
        ask(market, line)
    assert refused.value.error_code == "already_returned"


def test_damaged_goods_wait_for_the_platform_and_silence_gives_the_money_back(market, line):
    row = ask(market, line)
    with pytest.raises(InvalidInput):
        receive(market, row, intact=False)
    row = receive(market, row, intact=False, note="盒子已拆，少两个")
    assert (row.status, LineRefund.objects.count()) == ("disputed", 0)
    assert row.refund_by == clock.now() + timedelta(days=7)
    with pytest.raises(Forbidden):
        decide_return(principal=market.officer, return_uuid=row.uuid, refund=False, note="不退")
    assert end_due_returns() == 0
    with clock.as_of(row.refund_by):
        assert end_due_returns() == 1
    row.refresh_from_db()
    assert (row.status, row.refund.amount_fen, row.decided_by_uuid) == ("refunded", 6_400, None)


def test_the_platform_may_keep_the_money_with_a_reason(market, line):
    row = receive(market, ask(market, line), intact=False, note="空盒")
    with pytest.raises(InvalidInput):
        decide_return(principal=platform(), return_uuid=row.uuid, refund=False)
    row = decide_return(principal=platform(), return_uuid=row.uuid, refund=False, note="空盒不退")
    assert (row.status, row.note, LineRefund.objects.count()) == ("refused", "空盒不退", 0)
    assert [r.status for r in returns_of_order(principal=market.principal, order_uuid=line.order.uuid)] == [
        "refused"
    ]


def test_the_payout_waits_until_it_is_brought_or_forgotten(market, line):
    row = ask(market, line)
    due = Payout.objects.get(merchant_uuid=market.farmer.uuid)
    with clock.as_of(due.due_at):
        pay_out_due()
    due.refresh_from_db()
    assert due.status == "waiting"
    with clock.as_of(row.bring_by):
        assert end_due_returns() == 1
        pay_out_due()
    due.refresh_from_db()
    row.refresh_from_db()
    assert (row.status, due.status) == ("ended", "ordered")
    with pytest.raises(Conflict):
        receive(market, row)


def test_the_ways_back_are_the_counters_of_the_county_and_the_courier_who_brought_it(market, line):
    ways = return_ways(principal=market.principal, line_uuid=line.uuid)
    county = line.fulfilment.destination.county
    assert ways.courier
    assert {station.place.county for station in ways.stations} <= {county} or not (
        Station.objects.filter(place__county=county).exists()
    )
    assert ways.stations
    with pytest.raises(NotFound):
        return_ways(principal=principal_of(make_buyer()), line_uuid=line.uuid)


def test_the_window_says_in_words_why_a_line_stays(market, line):
    part = line.fulfilment

    def why(**more):
        state = {"under_claim": False, "returned": False} | more
        with pytest.raises(DomainError) as refused:
            checked_window(line, part, **state)
        return refused.value.error_code

    rule, until = checked_window(line, part, under_claim=False, returned=False)
    assert rule.granted
    assert until > clock.now()
    assert why(under_claim=True) == "under_claim"
    assert why(returned=True) == "already_returned"
    line.listing = {**line.listing, "return_rule": None, "returnable": False}
    assert why() == "not_returnable"


def test_goods_on_their_way_back_cannot_be_claimed_until_that_has_ended(market, line):
    row = ask(market, line, 1)
    with pytest.raises(Conflict) as refused:
        claim(market, line, 25)
    assert (refused.value.error_code, refused.value.field) == ("being_returned", "line_id")
    receive(market, row, intact=False, note="拆开了")
    with pytest.raises(Conflict):
        claim(market, line, 25)
    assert not Claim.objects.exists()
    decide_return(principal=platform(), return_uuid=row.uuid, refund=False, note="已食用")
    assert claim(market, line, 25).status == "granted"
    assert LineRefund.objects.count() == 1
    assert books_balance()


def test_a_refused_claim_is_not_appealed_while_the_goods_come_back(market, line):
    made = claim(market, line, 50)
    answer_claim(principal=market.officer, claim_uuid=made.uuid, grant=False, answer="完好")
    row = ask(market, line)
    with pytest.raises(Conflict) as refused:
        appeal_claim(principal=market.principal, claim_uuid=made.uuid)
    assert (refused.value.error_code, refused.value.field) == ("being_returned", "claim_id")
    assert Claim.objects.get().status == "refused"
    assert receive(market, row).status == "refunded"


def test_an_order_page_offers_no_claim_on_a_line_that_is_being_returned(market, line):
    shown = "{ myOrders { lines { claimableUntil goodsReturn { status } } } }"
    [order] = data_of(shown, market.principal)
    assert order["lines"][0]["claimableUntil"]
    ask(market, line)
    [order] = data_of(shown, market.principal)
    assert order["lines"] == [{"claimableUntil": None, "goodsReturn": {"status": "asked"}}]


TO_RECEIVE = """{ returnsToReceive { id status orderNumber productName quantity unit refundFen bringBy
    refundBy note stationName } }"""
WAYS = """query Ways($id: ID!) { returnWays(lineId: $id) {
    courier stations { id name place { id address opens closes } } } }"""


def test_the_pages_of_returns_ask_the_database_a_fixed_number_of_times(
    market, line, django_assert_num_queries
):
    buyer, officer = market.principal, market.officer
    with django_assert_num_queries(5):  # line; counters near, else all; hand-over; van
        told = data_of(WAYS, buyer, id=str(line.uuid))
    assert told["courier"]
    assert told["stations"]
    ask(market, line, quantity=1)
    with django_assert_num_queries(1):
        [row] = data_of(TO_RECEIVE, officer)
    assert (row["refundFen"], row["stationName"]) == (3_200, market.station.name)
