from datetime import timedelta
from uuid import uuid4

import pytest

from catalog.models import Lot, Shortage, Stock
from catalog.services import stock
from catalog.services.shelf import record_physical_sale, set_offline_quota, settle_shortage
from marketplace.kernel import clock
from marketplace.kernel.errors import Forbidden, InvalidInput, NotFound
from marketplace.outbox.models import OutboxEvent
from tests.factories.catalog import make_lot, stock_of
from tests.factories.farmers import make_officer, make_station

pytestmark = pytest.mark.django_db


def sell(lot: Lot, quantity: int) -> Shortage | None:
    return record_physical_sale(lot_uuid=lot.uuid, place_uuid=lot.place.uuid, quantity=quantity)


def test_a_station_keeps_a_quota_for_days_without_network() -> None:
    lot = make_lot(quantity=10)
    assert lot.station is not None
    officer = make_officer(lot.station)
    set_offline_quota(principal=officer, lot_uuid=lot.uuid, quantity=4)
    assert stock_of(lot.uuid) == (10, 0, 6)
    for quantity in (-1, 11):
        with pytest.raises(InvalidInput) as refused:
            set_offline_quota(principal=officer, lot_uuid=lot.uuid, quantity=quantity)
        assert refused.value.field == "quantity"
    with pytest.raises(Forbidden):
        set_offline_quota(principal=make_officer(make_station()), lot_uuid=lot.uuid, quantity=0)
    assert stock_of(lot.uuid) == (10, 0, 6)


def test_an_offline_sale_uses_the_quota_first() -> None:
    lot = make_lot(quantity=10)
    Stock.objects.filter(lot=lot).update(offline_quota=4)
    assert sell(lot, 3) is None
    assert stock_of(lot.uuid) == (7, 0, 6)
    assert sell(lot, 2) is None
    assert stock_of(lot.uuid) == (5, 0, 5)


def test_goods_handed_out_that_were_sold_online_become_a_shortage_never_a_refusal() -> None:
    lot = make_lot(quantity=10)
    reference = uuid4()
    stock.reserve(reference=reference, lines=[(lot.uuid, 9)], expires_at=clock.now() + timedelta(minutes=15))
    shortage = sell(lot, 3)
    assert shortage is not None
    assert shortage.quantity == 2
    assert stock_of(lot.uuid) == (9, 9, 0)
    event = OutboxEvent.objects.get(type="catalog.StockFellShort")
    assert (event.payload["lot"], event.payload["quantity"]) == (str(lot.uuid), 2)
    with pytest.raises(InvalidInput):
        settle_shortage(shortage=shortage)
    stock.release_reservation(reference=reference)
    assert settle_shortage(shortage=shortage).settled_at is not None
    settle_shortage(shortage=shortage)
    assert stock_of(lot.uuid) == (7, 0, 7)


def test_what_is_not_there_cannot_be_named() -> None:
    lot = make_lot()
    with pytest.raises(NotFound):
        record_physical_sale(lot_uuid=lot.uuid, place_uuid=uuid4(), quantity=1)
    with pytest.raises(InvalidInput):
        sell(lot, 0)
    assert stock_of(lot.uuid) == (40, 0, 40)
