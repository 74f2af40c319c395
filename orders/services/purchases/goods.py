"""From lots and quantities to the plain values that splitting and pricing compute on."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from catalog.kinds import LotStatus, Unit
from catalog.models import Lot
from marketplace.kernel import clock
from marketplace.kernel.units import KG_G, Size, size_for
from orders import return_rules
from orders.splitting import Item
from orders.weighing import Ordered

#: bag or net round goods sold by weight, on top of their net weight (guess)
WRAPPING_PERCENT = 3


def lots_for_orders(uuids: Iterable[Any]) -> dict[Any, Lot]:
    """Lots by uuid with all that ordering reads, in one query."""
    rows = Lot.objects.select_related(
        "product", "seller", "station__place", "place__county", "hub__county"
    ).filter(uuid__in=list(uuids))
    return {lot.uuid: lot for lot in rows}


def ordered_of(lot: Lot, quantity: int) -> Ordered:
    return Ordered(
        unit=lot.product.unit,
        quantity=quantity,
        price_fen=lot.price_fen,
        unit_net_g=lot.product.unit_net_g,
    )


def item_of(lot: Lot, quantity: int) -> Item:
    """What this quantity of the lot puts on the road."""
    product = lot.product
    gross_g = gross_g_of(lot, quantity)
    volume_ml = volume_ml_of(lot, quantity)
    piece = product.unit == Unit.PIECE
    return Item(
        key=lot.uuid,
        zone=lot.zone,
        category=product.cargo,
        band=product.band,
        size=Size(product.size_class) if piece else size_for(volume_ml, gross_g),
        gross_g=gross_g,
        volume_ml=volume_ml,
        hub_uuid=lot.hub.uuid,
        origin_uuid=lot.place.uuid,
        locker_allowed=product.locker_allowed
        and (lot.sender_agreement or not product.needs_sender_agreement),
        product=product.name,
    )


def gross_g_of(lot: Lot, quantity: int) -> int:
    if lot.product.unit == Unit.PIECE:
        return quantity * (lot.product.unit_gross_g or 0)
    return quantity + quantity * WRAPPING_PERCENT // 100


def volume_ml_of(lot: Lot, quantity: int) -> int:
    if lot.product.unit == Unit.PIECE:
        return quantity * lot.product.volume_ml
    return max(1, quantity * lot.product.volume_ml // KG_G)


def is_for_sale(lot: Lot, *, on: date) -> bool:
    """Listed, and still good on the day it is delivered."""
    return lot.status == LotStatus.LISTED and (lot.expires_on is None or lot.expires_on > on)


def listing_copy(lot: Lot) -> dict[str, Any]:
    """What the buyer saw, kept with the order (E-commerce Law 31)."""
    product = lot.product
    rule = return_rules.rule_for(returnable=product.returnable, granted=lot.returns_granted, on=clock.today())
    return {
        "product": product.name,
        "product_en": product.name_en,
        "product_uuid": str(product.uuid),
        "seller": lot.seller.name,
        "seller_kind": lot.seller.seller_kind,
        "station": lot.station.name if lot.station else "",
        "zone": lot.zone,
        "price_fen": lot.price_fen,
        "price_basis": lot.price_basis,
        "trace_code": lot.trace_code,
        "harvested_on": lot.harvested_on.isoformat() if lot.harvested_on else None,
        "expires_on": lot.expires_on.isoformat() if lot.expires_on else None,
        "returnable": rule is not None,
        "return_rule": return_rules.freeze(rule),
    }
