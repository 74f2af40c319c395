from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from catalog.errors import NotForSale, OutOfStock, ReservationExpired, ReservationMismatch
from catalog.models import Lot, Reservation, Stock
from catalog.services import stock
from catalog.services.listing import withdraw_lot
from marketplace.kernel import clock
from marketplace.kernel.errors import InvalidInput, NotFound
from marketplace.kernel.principal import Principal
from tests.factories.catalog import make_lot, stock_of
from tests.factories.places import make_place

pytestmark = pytest.mark.django_db


def hold(lot: Lot, quantity: int, reference: UUID | None = None, minutes: int = 15) -> UUID:
    reference = reference or uuid4()
    stock.reserve(
        reference=reference,
        lines=[(lot.uuid, quantity)],
        expires_at=clock.now() + timedelta(minutes=minutes),
    )
    return reference


def statuses(reference: UUID) -> list[str]:
    return list(
        Reservation.objects.filter(reference=reference).order_by("id").values_list("status", flat=True)
    )


def test_a_reservation_lowers_what_the_shop_offers_in_the_same_breath() -> None:
    lot = make_lot(quantity=40)
    hold(lot, 15)
    assert stock_of(lot.uuid) == (40, 15, 25)


def test_more_than_is_left_is_refused_and_nothing_changes() -> None:
    plenty, scarce = make_lot(quantity=40), make_lot(quantity=3)
    lines = [(plenty.uuid, 5), (scarce.uuid, 4)]
    with pytest.raises(OutOfStock) as refused:
        stock.reserve(reference=uuid4(), lines=lines, expires_at=clock.now())
    assert refused.value.field == "lines[1].quantity"
    assert refused.value.params == {"product": scarce.product.name, "left": "3"}
    assert (stock_of(plenty.uuid), stock_of(scarce.uuid)) == ((40, 0, 40), (3, 0, 3))
    assert Reservation.objects.count() == 0


def test_the_same_reference_asking_the_same_again_is_one_promise() -> None:
    lot = make_lot(quantity=40)
    reference = hold(lot, 10)
    assert hold(lot, 10, reference) == reference
    assert stock_of(lot.uuid) == (40, 10, 30)
    with pytest.raises(ReservationMismatch):
        hold(lot, 11, reference)
    assert stock_of(lot.uuid) == (40, 10, 30)


def test_a_lot_named_twice_is_added_up() -> None:
    lot = make_lot(quantity=10)
    stock.reserve(reference=uuid4(), lines=[(lot.uuid, 4), (lot.uuid, 6)], expires_at=clock.now())
    assert stock_of(lot.uuid) == (10, 10, 0)


@pytest.mark.parametrize("quantity", [0, -1])
def test_no_quantity_is_no_line(quantity: int) -> None:
    lot = make_lot()
    with pytest.raises(InvalidInput) as refused:
        hold(lot, quantity)
    assert refused.value.field == "lines[0].quantity"


def test_unknown_lots_are_named() -> None:
    with pytest.raises(NotFound) as refused:
        stock.reserve(reference=uuid4(), lines=[(uuid4(), 1)], expires_at=clock.now())
    assert refused.value.field == "lines[0].lot_id"


def test_a_withdrawn_lot_is_not_for_sale_but_keeps_its_promises() -> None:
    lot = make_lot(quantity=40)
    reference = hold(lot, 15)
    withdraw_lot(principal=Principal.system("test"), lot_uuid=lot.uuid)
    assert stock_of(lot.uuid) == (15, 15, 0)
    with pytest.raises(NotForSale):
        hold(lot, 1)
    stock.firm_reservation(reference=reference)
    stock.consume_reservation(reference=reference)
    assert stock_of(lot.uuid) == (0, 0, 0)


def test_a_lot_on_its_expiry_day_is_not_for_sale() -> None:
    lot = make_lot(quantity=40)
    Lot.objects.filter(pk=lot.pk).update(
        harvested_on=clock.today() - timedelta(days=3), expires_on=clock.today()
    )
    with pytest.raises(NotForSale):
        hold(lot, 1)


def test_goods_at_two_places_are_taken_in_order_and_totals_equal_their_sum() -> None:
    lot = make_lot(quantity=10)
    Lot.objects.filter(pk=lot.pk).update(listed_quantity=16)
    second = Stock.objects.create(lot=lot, place=make_place(), on_hand=6)
    reference = hold(lot, 13)
    first = Stock.objects.get(lot=lot, place=lot.place)
    second.refresh_from_db()
    lot.refresh_from_db()
    assert (first.reserved, second.reserved, lot.available_quantity) == (10, 3, 3)
    stock.release_reservation(reference=reference)
    lot.refresh_from_db()
    assert lot.available_quantity == 16


def test_the_offline_quota_is_kept_out_of_the_shop() -> None:
    lot = make_lot(quantity=10)
    Stock.objects.filter(lot=lot).update(offline_quota=4)
    with pytest.raises(OutOfStock) as refused:
        hold(lot, 7)
    assert refused.value.params["left"] == "6"
    hold(lot, 6)
    assert stock_of(lot.uuid) == (10, 6, 0)


def test_paid_then_packed() -> None:
    lot = make_lot(quantity=40)
    reference = hold(lot, 15)
    stock.firm_reservation(reference=reference)
    stock.firm_reservation(reference=reference)
    assert statuses(reference) == ["firm"]
    assert len(stock.consume_reservation(reference=reference)) == 1
    assert stock.consume_reservation(reference=reference) == []
    assert stock_of(lot.uuid) == (25, 0, 25)
    assert statuses(reference) == ["consumed"]


def test_what_is_only_held_cannot_be_consumed() -> None:
    lot = make_lot(quantity=40)
    reference = hold(lot, 15)
    assert stock.consume_reservation(reference=reference) == []
    assert stock_of(lot.uuid) == (40, 15, 25)


def test_releasing_one_lot_of_an_order_leaves_the_other() -> None:
    first, second = make_lot(quantity=10), make_lot(quantity=10)
    reference = uuid4()
    stock.reserve(reference=reference, lines=[(first.uuid, 2), (second.uuid, 3)], expires_at=clock.now())
    stock.release_reservation(reference=reference, lot_uuids=[first.uuid])
    assert (stock_of(first.uuid), stock_of(second.uuid)) == ((10, 0, 10), (10, 3, 7))
    stock.firm_reservation(reference=reference)
    assert statuses(reference) == ["released", "firm"]


def test_release_is_harmless_twice_and_after_consumption() -> None:
    lot = make_lot(quantity=10)
    reference = hold(lot, 4)
    stock.firm_reservation(reference=reference)
    stock.consume_reservation(reference=reference)
    assert stock.release_reservation(reference=reference) == []
    assert stock_of(lot.uuid) == (6, 0, 6)


def test_expiry_gives_back_what_is_due_and_only_that() -> None:
    lot = make_lot(quantity=40)
    due, later, paid = hold(lot, 1, minutes=-1), hold(lot, 2, minutes=15), hold(lot, 4, minutes=-1)
    stock.firm_reservation(reference=paid)
    assert stock.expire_due_reservations() == 1
    assert stock.expire_due_reservations() == 0
    assert (statuses(due), statuses(later), statuses(paid)) == (["released"], ["held"], ["firm"])
    assert stock_of(lot.uuid) == (40, 6, 34)


def test_paying_for_an_expired_hold_is_refused_by_name() -> None:
    lot = make_lot(quantity=40)
    reference = hold(lot, 5, minutes=-1)
    stock.expire_due_reservations()
    with pytest.raises(ReservationExpired):
        stock.firm_reservation(reference=reference)
    assert stock_of(lot.uuid) == (40, 0, 40)


def test_a_hold_past_its_time_that_still_stands_is_honoured() -> None:
    lot = make_lot(quantity=40)
    reference = hold(lot, 5, minutes=-1)
    stock.firm_reservation(reference=reference)
    assert stock.expire_due_reservations() == 0
    assert stock_of(lot.uuid) == (40, 5, 35)


def test_a_reference_may_try_again_after_its_hold_expired() -> None:
    lot = make_lot(quantity=40)
    reference = hold(lot, 5, minutes=-1)
    stock.expire_due_reservations()
    hold(lot, 7, reference)
    assert stock_of(lot.uuid) == (40, 7, 33)
    assert statuses(reference) == ["released", "held"]


def test_firming_an_unknown_reference_is_told() -> None:
    with pytest.raises(NotFound):
        stock.firm_reservation(reference=uuid4())
