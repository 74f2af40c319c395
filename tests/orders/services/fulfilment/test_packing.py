"""The scales: crates at the station, portions at the hub, and what each refusal leaves untouched."""

import pytest

from lockers.models import CapacityHold
from marketplace.custody.errors import NotEnough, WrongHolder
from marketplace.custody.models import CustodyEvent, HandlingUnit, TransformationInput, UnitContent
from marketplace.kernel.errors import Forbidden, InvalidInput, NotFound
from orders.errors import AlreadyPacked
from orders.models import LineRefund, PortionWeight, Substitution, WeighIn
from orders.services.fulfilment.packing import pack_fulfilment
from orders.services.fulfilment.weigh_in import weigh_in
from tests.factories.accounts import make_principal
from tests.factories.catalog import make_lot, stock_of
from tests.factories.farmers import make_officer, make_station
from tests.factories.orders import (
    fresh,
    make_paid_order,
)
from tests.orders.services.steps import books_balance, crate_at_hub, pack, weigh


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
