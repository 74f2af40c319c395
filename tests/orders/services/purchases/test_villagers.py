"""代买: consent, cash, the hub's parcel, and the station's counter."""

import pytest

from catalog.errors import OutOfStock
from farmers.errors import NoAgentConsent
from marketplace.custody.models import CustodyEvent, HandlingUnit
from marketplace.custody.services import Holder, hand_over
from marketplace.kernel import clock
from marketplace.kernel.errors import Conflict, Forbidden, InvalidInput, NotFound
from marketplace.messages.models import Notice
from marketplace.places.models import Vehicle
from orders.errors import WrongHandOutProof
from orders.ledger.accounts import AccountKind
from orders.ledger.services import balance, trial_balance
from orders.models import Fulfilment, Order
from orders.services import road
from orders.services.fulfilment import arrivals
from orders.services.fulfilment.hand_out import hand_out
from orders.services.fulfilment.packing import pack_shipment
from orders.services.purchases.villager_orders import order_for_villager
from orders.services.redress.cancelling import cancel_order
from routing.models import Leg, Shipment
from tests.factories.accounts import make_principal
from tests.factories.catalog import stock_of
from tests.factories.farmers import make_officer, make_station, make_villager
from tests.factories.orders import THURSDAY, deliver, fresh, make_village_goods
from tests.factories.places import make_county, make_hub, make_site


def order_for(market, villager, lot, quantity=2, payment="cash"):
    return order_for_villager(
        principal=market.officer,
        station_uuid=market.station.uuid,
        villager_uuid=villager.uuid,
        lines=[(lot.uuid, quantity)],
        payment=payment,
    )


def owed(kind, owner=None):
    return -balance(kind=kind, owner=owner)


@pytest.fixture
def goods(market):
    return make_village_goods(market)


@pytest.fixture
def on_shelf(market, goods, at):
    """A parcel of two pieces on the station's shelf on Thursday."""
    order = order_for(market, *goods)
    deliver()
    at(clock.at(THURSDAY, 9))
    part = order.fulfilments.get()
    unit = pack_shipment(principal=market.packer, shipment_uuid=part.shipment_uuid, weight_g=5_300)
    van = Vehicle.objects.filter(hub=market.hub, is_trunk=False).first()
    for holder in (Holder("vehicle", van.uuid), Holder("station", market.station.uuid)):
        hand_over(unit=HandlingUnit.objects.get(pk=unit.pk), to=holder, place_uuid=market.station.place.uuid)
    arrivals.note_ready(
        fulfilment_uuid=part.uuid, place_uuid=market.station.place.uuid, at=clock.now(), in_cabinet=False
    )
    return Fulfilment.objects.select_related("order").get(pk=part.pk)


def give(market, part, **proof):
    return hand_out(
        principal=market.officer, station_uuid=market.station.uuid, unit_uuid=part.unit_uuid, **proof
    )


def test_cash_raises_the_float_and_makes_the_order_firm(market, goods):
    order = order_for(market, *goods)
    deliver()
    order = fresh(order)
    assert (order.status, order.direction, order.payment) == ("paid", "down", "cash")
    assert (order.villager, order.buyer, order.agent_station) == (goods[0], None, market.station)
    assert balance(kind=AccountKind.STATION_CASH, owner=market.station.uuid) == 9_300
    assert stock_of(goods[1].uuid) == (20, 2, 18)
    legs = Leg.objects.filter(shipment__uuid=order.fulfilments.get().shipment_uuid)
    assert [(leg.kind, leg.wave) for leg in legs] == [("deliver", "village_loop")]
    assert Notice.objects.get(template="order_paid").to_phone == "13800001234"


def test_with_alipay_the_order_waits_for_the_payment(market, goods):
    order = order_for(market, *goods, payment="alipay")
    deliver()
    assert fresh(order).status == "awaiting_payment"
    assert balance(kind=AccountKind.STATION_CASH, owner=market.station.uuid) == 0


def test_without_a_living_consent_nothing_is_ordered(market, goods):
    villager = make_villager(station=market.station, consent=False)
    with pytest.raises(NoAgentConsent) as refused:
        order_for(market, villager, goods[1])
    assert refused.value.field == "villager_id"
    assert not Order.objects.exists()
    assert stock_of(goods[1].uuid) == (20, 0, 20)


def test_only_his_own_station_orders_for_a_villager(market, goods):
    for principal, station, error in (
        (make_officer(market.second), market.station, Forbidden),
        (make_officer(market.second), market.second, NotFound),
        (make_principal(), market.station, Forbidden),
    ):
        with pytest.raises(error):
            order_for_villager(
                principal=principal,
                station_uuid=station.uuid,
                villager_uuid=goods[0].uuid,
                lines=[(goods[1].uuid, 1)],
                payment="cash",
            )
    assert not Order.objects.exists()


@pytest.mark.parametrize(
    ("quantity", "payment", "error", "field"),
    [
        (0, "cash", InvalidInput, "lines[0].quantity"),
        (-3, "cash", InvalidInput, "lines[0].quantity"),
        (501, "cash", InvalidInput, "lines[0].quantity"),
        (21, "cash", OutOfStock, "lines[0].quantity"),
        (1, "barter", InvalidInput, "payment"),
    ],
)
def test_bad_input_is_named_and_leaves_nothing(market, goods, quantity, payment, error, field):
    with pytest.raises(error) as refused:
        order_for(market, *goods, quantity=quantity, payment=payment)
    assert refused.value.field == field
    assert not Order.objects.exists()
    assert balance(kind=AccountKind.STATION_CASH, owner=market.station.uuid) == 0


def test_produce_is_not_ordered_through_the_counter(market, goods):
    with pytest.raises(NotFound) as refused:
        order_for(market, goods[0], market.kiwi)
    assert refused.value.field == "lines[0].lot_id"


def test_cash_comes_back_at_the_counter_when_the_station_cancels(market, goods):
    order = order_for(market, *goods)
    deliver()
    cancel_order(principal=market.officer, order_uuid=order.uuid)
    assert fresh(order).status == "cancelled"
    assert balance(kind=AccountKind.STATION_CASH, owner=market.station.uuid) == 0
    assert stock_of(goods[1].uuid) == (20, 0, 20)
    assert sum(row.amount_fen for row in trial_balance()) == 0


def test_a_weight_that_these_goods_cannot_have_is_refused(market, goods):
    order = order_for(market, *goods)
    deliver()
    part = order.fulfilments.get()
    with pytest.raises(InvalidInput) as refused:
        pack_shipment(principal=market.packer, shipment_uuid=part.shipment_uuid, weight_g=53_000)
    assert refused.value.field == "weight_g"
    assert not HandlingUnit.objects.exists()


def test_on_the_shelf_the_villager_is_told_the_code(market, goods, on_shelf):
    notice = Notice.objects.get(template="parcel_on_shelf")
    assert (notice.to_phone, notice.params["code"]) == ("13800001234", road.code_of(on_shelf))


@pytest.mark.parametrize("how", ["code", "last4"])
def test_the_right_proof_takes_it_off_the_shelf_and_settles(market, goods, on_shelf, how):
    proof = {"code": road.code_of(on_shelf)} if how == "code" else {"last4": "1234", "signature": "周"}
    part = give(market, on_shelf, **proof)
    unit = HandlingUnit.objects.get(uuid=part.unit_uuid)
    assert (part.status, unit.status, unit.holder_kind) == ("collected", "closed", "person")
    assert unit.holder_uuid == goods[0].uuid
    last = CustodyEvent.objects.filter(unit=unit).latest("seq")
    assert last.proof["kind"] == ("code" if how == "code" else "last4_and_signature")
    assert fresh(part.order).status == "completed"
    assert owed(AccountKind.STATION_PAYABLE, market.station.uuid) == 360
    assert owed(AccountKind.COMMISSION) == 630
    assert owed(AccountKind.SELLER_PAYABLE, goods[1].seller.uuid) == 9_000 - 990
    assert sum(row.amount_fen for row in trial_balance()) == 0


@pytest.mark.parametrize(
    ("proof", "error", "field"),
    [
        ({"code": "00000000"}, WrongHandOutProof, "code"),
        ({"last4": "9999", "signature": "周"}, WrongHandOutProof, "last4"),
        ({"last4": "1234"}, InvalidInput, "signature"),
        ({}, InvalidInput, "code"),
    ],
)
def test_a_wrong_proof_leaves_it_on_the_shelf(market, on_shelf, proof, error, field):
    with pytest.raises(error) as refused:
        give(market, on_shelf, **proof)
    assert refused.value.field == field
    on_shelf.refresh_from_db()
    assert on_shelf.status == "ready"
    assert HandlingUnit.objects.get(uuid=on_shelf.unit_uuid).holder_kind == "station"
    assert owed(AccountKind.COMMISSION) == 0


def test_somebody_without_a_phone_signs(market, goods, at):
    goods[0].phone = ""
    goods[0].save()
    order = order_for(market, *goods)
    deliver()
    part = order.fulfilments.get()
    pack_shipment(principal=market.packer, shipment_uuid=part.shipment_uuid, weight_g=5_300)
    part.refresh_from_db()
    unit = HandlingUnit.objects.get(uuid=part.unit_uuid)
    hand_over(unit=unit, to=Holder("station", market.station.uuid), place_uuid=market.station.place.uuid)
    arrivals.note_ready(
        fulfilment_uuid=part.uuid, place_uuid=market.station.place.uuid, at=clock.now(), in_cabinet=False
    )
    assert give(market, part, signature="周").status == "collected"


def test_what_stands_on_the_shelf_is_given_out_before_the_news_of_it_arrives(market, goods, at):
    order = order_for(market, *goods)
    deliver()
    part = order.fulfilments.get()
    unit = pack_shipment(principal=market.packer, shipment_uuid=part.shipment_uuid, weight_g=5_300)
    part.refresh_from_db()
    with pytest.raises(Conflict):
        give(market, part, last4="1234", signature="周")
    hand_over(unit=unit, to=Holder("station", market.station.uuid), place_uuid=market.station.place.uuid)
    assert give(market, part, last4="1234", signature="周").status == "collected"
    arrivals.note_ready(
        fulfilment_uuid=part.uuid, place_uuid=market.station.place.uuid, at=clock.now(), in_cabinet=False
    )
    assert order.fulfilments.get().status == "collected"


def test_another_station_has_no_such_parcel(market, on_shelf):
    with pytest.raises(NotFound):
        hand_out(
            principal=make_officer(market.second),
            station_uuid=market.second.uuid,
            unit_uuid=on_shelf.unit_uuid,
            code=road.code_of(on_shelf),
        )


def test_a_held_parcel_is_not_given_out(market, on_shelf):
    Fulfilment.objects.filter(pk=on_shelf.pk).update(held=True)
    with pytest.raises(Conflict) as refused:
        give(market, on_shelf, code=road.code_of(on_shelf))
    assert refused.value.error_code == "held"


def test_handing_out_twice_is_the_same(market, on_shelf):
    code = road.code_of(on_shelf)
    give(market, on_shelf, code=code)
    give(market, on_shelf, code=code)
    assert owed(AccountKind.COMMISSION) == 630


def test_goods_down_wait_three_days_for_a_van(market, goods):
    order = order_for(market, *goods)
    deliver()
    for _ in range(3):
        part = order.fulfilments.get()
        arrivals.note_unserved(fulfilment_uuid=part.uuid, shipment_uuid=part.shipment_uuid, reason="shift")
    part = order.fulfilments.get()
    assert (part.status, part.postponed) == ("firm", 3)
    arrivals.note_unserved(fulfilment_uuid=part.uuid, shipment_uuid=part.shipment_uuid, reason="shift")
    assert fresh(order).status == "cancelled"
    assert balance(kind=AccountKind.STATION_CASH, owner=market.station.uuid) == 0


def order_at(market, goods, *also):
    villager, lot = goods
    return order_for_villager(
        principal=market.officer,
        station_uuid=market.station.uuid,
        villager_uuid=villager.uuid,
        lines=[(lot.uuid, 2)],
        payment="cash",
        also_place_uuids=[place.uuid for place in also],
    )


def test_a_villager_who_would_walk_leaves_the_router_a_choice(market, goods):
    neighbour = make_station(hub=market.hub)
    part = order_at(market, goods, neighbour.place).fulfilments.get()
    deliver()
    assert (part.movable, part.destination) == (True, market.station.place)
    shipment = Shipment.objects.get(reference=part.uuid)
    assert list(shipment.options.order_by("preference").values_list("place", "preference")) == [
        (market.station.place.pk, 0),
        (neighbour.place.pk, 1),
    ]
    arrivals.note_planned(
        fulfilment_uuid=part.uuid, place_uuid=neighbour.place.uuid, arrives_from=None, arrives_until=None
    )
    assert Fulfilment.objects.get(pk=part.pk).destination == neighbour.place


def test_only_other_counters_of_the_same_hub_may_be_named(market, goods):
    site = make_site(hub=market.hub)
    abroad = make_station(hub=make_hub(county=make_county(code="360902", name="袁州区")))
    for place in (site.place, abroad.place, market.station.place):
        with pytest.raises(InvalidInput) as refused:
            order_at(market, goods, place)
        assert refused.value.field == "also_place_ids"
    assert not Order.objects.exists()
