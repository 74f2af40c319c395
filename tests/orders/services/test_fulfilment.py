"""From the station's scale to the recipient's hand: weights, money and custody at each step."""

from datetime import timedelta

import pytest

from lockers.models import CapacityHold
from marketplace.custody.errors import NotEnough, WrongHolder
from marketplace.custody.models import CustodyEvent, HandlingUnit, TransformationInput, UnitContent
from marketplace.custody.services import Holder, hand_over
from marketplace.kernel import clock
from marketplace.kernel.errors import Forbidden, InvalidInput, NotFound
from marketplace.kernel.ids import uuid7
from marketplace.messages.models import Notice
from marketplace.outbox.models import OutboxEvent
from marketplace.places.models import Vehicle
from orders.errors import AlreadyPacked, RefundTooLarge
from orders.ledger.accounts import AccountKind
from orders.ledger.services import balance, trial_balance
from orders.models import LineRefund, PortionWeight, Substitution, WeighIn
from orders.services import arrivals
from orders.services.packing import Portion, pack_fulfilment
from orders.services.refunding import note_refund_failed, refund_line
from orders.services.weigh_in import weigh_in
from tests.factories.accounts import make_principal
from tests.factories.catalog import make_lot, stock_of
from tests.factories.farmers import make_officer, make_station
from tests.factories.orders import (
    THURSDAY,
    Market,
    deliver,
    fresh,
    make_buyer,
    make_paid_order,
)


def owed(kind, owner=None):
    return -balance(kind=kind, owner=owner)


def books_balance() -> bool:
    return sum(row.amount_fen for row in trial_balance()) == 0


@pytest.fixture
def thursday(at):
    def move():
        at(clock.at(THURSDAY, 9))

    return move


def weigh(market: Market, lot, gross_g, tare_g=1_000):
    return weigh_in(
        principal=make_officer(lot.station),
        station_uuid=lot.station.uuid,
        lot_uuid=lot.uuid,
        gross_g=gross_g,
        tare_g=tare_g,
    )


def crate_at_hub(market: Market, lot, net_g) -> HandlingUnit:
    """Weighed in at its station, and brought to the hub by a van."""
    row = weigh(market, lot, net_g + 1_000)
    unit = HandlingUnit.objects.get(uuid=row.unit_uuid)
    van = Vehicle.objects.filter(hub=market.hub, is_trunk=False).first()
    for holder in (Holder("vehicle", van.uuid), Holder("hub", market.hub.uuid)):
        hand_over(unit=unit, to=holder, place_uuid=market.hub.place.uuid)
    return HandlingUnit.objects.get(pk=unit.pk)


def pack(market: Market, order, *net_g, crates=None):
    """Portions for the lines of the order's first fulfilment, each from its own crate."""
    part = order.fulfilments.order_by("pk").first()
    lines = list(part.lines.order_by("pk"))
    crates = crates or [crate_at_hub(market, line.lot, line.ordered.net_g + 500) for line in lines]
    portions = [
        Portion(line_uuid=line.uuid, unit_uuid=crate.uuid, net_g=grams)
        for line, crate, grams in zip(lines, crates, net_g, strict=True)
    ]
    return pack_fulfilment(principal=market.packer, fulfilment_uuid=part.uuid, portions=portions)


def into_cabinet(market: Market, part, unit):
    """The town van puts the parcel into the cabinet."""
    van = Vehicle.objects.filter(hub=market.town, is_trunk=False).first()
    for holder in (Holder("vehicle", van.uuid), Holder("cabinet", market.cabinet.uuid)):
        hand_over(unit=HandlingUnit.objects.get(pk=unit.pk), to=holder, place_uuid=market.place.uuid)
    arrivals.note_ready(
        fulfilment_uuid=part.uuid,
        place_uuid=market.place.uuid,
        at=clock.now(),
        compartment="01",
        in_cabinet=True,
    )
    return van


# --- weighing in


def test_a_weighed_crate_goes_from_the_farmer_to_the_station(market, thursday):
    make_paid_order(market, (market.kiwi, 2))
    thursday()
    row = weigh(market, market.kiwi, 6_300)
    assert (row.net_g, row.ordered_g, row.difference_g) == (5_300, 5_000, 300)
    unit = HandlingUnit.objects.get(uuid=row.unit_uuid)
    assert (unit.kind, unit.zone, unit.gross_g, unit.tare_g) == ("crate", "chilled", 6_300, 1_000)
    assert (unit.holder_kind, unit.holder_uuid) == ("station", market.station.uuid)
    content = UnitContent.objects.get(unit=unit)
    assert (content.kind, content.content_uuid, content.grams) == ("lot", market.kiwi.uuid, 5_300)
    chain = CustodyEvent.objects.filter(unit=unit).order_by("seq")
    assert [(e.from_kind, e.to_kind) for e in chain] == [("", "farmer"), ("farmer", "station")]
    assert chain[1].proof["weigh_in"] == str(row.uuid)


def test_a_second_crate_counts_on_from_the_first(market, thursday):
    make_paid_order(market, (market.kiwi, 2))
    thursday()
    weigh(market, market.kiwi, 4_000)
    assert weigh(market, market.kiwi, 2_500).difference_g == -500


@pytest.mark.parametrize(("gross_g", "tare_g", "field"), [(1_000, 1_000, "gross_g"), (900, -1, "tare_g")])
def test_impossible_weights_leave_nothing(market, gross_g, tare_g, field):
    with pytest.raises(InvalidInput) as refused:
        weigh(market, market.kiwi, gross_g, tare_g)
    assert refused.value.field == field
    assert not WeighIn.objects.exists()
    assert not HandlingUnit.objects.exists()


def test_only_the_lots_own_station_weighs_it(market):
    stranger = make_officer(make_station(hub=market.hub))
    for principal, station, error in (
        (stranger, market.station, Forbidden),
        (make_officer(market.second), market.second, NotFound),
    ):
        with pytest.raises(error):
            weigh_in(
                principal=principal,
                station_uuid=station.uuid,
                lot_uuid=market.kiwi.uuid,
                gross_g=5_000,
                tare_g=1_000,
            )
    assert not WeighIn.objects.exists()


# --- packing


def test_packing_makes_one_parcel_and_consumes_the_stock(market, thursday):
    order = make_paid_order(market, (market.kiwi, 2))
    thursday()
    part, unit = pack(market, order, 5_000)
    assert (part.status, part.unit_uuid) == ("packed", unit.uuid)
    assert (unit.kind, unit.reference, unit.holder_kind) == ("parcel", part.uuid, "hub")
    assert (unit.gross_g, unit.size) == (5_150, part.size)
    line = order.lines.get()
    assert (line.status, line.actual_weight_g, line.final_amount_fen) == ("packed", 5_000, 6_400)
    assert PortionWeight.objects.get().net_g == 5_000
    assert TransformationInput.objects.get().grams == 5_000
    assert stock_of(market.kiwi.uuid) == (4, 0, 4)
    assert not LineRefund.objects.exists()


def test_less_weight_comes_back_for_this_line_alone(market, thursday):
    order = make_paid_order(market, (market.rice, 1_500))
    thursday()
    pack(market, order, 1_350)
    line = order.lines.get()
    assert (line.final_amount_fen, line.refunded_fen, line.kept_fen) == (1_188, 132, 1_188)
    refund = LineRefund.objects.get()
    assert (refund.line, refund.amount_fen, refund.reason) == (line, 132, "weight")
    assert books_balance()


def test_ten_percent_more_costs_nothing_more_and_beyond_is_refused(market, thursday):
    order = make_paid_order(market, (market.rice, 1_500))
    thursday()
    crate = crate_at_hub(market, market.rice, 3_000)
    with pytest.raises(InvalidInput) as refused:
        pack(market, order, 1_651, crates=[crate])
    assert refused.value.field == "portions[0].net_weight_g"
    assert order.fulfilments.get().status == "firm"
    pack(market, order, 1_650, crates=[crate])
    line = order.lines.get()
    assert (line.actual_weight_g, line.final_amount_fen, line.refunded_fen) == (1_650, 1_320, 0)


def test_a_missing_box_is_refunded_by_the_piece(market, thursday):
    order = make_paid_order(market, (market.kiwi, 2))
    thursday()
    pack(market, order, 2_480)
    line = order.lines.get()
    assert (line.status, line.final_amount_fen, line.refunded_fen) == ("packed", 3_200, 3_200)


def test_when_everything_is_missing_the_order_ends_and_all_goes_back(market, thursday):
    order = make_paid_order(market, (market.kiwi, 2))
    thursday()
    part, unit = pack_fulfilment(
        principal=market.packer, fulfilment_uuid=order.fulfilments.get().uuid, portions=[]
    )
    assert unit is None
    order = fresh(order)
    assert (part.status, order.status, order.why_ended) == ("cancelled", "cancelled", "short")
    assert sum(LineRefund.objects.values_list("amount_fen", flat=True)) == order.agreed_max_fen
    assert CapacityHold.objects.get().status == "released"
    assert not HandlingUnit.objects.filter(kind="parcel").exists()
    assert books_balance()


def test_a_crate_gives_no_more_than_it_holds(market, thursday):
    order = make_paid_order(market, (market.rice, 1_500))
    thursday()
    with pytest.raises(NotEnough):
        pack(market, order, 1_500, crates=[crate_at_hub(market, market.rice, 1_499)])
    assert order.fulfilments.get().status == "firm"
    assert order.lines.get().status == "firm"
    assert not PortionWeight.objects.exists()


def test_a_crate_that_is_elsewhere_or_holds_another_lot_is_refused(market, thursday):
    order = make_paid_order(market, (market.rice, 1_500))
    thursday()
    at_station = HandlingUnit.objects.get(uuid=weigh(market, market.rice, 4_000).unit_uuid)
    with pytest.raises(WrongHolder):
        pack(market, order, 1_500, crates=[at_station])
    with pytest.raises(InvalidInput) as refused:
        pack(market, order, 1_500, crates=[crate_at_hub(market, market.kiwi, 5_000)])
    assert refused.value.field == "portions[0].unit_id"
    assert order.fulfilments.get().unit_uuid is None


def test_another_lot_of_the_product_serves_a_line_that_allows_it(market, thursday):
    order = make_paid_order(market, (market.rice, 1_500))
    order.lines.update(substitution=Substitution.SUBSTITUTE)
    other = make_lot(product=market.rice.product, station=market.second, quantity=9_000, price_fen=990)
    thursday()
    pack(market, order, 1_500, crates=[crate_at_hub(market, other, 3_000)])
    line = order.lines.get()
    assert (line.status, line.final_amount_fen) == ("packed", 1_320)  # never above what was agreed
    assert PortionWeight.objects.get().lot == other


def test_nobody_packs_twice_or_without_the_right(market, thursday):
    order = make_paid_order(market, (market.kiwi, 2))
    thursday()
    part = order.fulfilments.get()
    for principal in (make_principal("hub_operator", "hub", market.town.uuid), market.principal):
        with pytest.raises(Forbidden):
            pack_fulfilment(principal=principal, fulfilment_uuid=part.uuid, portions=[])
    pack(market, order, 5_000)
    with pytest.raises(AlreadyPacked):
        pack_fulfilment(principal=market.packer, fulfilment_uuid=part.uuid, portions=[])
    assert HandlingUnit.objects.filter(kind="parcel").count() == 1


# --- ready, collected, settled


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


def collected(market, order, *net_g):
    part, unit = pack(market, order, *net_g)
    van = into_cabinet(market, part, unit)
    arrivals.note_collected(fulfilment_uuid=part.uuid, at=clock.now())
    return van


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


# --- what the road and the cabinets report


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
    arrivals.note_released(fulfilment_uuid=part.uuid, decision="release")
    part.refresh_from_db()
    assert (part.held, part.status) == (False, "ready")
    assert Notice.objects.filter(template="parcel_released").count() == 1


def test_spoiled_parcels_end_with_the_money_back(market, thursday):
    order = make_paid_order(market)
    thursday()
    part, unit = pack(market, order, 5_000)
    into_cabinet(market, part, unit)
    arrivals.note_held(fulfilment_uuid=part.uuid, breach_uuid=uuid7())
    arrivals.note_released(fulfilment_uuid=part.uuid, decision="discard")
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


# --- what the holder answers for


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
