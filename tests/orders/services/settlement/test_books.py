"""The till at the day's end, the settlement run, the trial balance and the bill's differences."""

from datetime import timedelta

import pytest

from marketplace.kernel import clock
from marketplace.kernel.errors import Conflict, Forbidden, InvalidInput
from orders.ledger.accounts import AccountKind
from orders.ledger.services import balance
from orders.models import CashClosing
from orders.payments.models import BillFile, ReconciliationItem
from orders.services.purchases.villager_orders import order_for_villager
from orders.services.settlement.books import payouts, reconciliation, trial_balance
from orders.services.settlement.cash_closing import close_cash, closings
from tests.factories.accounts import make_principal
from tests.factories.farmers import make_officer
from tests.factories.orders import make_paid_order, make_village_goods
from tests.orders.services.steps import books_balance, collected


@pytest.fixture
def till(market):
    """A villager paid at the counter; gives what the books expect in the till."""
    villager, goods = make_village_goods(market)
    order = order_for_villager(
        principal=market.officer,
        station_uuid=market.station.uuid,
        villager_uuid=villager.uuid,
        lines=[(goods.uuid, 1)],
        payment="cash",
    )
    return order.agreed_max_fen


def close(market, counted_fen, reason=""):
    return close_cash(
        principal=market.officer, station_uuid=market.station.uuid, counted_fen=counted_fen, reason=reason
    )


def float_of(market):
    return balance(kind=AccountKind.STATION_CASH, owner=market.station.uuid)


def test_a_till_that_fits_is_closed_without_a_word(market, till):
    made = close(market, till)
    assert (made.expected_fen, made.difference_fen, made.reason) == (till, 0, "")
    assert float_of(market) == till
    assert close(market, till) == made
    with pytest.raises(Conflict) as refused:
        close(market, till - 1, "再数一次")
    assert refused.value.error_code == "closed_already"


def test_a_difference_needs_a_reason_and_is_posted(market, till, at):
    for reason in ("", "  "):
        with pytest.raises(InvalidInput) as refused:
            close(market, till - 50, reason)
        assert refused.value.field == "reason"
    assert not CashClosing.objects.exists()
    assert close(market, till - 50, "找零多给了五角").difference_fen == -50
    assert (float_of(market), balance(kind=AccountKind.SUSPENSE)) == (till - 50, 50)
    at(clock.now() + timedelta(days=1))
    assert close(market, till, "昨天的五角找到了").difference_fen == 50
    assert (float_of(market), balance(kind=AccountKind.SUSPENSE)) == (till, 0)
    assert books_balance()
    shown = closings(principal=market.officer, station_uuid=market.station.uuid, first=10)
    assert [row.difference_fen for row in shown] == [50, -50]


def test_another_stations_till_stays_shut(market, till):
    with pytest.raises(Forbidden):
        close_cash(principal=make_officer(market.second), station_uuid=market.station.uuid, counted_fen=till)
    assert not CashClosing.objects.exists()


def test_the_run_and_the_trial_balance_are_the_platforms(market, thursday):
    order = make_paid_order(market, (market.kiwi, 2))
    thursday()
    collected(market, order, 5_000)
    platform = make_principal("platform")
    shown = payouts(principal=platform, status=None, first=10)
    assert {(row.merchant_uuid, row.status) for row in shown} == {
        (market.farmer.uuid, "waiting"),
        (None, "waiting"),
    }
    assert payouts(principal=platform, status="done", first=10) == []
    with pytest.raises(InvalidInput):
        payouts(principal=platform, status="lost", first=10)
    books = trial_balance(principal=platform)
    assert books.sum_fen == 0
    assert {row.kind: row.amount_fen for row in books.accounts}["commission"] == -448
    for ask in (
        lambda: payouts(principal=market.officer, status=None, first=1),
        lambda: trial_balance(principal=market.officer),
        lambda: reconciliation(principal=market.officer, first=1),
    ):
        with pytest.raises(Forbidden):
            ask()


def test_every_difference_of_a_bill_is_shown_the_open_ones_first(market):
    day = clock.today()
    BillFile.objects.create(day=day, status="fetched")
    for number, resolved in (("T1", clock.now()), ("T2", None)):
        ReconciliationItem.objects.create(
            day=day,
            difference="missing_here",
            kind="payment",
            out_trade_no=number,
            theirs_fen=100,
            found_at=clock.now(),
            resolved_at=resolved,
        )
    (shown,) = reconciliation(principal=make_principal("platform"), first=7)
    assert (shown.day, shown.status, shown.rows) == (day, "fetched", 0)
    assert [item.out_trade_no for item in shown.items] == ["T2", "T1"]
