"""The settlement run: at the end of the claim window, once, by seller, and one row's failure is its own."""

from datetime import timedelta

import pytest

from marketplace.kernel import clock
from orders.ledger.accounts import AccountKind
from orders.ledger.services import balance
from orders.models import Payout
from orders.payments.errors import RoyaltyTooLarge
from orders.payments.models import PaymentIntent, SettlementInstruction
from orders.services.fulfilment import arrivals
from orders.services.fulfilment.packing import pack_shipment
from orders.services.purchases.villager_orders import order_for_villager
from orders.services.redress.refunding import refund_line
from orders.services.settlement import payouts
from orders.services.settlement.payouts import note_settlement, pay_out_due
from tests.factories.accounts import make_principal
from tests.factories.orders import deliver, fresh, make_buyer, make_paid_order, make_village_goods
from tests.orders.services.steps import books_balance, collected, into_cabinet, owed

DAY = timedelta(hours=24)


@pytest.fixture
def sold(market, thursday):
    order = make_paid_order(market, (market.kiwi, 2))
    thursday()
    collected(market, order, 5_000)
    return order


def lines_of(payout):
    instruction = SettlementInstruction.objects.get(uuid=payout.settlement_uuid)
    return {
        (line.account, line.owner_uuid, line.royalty): line.amount_fen for line in instruction.lines.all()
    }


def test_the_sellers_money_waits_for_the_end_of_the_claim_window(market, sold, at):
    collected_at = clock.now()
    assert pay_out_due() == 1  # the delivery is the platform's own: nobody claims for it
    at(collected_at + DAY - timedelta(seconds=1))
    assert pay_out_due() == 0
    at(collected_at + DAY)
    assert pay_out_due() == 1
    row = Payout.objects.get(merchant_uuid=market.farmer.uuid)
    assert (row.status, row.amount_fen, row.due_at) == ("ordered", 6_400, collected_at + DAY)
    # The farmer's part is released with the trade, never shared out of it.
    assert lines_of(row) == {
        ("seller_payable", market.farmer.uuid, False): 6_400 - 448 - 384,
        ("station_payable", market.station.uuid, True): 384,
        ("commission", None, True): 448,
    }
    assert owed(AccountKind.SELLER_PAYABLE, market.farmer.uuid) == 0
    assert owed(AccountKind.SETTLING, market.farmer.uuid) == 6_400 - 448 - 384
    assert pay_out_due() == 0
    assert SettlementInstruction.objects.count() == 2
    assert books_balance()


def test_other_goods_may_be_claimed_for_two_days(market, thursday, at):
    order = make_paid_order(market, (market.kiwi, 1))
    listing = order.lines.get().listing
    order.lines.update(listing={**listing, "returnable": True})
    thursday()
    collected(market, order, 2_500)
    assert Payout.objects.get(merchant_uuid=market.farmer.uuid).due_at == clock.now() + 2 * DAY


def test_only_what_is_kept_is_paid_out(market, sold, at):
    refund_line(
        principal=make_principal("platform"), line_uuid=sold.lines.get().uuid, amount_fen=1_400, reason="坏果"
    )
    at(clock.now() + DAY)
    pay_out_due()
    row = Payout.objects.get(merchant_uuid=market.farmer.uuid)
    assert (row.amount_fen, lines_of(row)["commission", None, True]) == (5_000, 350)
    assert PaymentIntent.objects.get(reference=row.intent_reference).settled_fen == 5_000


def test_nothing_is_ordered_for_what_was_refunded_in_full(market, sold, at):
    refund_line(
        principal=make_principal("platform"), line_uuid=sold.lines.get().uuid, amount_fen=6_400, reason="坏果"
    )
    at(clock.now() + DAY)
    pay_out_due()
    row = Payout.objects.get(merchant_uuid=market.farmer.uuid)
    assert (row.status, row.settlement_uuid) == ("nothing", None)


def test_one_rows_failure_does_not_hold_up_the_others(market, thursday, at, monkeypatch):
    orders = [make_paid_order(market, (market.kiwi, 1), buyer=make_buyer(market.place)) for _ in range(2)]
    thursday()
    for order in orders:
        collected(market, order, 2_500)
    pay_out_due()
    broken = orders[0].lines.get().intent_reference
    real = payouts.order_settlement

    def refuse_one(**asked):
        if asked["intent_reference"] == broken:
            raise RoyaltyTooLarge(params={"left_yuan": "0.00"})
        return real(**asked)

    monkeypatch.setattr(payouts, "order_settlement", refuse_one)
    at(clock.now() + DAY)
    assert pay_out_due() == 1
    stuck = Payout.objects.get(intent_reference=broken)
    assert (stuck.status, stuck.failure, stuck.tries) == ("waiting", "royalty_too_large", 1)
    assert stuck.next_try_at > clock.wall()
    assert pay_out_due() == 0  # not asked again before its time
    monkeypatch.setattr(payouts, "order_settlement", real)
    Payout.objects.update(next_try_at=clock.wall())
    assert pay_out_due() == 1
    stuck.refresh_from_db()
    assert (stuck.status, stuck.failure) == ("ordered", "")


def test_the_providers_word_ends_the_row(market, sold, at):
    at(clock.now() + DAY)
    pay_out_due()
    row = Payout.objects.get(merchant_uuid=market.farmer.uuid)
    note_settlement(settlement_uuid=row.settlement_uuid, why="ACQ.TRADE_SETTLE_ERROR")
    note_settlement(settlement_uuid=row.settlement_uuid, why=None)
    row.refresh_from_db()
    assert (row.status, row.failure) == ("refused", "ACQ.TRADE_SETTLE_ERROR")
    assert fresh(sold).attention == "payout_refused"
    delivery = Payout.objects.get(merchant_uuid=None)
    note_settlement(settlement_uuid=delivery.settlement_uuid, why=None)
    delivery.refresh_from_db()
    assert (delivery.status, delivery.ended_at) == ("done", clock.now())


def test_a_refund_after_the_payout_is_a_debt_of_who_was_paid(market, sold, at):
    at(clock.now() + DAY)
    pay_out_due()
    refund_line(
        principal=make_principal("platform"), line_uuid=sold.lines.get().uuid, amount_fen=6_400, reason="调解"
    )
    assert owed(AccountKind.SELLER_PAYABLE, market.farmer.uuid) == 0
    assert balance(kind=AccountKind.SELLER_DEBT, owner=market.farmer.uuid) == 6_400 - 448 - 384
    assert balance(kind=AccountKind.SELLER_DEBT, owner=market.station.uuid) == 384
    assert books_balance()


def test_cash_is_not_at_the_provider(market, at):
    villager, goods = make_village_goods(market)
    order = order_for_villager(
        principal=market.officer,
        station_uuid=market.station.uuid,
        villager_uuid=villager.uuid,
        lines=[(goods.uuid, 1)],
        payment="cash",
    )
    deliver()
    part = order.fulfilments.get()
    unit = pack_shipment(principal=market.packer, shipment_uuid=part.shipment_uuid, weight_g=part.gross_g)
    into_cabinet(market, part, unit)
    arrivals.note_collected(fulfilment_uuid=part.uuid, at=clock.now())
    at(clock.now() + 2 * DAY)
    assert pay_out_due() == 0
    assert set(Payout.objects.values_list("status", flat=True)) == {"cash"}
