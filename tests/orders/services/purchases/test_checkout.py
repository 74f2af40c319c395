"""Checkout: what an order takes and holds, and what each refusal leaves untouched."""

from datetime import timedelta

import pytest

from catalog.errors import OutOfStock
from catalog.models import Reservation
from lockers.models import CapacityHold
from marketplace.accounts.errors import NoConsent
from marketplace.accounts.services.sign_in import principal_of
from marketplace.kernel import clock
from marketplace.kernel.errors import InvalidInput, Unauthenticated
from marketplace.kernel.principal import Principal
from marketplace.outbox.models import OutboxEvent
from orders.errors import CartEmpty, PriceChanged, Unreachable
from orders.models import CartLine, Fulfilment, Line, Order
from orders.payments.models import PaymentGroup, PaymentIntent
from orders.services.purchases.checkout import Choice, pickup_offers, place_order
from tests.factories.catalog import stock_of
from tests.factories.orders import THURSDAY, fill_cart, make_buyer, make_cabinet, make_order
from tests.factories.places import make_site

LOTS = 10_000_000


def nothing_happened() -> bool:
    rows = (Order, Fulfilment, Line, Reservation, CapacityHold, PaymentGroup, PaymentIntent)
    return not any(model.objects.exists() for model in rows)


def test_an_order_of_two_farmers_becomes_a_parcel_per_zone_and_an_intent_per_seller(market):
    order = make_order(market, (market.kiwi, 2), (market.rice, 1500))
    assert (order.status, order.goods_max_fen, order.delivery_fen) == ("awaiting_payment", 7720, 300)
    assert order.deliver_on == THURSDAY
    assert order.pay_until == clock.now() + timedelta(minutes=12)
    parts = list(order.fulfilments.order_by("pk"))
    assert [(part.zone, part.way, part.status) for part in parts] == [
        ("chilled", "up", "reserved"),
        ("ambient", "up", "reserved"),
    ]
    assert [part.delivery_fen for part in parts] == [150, 150]
    lines = list(order.lines.order_by("pk"))
    assert [(line.max_amount_fen, line.status, line.agency) for line in lines] == [
        (6400, "reserved", "agent_sale"),
        (1320, "reserved", "agent_sale"),
    ]
    intents = PaymentIntent.objects.filter(group__reference=order.uuid).order_by("pk")
    assert list(intents.values_list("merchant_uuid", "amount_fen")) == [
        (market.kiwi.seller.uuid, 6400),
        (market.rice.seller.uuid, 1320),
        (None, 300),
    ]


def test_stock_and_cells_are_held_for_longer_than_anybody_may_pay(market):
    order = make_order(market)
    assert stock_of(market.kiwi.uuid) == (6, 2, 4)
    reservation = Reservation.objects.get()
    assert (reservation.reference, reservation.status) == (order.uuid, "held")
    assert reservation.expires_at == clock.now() + timedelta(minutes=15)
    hold = CapacityHold.objects.get()
    assert (hold.reference, hold.status, hold.slot_date) == (
        order.fulfilments.get().uuid,
        "pending",
        THURSDAY,
    )
    assert hold.expires_at == reservation.expires_at > order.pay_until


def test_the_cart_is_empty_afterwards_and_the_event_told(market):
    order = make_order(market)
    assert not CartLine.objects.exists()
    told = OutboxEvent.objects.get(type="orders.OrderPlaced")
    assert told.payload == {"order": str(order.uuid)}
    with pytest.raises(CartEmpty):
        place_order(
            principal=market.principal, choice=Choice(place_uuid=market.place.uuid), agreed_max_fen=LOTS
        )


def test_the_listing_is_kept_with_the_line(market):
    line = make_order(market).lines.get()
    assert line.listing["product"] == market.kiwi.product.name
    assert line.listing["trace_code"] == market.kiwi.trace_code
    assert (line.price_fen, line.unit, line.unit_net_g) == (3200, "piece", 2500)


def test_nobody_orders_without_signing_in(market):
    with pytest.raises(Unauthenticated):
        place_order(principal=Principal(), choice=Choice(), agreed_max_fen=LOTS)


def test_a_place_that_the_buyer_never_agreed_to_is_refused(market):
    other = make_site(hub=market.town)
    fill_cart(market.principal, (market.kiwi, 1))
    with pytest.raises(NoConsent) as refused:
        place_order(
            principal=market.principal, choice=Choice(place_uuid=other.place.uuid), agreed_max_fen=LOTS
        )
    assert refused.value.field == "place_id"
    assert nothing_happened()
    assert CartLine.objects.count() == 1


def test_a_place_must_be_named(market):
    fill_cart(market.principal, (market.kiwi, 1))
    with pytest.raises(InvalidInput) as refused:
        place_order(principal=market.principal, choice=Choice(), agreed_max_fen=LOTS)
    assert refused.value.field == "place_id"


def test_more_than_the_agreed_maximum_is_never_charged(market):
    fill_cart(market.principal, (market.kiwi, 2))
    with pytest.raises(PriceChanged) as refused:
        place_order(
            principal=market.principal, choice=Choice(place_uuid=market.place.uuid), agreed_max_fen=6699
        )
    assert (refused.value.field, refused.value.params) == ("agreed_max_fen", {"yuan": "67.00"})
    assert nothing_happened()


def test_what_is_not_there_any_more_is_refused_and_leaves_the_cart(market):
    fill_cart(market.principal, (market.kiwi, 6))
    make_order(market, (market.kiwi, 1), buyer=make_buyer(market.place))
    with pytest.raises(OutOfStock) as refused:
        place_order(
            principal=market.principal, choice=Choice(place_uuid=market.place.uuid), agreed_max_fen=LOTS
        )
    assert refused.value.params["left"] == "5"
    assert stock_of(market.kiwi.uuid) == (6, 1, 5)
    assert (Order.objects.count(), CapacityHold.objects.count()) == (1, 1)
    assert CartLine.objects.get().quantity == 6


def test_a_full_cabinet_is_refused_by_zone_and_size(market):
    make_order(market, (market.kiwi, 1), buyer=make_buyer(market.place))
    make_order(market, (market.kiwi, 1), buyer=make_buyer(market.place))
    fill_cart(market.principal, (market.kiwi, 1))
    with pytest.raises(Unreachable) as refused:
        place_order(
            principal=market.principal, choice=Choice(place_uuid=market.place.uuid), agreed_max_fen=LOTS
        )
    assert (refused.value.reason, refused.value.params) == ("no_room", {"size": "M"})
    assert Order.objects.count() == 2


def test_any_of_mine_costs_less_and_may_be_moved(market):
    second = make_site(hub=market.town)
    make_cabinet(second)
    buyer = make_buyer(market.place, second.place)
    fill_cart(principal_of(buyer), (market.kiwi, 1))
    order = place_order(
        principal=principal_of(buyer),
        choice=Choice(place_uuid=market.place.uuid, any_place=True),
        agreed_max_fen=LOTS,
    )
    part = order.fulfilments.get()
    assert (order.delivery_fen, part.movable) == (200, True)
    assert part.option_uuids == [market.place.uuid, second.place.uuid]
    hold = CapacityHold.objects.get()
    assert (hold.movable, hold.place_uuid) == (True, market.place.uuid)


def test_after_the_cut_off_the_order_is_for_the_day_after(market, at):
    at(clock.at(THURSDAY - timedelta(days=1), 18, 0))
    order = make_order(market)
    assert order.deliver_on == THURSDAY + timedelta(days=1)


def test_the_place_picker_says_why_not(market):
    station = market.second.place
    far = make_site(hub=market.hub)  # no cabinet stands there
    buyer = make_buyer(market.place, station, market.station.place, far.place)
    principal = principal_of(buyer)
    fill_cart(principal, (market.kiwi, 1))
    found = {offer.place.uuid: offer for offer in pickup_offers(principal=principal).offers}
    assert found[market.place.uuid].feasible
    assert (found[market.place.uuid].zones, found[market.place.uuid].fee_fen) == (["chilled"], 300)
    assert found[station.uuid].feasible  # a later station of the same loop
    assert found[market.station.place.uuid].refusal.reason == "same_station"
    assert found[far.place.uuid].refusal.reason == "no_such_cell"
    assert found[far.place.uuid].refusal.render() == "这里没有合适的冷藏 M 号格"


def test_goods_for_a_station_ride_directly(market):
    buyer = make_buyer(market.second.place)
    fill_cart(principal_of(buyer), (market.kiwi, 1))
    order = place_order(
        principal=principal_of(buyer), choice=Choice(place_uuid=market.second.place.uuid), agreed_max_fen=LOTS
    )
    part = order.fulfilments.get()
    assert (part.way, part.movable, part.origin_hub) == ("direct", False, market.hub)
    assert not CapacityHold.objects.exists()
