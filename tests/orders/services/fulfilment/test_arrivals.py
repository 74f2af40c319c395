"""What the road and the cabinets report, and what it means for the recipient."""

from datetime import timedelta

from marketplace.kernel import clock
from marketplace.kernel.ids import uuid7
from marketplace.messages.models import Notice
from orders.ledger.accounts import AccountKind
from orders.models import LineRefund, RefundReason
from orders.services.fulfilment import arrivals
from orders.services.fulfilment.packing import pack_fulfilment
from tests.factories.orders import (
    THURSDAY,
    deliver,
    fresh,
    make_paid_order,
)
from tests.orders.services.steps import (
    books_balance,
    collected,
    into_cabinet,
    owed,
    pack,
)


def test_a_plan_that_moves_the_parcel_moves_its_destination(market):
    order = make_paid_order(market)
    part = order.fulfilments.get()
    arrivals.note_planned(
        fulfilment_uuid=part.uuid,
        place_uuid=market.place.uuid,
        arrives_from=clock.at(THURSDAY, 15),
        arrives_until=clock.at(THURSDAY, 16),
    )
    part.refresh_from_db()
    assert (part.status, part.arrives_from) == ("planned", clock.at(THURSDAY, 15))


def test_unserved_produce_waits_one_day_and_then_the_money_goes_back(market):
    order = make_paid_order(market)
    part = order.fulfilments.get()
    first = part.shipment_uuid
    arrivals.note_unserved(fulfilment_uuid=part.uuid, shipment_uuid=first, reason="capacity")
    part.refresh_from_db()
    assert (part.status, part.deliver_on, part.postponed) == ("firm", THURSDAY + timedelta(days=1), 1)
    assert part.shipment_uuid != first
    assert Notice.objects.get(template="postponed").params["reason"] == "车已装满"
    arrivals.note_unserved(fulfilment_uuid=part.uuid, shipment_uuid=first, reason="capacity")  # told again
    part.refresh_from_db()
    assert part.postponed == 1
    arrivals.note_unserved(fulfilment_uuid=part.uuid, shipment_uuid=part.shipment_uuid, reason="capacity")
    order = fresh(order)
    assert (order.status, order.why_ended) == ("cancelled", "unserved")
    assert sum(LineRefund.objects.values_list("amount_fen", flat=True)) == order.agreed_max_fen
    assert books_balance()


def test_goods_that_do_not_last_are_refunded_at_once(market):
    market.kiwi.expires_on = THURSDAY + timedelta(days=1)
    market.kiwi.save()
    order = make_paid_order(market)
    part = order.fulfilments.get()
    arrivals.note_unserved(fulfilment_uuid=part.uuid, shipment_uuid=part.shipment_uuid, reason="cold_budget")
    assert fresh(order).status == "cancelled"


def test_without_a_cell_on_the_next_day_the_money_goes_back(market):
    order = make_paid_order(market)
    market.cabinet.withdrawn_at = clock.now()
    market.cabinet.save()
    part = order.fulfilments.get()
    arrivals.note_unserved(fulfilment_uuid=part.uuid, shipment_uuid=part.shipment_uuid, reason="no_cell")
    part.refresh_from_db()
    assert (part.status, part.deliver_on) == ("cancelled", THURSDAY)


def test_a_warm_cell_holds_the_parcel_and_says_so_until_somebody_decides(market, thursday):
    order = make_paid_order(market)
    thursday()
    part, unit = pack(market, order, 5_000)
    into_cabinet(market, part, unit)
    breach = uuid7()
    for _ in range(2):
        arrivals.note_held(fulfilment_uuid=part.uuid, breach_uuid=breach)
    part.refresh_from_db()
    assert (part.held, part.held_breach_uuid, part.status) == (True, breach, "ready")
    assert Notice.objects.filter(template="parcel_held").count() == 1
    arrivals.note_released(fulfilment_uuid=part.uuid, decision="release", refund=RefundReason.BREACH)
    part.refresh_from_db()
    assert (part.held, part.status) == (False, "ready")
    assert Notice.objects.filter(template="parcel_released").count() == 1


def test_spoiled_parcels_end_with_the_money_back(market, thursday):
    order = make_paid_order(market)
    thursday()
    part, unit = pack(market, order, 5_000)
    into_cabinet(market, part, unit)
    arrivals.note_held(fulfilment_uuid=part.uuid, breach_uuid=uuid7())
    arrivals.note_released(fulfilment_uuid=part.uuid, decision="discard", refund=RefundReason.BREACH)
    order = fresh(order)
    assert (order.status, order.why_ended) == ("cancelled", "breach")
    assert owed(AccountKind.HELD, market.farmer.uuid) == 0
    assert books_balance()


def test_a_two_part_order_completes_with_its_last_part(market, thursday):
    order = make_paid_order(market, (market.kiwi, 2), (market.rice, 1_500))
    thursday()
    collected(market, order, 5_000)
    assert fresh(order).status == "paid"
    second = order.fulfilments.order_by("pk").last()
    pack_fulfilment(principal=market.packer, fulfilment_uuid=second.uuid, portions=[])
    order = fresh(order)
    assert order.status == "completed"
    assert list(order.lines.order_by("pk").values_list("status", flat=True)) == ["collected", "refunded"]
    deliver()
    assert books_balance()
