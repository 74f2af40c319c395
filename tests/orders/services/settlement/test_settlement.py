"""Ready, collected, settled, taken back; and what the holder of lost goods answers for."""

from datetime import timedelta

import pytest

from marketplace.kernel import clock
from marketplace.kernel.errors import Forbidden, InvalidInput
from marketplace.messages.models import Notice
from marketplace.outbox.models import OutboxEvent
from orders.errors import RefundTooLarge
from orders.ledger.accounts import AccountKind
from orders.ledger.services import balance, trial_balance
from orders.models import LineRefund
from orders.services.fulfilment import arrivals
from orders.services.redress.refunding import note_refund_failed, refund_line
from tests.factories.accounts import make_principal
from tests.factories.farmers import make_officer
from tests.factories.orders import (
    fresh,
    make_buyer,
    make_paid_order,
)
from tests.orders.services.steps import (
    books_balance,
    collected,
    crate_at_hub,
    into_cabinet,
    owed,
    pack,
)


def test_in_the_cabinet_the_recipient_gets_place_period_and_code(market, thursday):
    order = make_paid_order(market, (market.kiwi, 2))
    thursday()
    part, unit = pack(market, order, 5_000)
    into_cabinet(market, part, unit)
    part.refresh_from_db()
    assert (part.status, part.compartment, part.ready_since) == ("ready", "01", clock.now())
    assert part.hold_until == clock.now() + timedelta(hours=24)
    notice = Notice.objects.get(template="parcel_ready")
    assert notice.to_user_uuid == market.buyer.uuid
    assert len(notice.params["code"]) == 8
    assert notice.params["place"] == market.place.name
    arrivals.note_ready(
        fulfilment_uuid=part.uuid, place_uuid=market.place.uuid, at=clock.now(), in_cabinet=True
    )
    assert Notice.objects.filter(template="parcel_ready").count() == 1


def test_collected_money_goes_to_farmer_station_courier_and_platform(market, thursday):
    order = make_paid_order(market, (market.kiwi, 2))
    thursday()
    van = collected(market, order, 5_000)
    order = fresh(order)
    assert (order.status, order.lines.get().status) == ("completed", "collected")
    assert owed(AccountKind.SELLER_PAYABLE, market.farmer.uuid) == 6_400 - 448 - 384
    assert owed(AccountKind.STATION_PAYABLE, market.station.uuid) == 384
    assert owed(AccountKind.COMMISSION) == 448
    assert owed(AccountKind.COURIER_PAYABLE, van.carrier.uuid) == 240
    assert owed(AccountKind.DELIVERY_INCOME) == 60
    assert owed(AccountKind.HELD, market.farmer.uuid) == 0
    assert owed(AccountKind.HELD) == 0
    assert books_balance()


def test_collected_twice_is_settled_once(market, thursday):
    order = make_paid_order(market, (market.kiwi, 2))
    thursday()
    collected(market, order, 5_000)
    arrivals.note_collected(fulfilment_uuid=order.fulfilments.get().uuid, at=clock.now())
    assert owed(AccountKind.COMMISSION) == 448
    assert Notice.objects.filter(template="parcel_collected").count() == 1


def test_only_the_weighed_amount_is_divided(market, thursday):
    order = make_paid_order(market, (market.rice, 1_500))
    thursday()
    collected(market, order, 1_350)
    farmer = market.rice.seller.uuid
    assert owed(AccountKind.SELLER_PAYABLE, farmer) == 1_188 - 83 - 71 + 106  # the hub answers for 120 g
    assert owed(AccountKind.HELD, farmer) == 0


def test_a_refund_reverses_the_settlement_exactly(market, thursday):
    order = make_paid_order(market, (market.kiwi, 2))
    before = {(row.kind, row.owner): row.amount_fen for row in trial_balance()}
    thursday()
    collected(market, order, 5_000)
    line = order.lines.get()
    for amount_fen in (333, 1, 6_066):
        refund_line(
            principal=make_principal("platform"), line_uuid=line.uuid, amount_fen=amount_fen, reason="坏果"
        )
    line.refresh_from_db()
    assert (line.refunded_fen, line.kept_fen) == (6_400, 0)
    for kind, owner in (
        (AccountKind.SELLER_PAYABLE, market.farmer.uuid),
        (AccountKind.STATION_PAYABLE, market.station.uuid),
        (AccountKind.COMMISSION, None),
        (AccountKind.HELD, market.farmer.uuid),
    ):
        assert owed(kind, owner) == 0
    assert before[AccountKind.HELD, market.farmer.uuid] == -6_400
    assert owed(AccountKind.BUYER_REFUNDS_DUE, market.farmer.uuid) == 6_400
    assert books_balance()


def test_never_more_than_was_paid_is_refunded(market, thursday):
    order = make_paid_order(market, (market.kiwi, 2))
    thursday()
    collected(market, order, 5_000)
    line = order.lines.get()
    with pytest.raises(RefundTooLarge) as refused:
        refund_line(
            principal=make_principal("platform"), line_uuid=line.uuid, amount_fen=6_401, reason="坏果"
        )
    assert refused.value.params == {"left_yuan": "64.00"}
    assert not LineRefund.objects.exists()
    assert owed(AccountKind.COMMISSION) == 448


@pytest.mark.parametrize(("amount_fen", "reason", "field"), [(0, "坏果", "amount_fen"), (5, " ", "reason")])
def test_a_refund_names_sum_and_reason(market, amount_fen, reason, field):
    order = make_paid_order(market)
    with pytest.raises(InvalidInput) as refused:
        refund_line(
            principal=make_principal("platform"),
            line_uuid=order.lines.get().uuid,
            amount_fen=amount_fen,
            reason=reason,
        )
    assert refused.value.field == field


def test_only_the_platform_or_the_agent_station_refunds(market):
    line = make_paid_order(market).lines.get()
    for principal in (market.principal, make_officer(market.second)):
        with pytest.raises(Forbidden):
            refund_line(principal=principal, line_uuid=line.uuid, amount_fen=100, reason="坏果")
    made = refund_line(principal=market.officer, line_uuid=line.uuid, amount_fen=100, reason="坏果")
    assert made.amount_fen == 100


def test_a_loss_beyond_two_percent_is_the_holders_and_the_farmer_is_owed_for_it(market, thursday):
    order = make_paid_order(market, (market.rice, 1_500))
    thursday()
    pack(market, order, 1_350, crates=[crate_at_hub(market, market.rice, 1_500)])
    # 1,500 g came, 150 g are missing, 30 g may shrink: 120 g at 8.80 a kilogram
    assert balance(kind=AccountKind.HOLDER_LIABILITY, owner=market.hub.uuid) == 106
    assert owed(AccountKind.SELLER_PAYABLE, market.rice.seller.uuid) == 106
    told = OutboxEvent.objects.get(type="orders.GoodsLost").payload
    assert (told["holder"], told["grams"], told["amount_fen"]) == (str(market.hub.uuid), 120, 106)
    assert books_balance()


@pytest.mark.parametrize(("came_g", "portion_g"), [(1_500, 1_475), (1_300, 1_300), (3_000, 1_500)])
def test_shrinkage_within_bounds_and_what_never_came_is_nobodys_debt(market, thursday, came_g, portion_g):
    order = make_paid_order(market, (market.rice, 1_500))
    thursday()
    pack(market, order, portion_g, crates=[crate_at_hub(market, market.rice, came_g)])
    assert balance(kind=AccountKind.HOLDER_LIABILITY, owner=market.hub.uuid) == 0


def test_the_loss_is_counted_once_the_last_order_of_the_lot_is_packed(market, thursday):
    first = make_paid_order(market, (market.rice, 1_500))
    second = make_paid_order(market, (market.rice, 1_500), buyer=make_buyer(market.place))
    thursday()
    crate = crate_at_hub(market, market.rice, 3_000)
    pack(market, first, 1_350, crates=[crate])
    assert balance(kind=AccountKind.HOLDER_LIABILITY, owner=market.hub.uuid) == 0
    pack(market, second, 1_500, crates=[crate])
    assert balance(kind=AccountKind.HOLDER_LIABILITY, owner=market.hub.uuid) == 79  # 150 g less 60 g


def test_a_refund_that_the_provider_refuses_is_owed_still_and_flagged(market, thursday):
    order = make_paid_order(market, (market.rice, 1_500))
    thursday()
    pack(market, order, 1_350)
    made = LineRefund.objects.get()
    for _ in range(2):
        note_refund_failed(refund_uuid=made.refund_uuid)
    made.refresh_from_db()
    line = order.lines.get()
    assert (made.failed_at, line.refunded_fen, fresh(order).attention) == (clock.now(), 0, "refund_failed")
    refund_line(principal=make_principal("platform"), line_uuid=line.uuid, amount_fen=132, reason="再退一次")
    line.refresh_from_db()
    assert line.refunded_fen == 132
