"""Paid, unpaid, paid too late: every way ends in an order or in a refund."""

from datetime import timedelta

import pytest

from catalog.models import Reservation
from catalog.services.stock import expire_due_reservations
from lockers.models import CapacityHold
from lockers.services.capacity.holds import expire_due_holds
from marketplace.kernel import clock
from marketplace.kernel.errors import NotFound
from marketplace.messages.models import Notice
from orders.errors import NotPayable, PastCutOff
from orders.ledger.accounts import AccountKind
from orders.ledger.services import balance, trial_balance
from orders.models import LineRefund
from orders.payments.models import Refund
from orders.payments.services import cancel_group
from orders.services.purchases.paying import accept_payment, make_pay_link
from orders.services.redress.cancelling import cancel_order
from routing.models import Leg, Shipment
from tests.factories.accounts import make_principal
from tests.factories.catalog import stock_of
from tests.factories.orders import deliver, fresh, make_buyer, make_order, make_paid_order, pay


def held(seller):
    return -balance(kind=AccountKind.HELD, owner=seller.uuid)


def books_balance() -> bool:
    return sum(row.amount_fen for row in trial_balance()) == 0


def test_a_paid_order_is_firm_and_asks_for_its_ride(market):
    order = make_paid_order(market, (market.kiwi, 2), (market.rice, 1500))
    assert (order.status, order.paid_at) == ("paid", clock.now())
    assert list(order.lines.values_list("status", flat=True)) == ["firm", "firm"]
    assert set(Reservation.objects.values_list("status", flat=True)) == {"firm"}
    assert set(CapacityHold.objects.values_list("status", flat=True)) == {"firm"}
    parts = list(order.fulfilments.order_by("pk"))
    assert [part.status for part in parts] == ["firm", "firm"]
    shipments = [Shipment.objects.get(uuid=part.shipment_uuid) for part in parts]
    assert [(s.reference, s.zone, s.deliver_on) for s in shipments] == [
        (parts[0].uuid, "chilled", order.deliver_on),
        (parts[1].uuid, "ambient", order.deliver_on),
    ]
    legs = Leg.objects.filter(shipment=shipments[0]).order_by("seq")
    assert [leg.kind for leg in legs] == ["collect", "trunk", "deliver"]
    assert legs[0].place == market.station.place
    assert Notice.objects.get(to_user_uuid=market.buyer.uuid).template == "order_paid"
    assert held(market.farmer) == 6400
    assert books_balance()


def test_hearing_of_the_payment_twice_changes_nothing(market):
    order = make_paid_order(market)
    accept_payment(order_uuid=order.uuid)
    assert Shipment.objects.count() == 1
    assert Notice.objects.filter(template="order_paid").count() == 1


def test_an_unpaid_order_closes_and_frees_stock_and_cell(market, at):
    order = make_order(market)
    at(clock.now() + timedelta(minutes=12))
    cancel_group(reference=order.uuid, why="expired")
    deliver()
    order = fresh(order)
    assert (order.status, order.why_ended) == ("closed", "unpaid")
    assert order.lines.get().status == "closed"
    assert order.fulfilments.get().status == "cancelled"
    assert stock_of(market.kiwi.uuid) == (6, 0, 6)
    assert CapacityHold.objects.get().status == "released"
    assert Notice.objects.get().template == "order_closed"
    assert not Shipment.objects.exists()


def test_the_cut_off_passes_while_the_payment_window_is_open_and_it_is_paid_in_time(market, at):
    at(clock.at(clock.today(), 17, 58))
    order = make_order(market)
    at(clock.at(clock.today(), 18, 7))
    pay(order)
    deliver()
    order = fresh(order)
    assert order.status == "paid"
    assert order.fulfilments.get().shipment_uuid is not None


def test_the_cut_off_passes_while_the_payment_window_is_open_and_nobody_pays(market, at):
    at(clock.at(clock.today(), 17, 58))
    order = make_order(market)
    at(clock.at(clock.today(), 18, 15))
    cancel_group(reference=order.uuid, why="expired")
    deliver()
    assert fresh(order).status == "closed"
    assert not Refund.objects.exists()


def test_money_for_a_closed_order_goes_back_in_full_and_is_flagged(market):
    order = make_order(market, (market.kiwi, 2), (market.rice, 1500))
    cancel_order(principal=market.principal, order_uuid=order.uuid)
    pay(order)  # the buyer had the page open; the group was given up and the money returns by itself
    deliver()
    order = fresh(order)
    assert (order.status, order.attention) == ("closed", "late_payment")
    assert sum(Refund.objects.values_list("amount_fen", flat=True)) == order.agreed_max_fen
    assert stock_of(market.kiwi.uuid) == (6, 0, 6)
    assert held(market.farmer) == 0
    assert books_balance()


def test_success_that_crosses_the_closing_of_the_order_goes_back_by_line(market):
    order = make_order(market)
    pay(order)  # captured, but the event is not delivered yet
    cancel_order(principal=market.principal, order_uuid=order.uuid)
    deliver()
    order = fresh(order)
    assert (order.status, order.attention) == ("closed", "late_payment")
    assert sorted(LineRefund.objects.values_list("reason", "amount_fen")) == [
        ("late_payment", 300),
        ("late_payment", 6400),
    ]
    assert held(market.farmer) == 0
    assert books_balance()


def test_a_reservation_that_the_sweep_took_is_taken_again_when_the_money_comes(market, at):
    order = make_order(market)
    pay(order)
    at(clock.now() + timedelta(minutes=16))
    assert expire_due_reservations() == 1
    deliver()
    assert fresh(order).status == "paid"
    assert stock_of(market.kiwi.uuid) == (6, 2, 4)


def test_paid_but_sold_to_somebody_else_meanwhile_is_refunded_and_flagged(market, at):
    order = make_order(market, (market.kiwi, 5))
    pay(order)
    at(clock.now() + timedelta(minutes=16))
    expire_due_reservations()
    make_order(market, (market.kiwi, 4), buyer=make_buyer(market.place))
    deliver()
    order = fresh(order)
    assert (order.status, order.attention) == ("cancelled", "out_of_stock")
    assert sum(LineRefund.objects.values_list("amount_fen", flat=True)) == order.agreed_max_fen
    assert not Shipment.objects.filter(status="requested").exists()
    assert books_balance()


def test_paid_but_the_cell_is_gone_is_refunded_and_flagged(market, at):
    order = make_order(market)
    pay(order)
    at(clock.now() + timedelta(minutes=16))
    assert expire_due_holds() == 1
    deliver()
    order = fresh(order)
    assert (order.status, order.attention) == ("cancelled", "hold_gone")
    assert stock_of(market.kiwi.uuid) == (6, 0, 6)
    assert not Shipment.objects.filter(status="requested").exists()


def test_the_buyer_cancels_until_the_cut_off_and_gets_everything_back(market, at):
    order = make_paid_order(market, (market.kiwi, 2), (market.rice, 1500))
    at(order.cut_off_at - timedelta(seconds=1))
    cancel_order(principal=market.principal, order_uuid=order.uuid)
    order = fresh(order)
    assert (order.status, order.why_ended) == ("cancelled", "cancelled")
    assert sum(LineRefund.objects.values_list("amount_fen", flat=True)) == order.agreed_max_fen
    assert set(Shipment.objects.values_list("status", flat=True)) == {"cancelled"}
    assert set(CapacityHold.objects.values_list("status", flat=True)) == {"released"}
    assert stock_of(market.rice.uuid)[1] == 0
    assert held(market.farmer) == 0
    assert books_balance()
    refunds = LineRefund.objects.count()
    cancel_order(principal=market.principal, order_uuid=order.uuid)
    assert LineRefund.objects.count() == refunds


def test_after_the_cut_off_it_is_too_late_and_nothing_changes(market, at):
    order = make_paid_order(market)
    at(order.cut_off_at)
    with pytest.raises(PastCutOff):
        cancel_order(principal=market.principal, order_uuid=order.uuid)
    assert fresh(order).status == "paid"
    assert not LineRefund.objects.exists()
    assert Shipment.objects.get().status == "requested"


def test_somebody_elses_order_is_not_there(market):
    order = make_order(market)
    stranger = make_principal()
    with pytest.raises(NotFound):
        cancel_order(principal=stranger, order_uuid=order.uuid)
    with pytest.raises(NotFound):
        make_pay_link(principal=stranger, order_uuid=order.uuid, return_url="/")
    assert fresh(order).status == "awaiting_payment"


def test_what_is_paid_or_past_its_window_has_no_pay_link(market, at):
    paid = make_paid_order(market)
    with pytest.raises(NotPayable):
        make_pay_link(principal=market.principal, order_uuid=paid.uuid, return_url="/")
    late = make_order(market)
    at(late.pay_until)
    with pytest.raises(NotPayable):
        make_pay_link(principal=market.principal, order_uuid=late.uuid, return_url="/")
