"""What the shelf says: goods that left without the shop knowing, and what stations keep back for that."""

from uuid import UUID

from django.db import transaction

from catalog.events import StockFellShort
from catalog.models import Shortage, Stock
from catalog.services.stock import refresh_available
from farmers.services.access import OFFICER
from marketplace.database.locks import lock_rows
from marketplace.kernel import clock
from marketplace.kernel.errors import N_, Forbidden, InvalidInput, NotFound
from marketplace.kernel.principal import Principal
from marketplace.kernel.units import require_between
from marketplace.outbox.publishing import publish


def set_offline_quota(*, principal: Principal, lot_uuid: UUID, quantity: int) -> Stock:
    """Keep `quantity` of the lot at its own place out of the shop. Raises Forbidden, InvalidInput."""
    principal.require_signed_in()
    with transaction.atomic():
        stock = _locked_stock(lot_uuid, place_uuid=None)
        station = stock.lot.station
        if station is None or not principal.has(OFFICER, station.uuid):
            raise Forbidden(field="lot_id")
        stock.offline_quota = require_between(quantity, 0, stock.on_hand - stock.reserved, "quantity")
        stock.save(update_fields=["offline_quota"])
        refresh_available([stock.lot_id])
    return stock


def record_physical_sale(
    *, lot_uuid: UUID, place_uuid: UUID, quantity: int, why: str = "offline_sale"
) -> Shortage | None:
    """Goods were handed out at the place without a reservation. A physical fact is always recorded.

    Takes the offline quota first. When goods promised to others are gone as well, the promise stands on
    paper, the missing part becomes a Shortage with its event, and somebody settles it; gives that
    Shortage.
    """
    if quantity <= 0:
        raise InvalidInput(N_("数量须大于零"), field="quantity")
    with transaction.atomic():
        stock = _locked_stock(lot_uuid, place_uuid)
        missing = max(stock.reserved - (stock.on_hand - quantity), 0)
        stock.on_hand = max(stock.on_hand - quantity, stock.reserved)
        stock.offline_quota = max(stock.offline_quota - quantity, 0)
        stock.save(update_fields=["on_hand", "offline_quota"])
        refresh_available([stock.lot_id])
        return _shortage(stock, missing, why) if missing else None


def settle_shortage(*, shortage: Shortage) -> Shortage:
    """The promises were cut (reservations released): take the goods that never were there off the books.

    Raises InvalidInput while the stock still promises them. Settling twice is the same.
    """
    with transaction.atomic():
        stock = lock_rows(Stock.objects.filter(pk=shortage.stock_id))[0]
        fresh: Shortage = Shortage.objects.get(pk=shortage.pk)
        if fresh.settled_at is not None:
            return fresh
        if stock.on_hand - stock.reserved < fresh.quantity:
            raise InvalidInput(N_("还有订单占用着缺少的货品"), field="shortage")
        stock.on_hand -= fresh.quantity
        stock.save(update_fields=["on_hand"])
        fresh.settled_at = clock.now()
        fresh.save(update_fields=["settled_at"])
        refresh_available([stock.lot_id])
    return fresh


def _locked_stock(lot_uuid: UUID, place_uuid: UUID | None) -> Stock:
    """One stock row under the lock of all rows of its lot: at the place, or at the lot's own place."""
    stocks: list[Stock] = lock_rows(
        Stock.objects.filter(lot__uuid=lot_uuid).select_related("lot__station", "lot__product", "place")
    )
    for stock in stocks:
        if stock.place.uuid == place_uuid or (place_uuid is None and stock.place_id == stock.lot.place_id):
            return stock
    raise NotFound(field="lot_id")


def _shortage(stock: Stock, missing: int, why: str) -> Shortage:
    shortage: Shortage = Shortage.objects.create(
        stock=stock, quantity=missing, why=why[:40], noticed_at=clock.now()
    )
    publish(
        StockFellShort(shortage=shortage.uuid, lot=stock.lot.uuid, place=stock.place.uuid, quantity=missing),
        aggregate_kind="lot",
        aggregate_uuid=stock.lot.uuid,
    )
    return shortage
