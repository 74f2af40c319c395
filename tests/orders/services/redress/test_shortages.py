"""A lot falls short: everybody the same share, each line by its buyer's wish, money back by line."""

from datetime import timedelta

import pytest

from catalog.services.shelf import record_physical_sale
from marketplace.accounts.services.sign_in import principal_of
from marketplace.custody.models import HandlingUnit
from marketplace.kernel import clock
from marketplace.kernel.errors import Conflict, InvalidInput, NotFound
from marketplace.messages.models import Notice
from orders.models import Line, LineRefund
from orders.services.fulfilment.boards import station_board
from orders.services.fulfilment.weigh_in import weigh_in, weighed_g
from orders.services.purchases.cart import set_cart_line
from orders.services.redress.shortages import (
    Shortfall,
    answer_shortage,
    declare_shortage,
    preview_crate_return,
    preview_shortage,
    return_crate,
    settle_unanswered,
)
from tests.factories.accounts import make_principal
from tests.factories.catalog import make_lot
from tests.factories.farmers import make_officer
from tests.factories.orders import deliver, fresh, make_buyer, make_paid_order
from tests.orders.services.steps import books_balance, crate_at_hub, pack


@pytest.fixture
def three(market):
    """Three buyers of rice: 2, 2 and 1 kg at 8.80."""
    grams = (2_000, 2_000, 1_000)
    return [make_paid_order(market, (market.rice, g), buyer=make_buyer(market.place)) for g in grams]


def declare(market, available, principal=None):
    who = principal or make_officer(market.second)
    return declare_shortage(principal=who, lot_uuid=market.rice.uuid, available=available, why="受潮")


def wish(order, substitution, **more):
    order.lines.update(substitution=substitution, **more)


def refunds(orders):
    return [sum(row.amount_fen for row in order.refunds.all()) for order in orders]


def test_everybody_loses_the_same_share_once(market, three):
    assert declare(market, 2_500) == Shortfall(cut=3)
    assert refunds(three) == [880, 880, 440]
    assert declare(market, 2_500) == Shortfall(cut=3)
    assert refunds(three) == [880, 880, 440]
    row = LineRefund.objects.first()
    assert (row.reason, row.note, row.line.short_quantity) == ("short", "受潮", 1_000)
    assert books_balance()


def test_enough_for_all_cuts_nobody(market, three):
    assert declare(market, 5_000) == Shortfall()
    assert not LineRefund.objects.exists()


def test_nothing_left_ends_the_orders_with_the_money_back(market, three):
    assert declare(market, 0) == Shortfall(cut=3)
    assert [fresh(order).status for order in three] == ["cancelled"] * 3
    assert refunds(three) == [1_760 + 300, 1_760 + 300, 880 + 300]
    assert books_balance()


def test_a_packed_portion_after_the_cut_gives_back_no_fen_twice(market, three, thursday):
    declare(market, 2_500)
    thursday()
    pack(market, three[0], 980)
    line = three[0].lines.get()
    assert (line.refunded_fen, line.final_amount_fen, line.kept_fen) == (1_760 - 862, 862, 862)


def test_substitute_and_ask_only_while_another_lot_of_the_product_has_some(market, three):
    wish(three[0], "substitute")
    wish(three[1], "ask")
    assert declare(market, 2_500) == Shortfall(cut=3)  # no other lot: as refund


def test_each_lines_wish(market, three):
    make_lot(product=market.rice.product, station=market.second, quantity=50_000, price_fen=880)
    wish(three[0], "substitute")
    wish(three[1], "ask")
    assert declare(market, 2_500) == Shortfall(cut=1, asked=1, substituted=1)
    assert refunds(three) == [0, 0, 440]
    notice = Notice.objects.get(template="shortage_ask")
    assert notice.to_user_uuid == three[1].buyer.uuid


def test_an_allergy_lock_is_stronger_than_any_wish(market, three):
    make_lot(product=market.rice.product, station=market.second, quantity=50_000, price_fen=880)
    wish(three[1], "ask", allergy_lock=True)
    assert declare(market, 2_500) == Shortfall(cut=3)
    with pytest.raises(InvalidInput) as refused:
        set_cart_line(
            principal=market.principal,
            lot_uuid=market.rice.uuid,
            quantity=1_000,
            substitution="substitute",
            allergy_lock=True,
        )
    assert refused.value.field == "substitution"


@pytest.fixture
def asked(market, three):
    make_lot(product=market.rice.product, station=market.second, quantity=50_000, price_fen=880)
    wish(three[1], "ask")
    declare(market, 2_500)
    return three[1]


def buyer_of(order):
    return principal_of(order.buyer)


def test_the_buyer_says_substitute(market, asked):
    line = asked.lines.get()
    answered = answer_shortage(principal=buyer_of(asked), line_uuid=line.uuid, choice="substitute")
    assert (answered.substitution, answered.asked_until, answered.refunded_fen) == ("substitute", None, 0)
    with pytest.raises(Conflict):
        answer_shortage(principal=buyer_of(asked), line_uuid=line.uuid, choice="refund")


def test_the_buyer_says_refund_or_nothing(market, asked, at):
    line = asked.lines.get()
    with pytest.raises(NotFound):
        answer_shortage(principal=market.principal, line_uuid=line.uuid, choice="refund")
    at(clock.now() + timedelta(hours=2) - timedelta(seconds=1))
    assert settle_unanswered() == 0
    at(clock.now() + timedelta(seconds=1))
    assert settle_unanswered() == 1
    assert settle_unanswered() == 0
    line.refresh_from_db()
    assert (line.refunded_fen, line.asked_until) == (880, None)


def test_only_who_sells_it_declares(market, three):
    for who in (market.principal, market.officer, make_principal("farmer", "farmer", market.farmer.uuid)):
        with pytest.raises(NotFound):
            declare(market, 0, who)
    with pytest.raises(InvalidInput) as refused:
        declare(market, -1)
    assert refused.value.field == "available"
    assert not LineRefund.objects.exists()


def test_a_preview_says_what_the_act_then_does_and_leaves_nothing_behind(market, three):
    shown = preview_shortage(
        principal=make_officer(market.second), lot_uuid=market.rice.uuid, available=2_500
    )
    assert not LineRefund.objects.exists()
    assert [fresh(order).status for order in three] == ["paid"] * 3
    done = declare(market, 2_500)
    assert (shown, shown.refunded_fen) == (done, done.refunded_fen)
    assert done.refunded_fen == sum(refunds(three))
    with pytest.raises(NotFound):
        preview_shortage(principal=market.principal, lot_uuid=market.rice.uuid, available=1)


def test_goods_that_left_the_shelf_offline_are_shared_out(market, three):
    stock = market.rice.stocks.get()
    record_physical_sale(lot_uuid=market.rice.uuid, place_uuid=stock.place.uuid, quantity=47_500)
    deliver()
    assert refunds(three) == [880, 880, 440]
    deliver()
    assert LineRefund.objects.count() == 3


@pytest.fixture
def weighed(market, three, thursday):
    """Two crates of rice at the station, 3 kg and 2.5 kg, for 5 kg ordered."""
    thursday()
    officer = make_officer(market.second)

    def crate(net_g):
        return weigh_in(
            principal=officer,
            station_uuid=market.second.uuid,
            lot_uuid=market.rice.uuid,
            gross_g=net_g + 500,
            tare_g=500,
        ).unit_uuid

    return officer, crate(3_000), crate(2_500)


def test_the_station_gives_a_crate_back_and_what_no_other_covers_is_refunded(market, three, weighed):
    officer, _, bad = weighed
    with pytest.raises(NotFound):
        return_crate(principal=market.officer, unit_uuid=bad, why="发霉")
    shown = preview_crate_return(principal=officer, unit_uuid=bad)
    assert (HandlingUnit.objects.get(uuid=bad).holder_kind, LineRefund.objects.count()) == ("station", 0)
    done = return_crate(principal=officer, unit_uuid=bad, why="发霉")
    assert (done, done.refunded_fen) == (shown, shown.refunded_fen)
    assert done.refunded_fen == sum(refunds(three)) > 0
    kept_g = sum(line.quantity - line.short_quantity for line in Line.objects.filter(lot=market.rice))
    assert (kept_g, weighed_g(lot=market.rice, day=clock.today())) == (3_000, 3_000)
    assert books_balance()


def test_a_crate_that_the_farmer_replaces_refunds_nothing(market, three, weighed):
    officer, _, bad = weighed
    done = return_crate(principal=officer, unit_uuid=bad, why="发霉", replaced=True)
    assert (done, refunds(three)) == (Shortfall(), [0, 0, 0])
    assert HandlingUnit.objects.get(uuid=bad).holder_kind == "farmer"
    [row] = station_board(principal=officer, station_uuid=market.second.uuid).harvest
    assert row.weighed_g == 3_000


def test_the_hub_sends_a_crate_back_and_what_is_left_is_shared(market, three, thursday):
    thursday()
    good, bad = crate_at_hub(market, market.rice, 2_500), crate_at_hub(market, market.rice, 2_500)
    with pytest.raises(NotFound):
        return_crate(principal=make_principal("hub_operator"), unit_uuid=bad.uuid, why="发霉")
    assert return_crate(principal=market.packer, unit_uuid=bad.uuid, why="发霉") == Shortfall(cut=3)
    crate = HandlingUnit.objects.get(pk=bad.pk)
    assert (crate.holder_kind, crate.holder_uuid, crate.status) == (
        "farmer",
        market.rice.seller.uuid,
        "closed",
    )
    assert crate.custody.latest("seq").proof["why"] == "发霉"
    assert refunds(three) == [880, 880, 440]
    assert HandlingUnit.objects.get(pk=good.pk).status == "active"
    assert Line.objects.filter(short_quantity__gt=0).count() == 3


def test_a_crate_whose_goods_are_all_portioned_has_nothing_to_send_back(market, three, thursday):
    thursday()
    crate = crate_at_hub(market, market.rice, 2_500)
    crate.contents.update(grams=0)
    with pytest.raises(Conflict) as refused:
        return_crate(principal=market.packer, unit_uuid=crate.uuid, why="发霉")
    assert (refused.value.field, refused.value.params) == ("unit_id", {"code": crate.code})
    assert HandlingUnit.objects.get(pk=crate.pk).holder_kind == "hub"
    assert refunds(three) == [0, 0, 0]
