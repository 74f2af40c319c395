"""Writing an order once everything about it is decided: rows, stock, cells, payment, event, in this order.

A draft that cannot be kept leaves nothing behind: all of it runs in the caller's transaction, and each
refusal (OutOfStock, NoRoom, ...) ends it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from catalog.models import Lot
from catalog.services.stock import reserve
from farmers.models import Station, Villager
from marketplace.accounts.models import User
from marketplace.kernel import clock, ids
from marketplace.outbox.publishing import publish
from marketplace.places.models import Hub
from orders.events import OrderPlaced
from orders.models import Fulfilment, Line, Order
from orders.numbers import order_number
from orders.payments.services import IntentSpec, open_group
from orders.pricing import Agency, FeeRules
from orders.services import road
from orders.services.purchases.goods import listing_copy, ordered_of
from orders.services.settlement.settling import freeze_rules
from orders.splitting import Parcel, Way
from orders.storefront.offers import Offer

#: stock and cells are held longer than anybody may pay (devices.md section 6)
PAY_WITHIN = timedelta(minutes=12)
HOLD_FOR = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class DraftLine:
    lot: Lot
    quantity: int
    substitution: str
    allergy_lock: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An order about to be written. `options` are the places it may go to, the chosen one first."""

    direction: str
    placed_by_uuid: UUID
    payment: str
    lines: Sequence[DraftLine]
    offer: Offer
    options: Sequence[UUID]
    deliver_on: date
    cut_off_at: datetime
    delivery_fen: int
    rules: FeeRules
    buyer: User | None = None
    villager: Villager | None = None
    agent_station: Station | None = None

    @property
    def goods_max_fen(self) -> int:
        return sum(ordered_of(line.lot, line.quantity).max_amount_fen for line in self.lines)


def write_order(draft: Draft) -> Order:
    """The order with its parts, its goods reserved, its cells held, and what is to be paid. Publishes
    OrderPlaced.

    Raises what stock, cells and payments refuse; then nothing stands.
    """
    order = _write_head(draft)
    intents = {line.lot.seller.uuid: ids.uuid7() for line in draft.lines}
    fulfilments = _write_fulfilments(order, draft)
    rows = _write_lines(order, draft, fulfilments, intents)
    reserve(
        reference=order.uuid,
        lines=[(line.lot.uuid, line.quantity) for line in draft.lines],
        expires_at=order.placed_at + HOLD_FOR,
    )
    for part in fulfilments:
        if part.way == Way.UP:
            road.hold(part, expires_at=order.placed_at + HOLD_FOR)
    open_group(
        reference=order.uuid, intents=_intents(order, draft, rows, intents), expires_at=order.pay_until
    )
    publish(
        OrderPlaced(order=order.uuid),
        aggregate_kind="order",
        aggregate_uuid=order.uuid,
        actor_uuid=draft.placed_by_uuid,
    )
    return order


def _write_head(draft: Draft) -> Order:
    now = clock.now()
    pk = _next_pk()
    order: Order = Order.objects.create(
        pk=pk,
        number=order_number(clock.today(), pk),
        direction=draft.direction,
        buyer=draft.buyer,
        villager=draft.villager,
        agent_station=draft.agent_station,
        placed_by_uuid=draft.placed_by_uuid,
        payment=draft.payment,
        placed_at=now,
        pay_until=now + PAY_WITHIN,
        deliver_on=draft.deliver_on,
        cut_off_at=draft.cut_off_at,
        goods_max_fen=draft.goods_max_fen,
        delivery_fen=draft.delivery_fen,
        delivery_intent=ids.uuid7() if draft.delivery_fen else None,
        fee_rules=freeze_rules(draft.rules),
    )
    return order


def _next_pk() -> int:
    """The serial number that the order will have: it is part of the number that people read."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('orders_order', 'id'))")
        return int(cursor.fetchone()[0])


def _write_fulfilments(order: Order, draft: Draft) -> list[Fulfilment]:
    hubs = {line.lot.hub.uuid: line.lot.hub for line in draft.lines}
    count = len(draft.offer.parcels)
    return [
        Fulfilment.objects.create(
            order=order,
            destination=draft.offer.place,
            option_uuids=[draft.offer.place.uuid] if parcel.way is Way.DIRECT else list(draft.options),
            movable=parcel.way is not Way.DIRECT and len(draft.options) > 1,
            deliver_on=draft.deliver_on,
            arrives_from=draft.offer.arrives_from,
            arrives_until=draft.offer.arrives_until,
            # The first parcel carries what does not divide, so that the parts add up to the fee.
            delivery_fen=draft.delivery_fen // count + (draft.delivery_fen % count if index == 0 else 0),
            **_parcel_fields(parcel, hubs),
        )
        for index, parcel in enumerate(draft.offer.parcels)
    ]


def _parcel_fields(parcel: Parcel, hubs: Mapping[UUID, Hub]) -> dict[str, Any]:
    return {
        "way": parcel.way,
        "zone": parcel.zone,
        "category": parcel.category,
        "size": parcel.size,
        "gross_g": parcel.gross_g,
        "volume_ml": parcel.volume_ml,
        "min_c": parcel.band.min_c,
        "max_c": parcel.band.max_c,
        "origin_hub": hubs[parcel.hub_uuid],
    }


def _write_lines(
    order: Order, draft: Draft, fulfilments: Sequence[Fulfilment], intents: Mapping[UUID, UUID]
) -> list[Line]:
    home = {
        item.key: part
        for part, parcel in zip(fulfilments, draft.offer.parcels, strict=True)
        for item in parcel.items
    }
    rows = []
    for line in draft.lines:
        lot, ordered = line.lot, ordered_of(line.lot, line.quantity)
        agency, agent_uuid = _agency(draft, lot)
        rows.append(
            Line(
                order=order,
                fulfilment=home[lot.uuid],
                lot=lot,
                unit=ordered.unit,
                quantity=ordered.quantity,
                price_fen=ordered.price_fen,
                unit_net_g=ordered.unit_net_g,
                max_amount_fen=ordered.max_amount_fen,
                substitution=line.substitution,
                allergy_lock=line.allergy_lock,
                listing=listing_copy(lot),
                intent_reference=intents[lot.seller.uuid],
                merchant_uuid=lot.seller.uuid,
                seller_uuid=lot.seller.uuid,
                agent_station_uuid=agent_uuid,
                origin_station=lot.station,
                agency=agency,
            )
        )
    return Line.objects.bulk_create(rows)


def _agency(draft: Draft, lot: Lot) -> tuple[Agency, UUID | None]:
    """For what a station earns its share: it sold for the farmer, or buys for the villager."""
    if draft.agent_station is not None:
        return Agency.BUYING, draft.agent_station.uuid
    if lot.agent_consent_id and lot.station is not None:
        return Agency.SELLING, lot.station.uuid
    return Agency.NONE, None


def _intents(
    order: Order, draft: Draft, rows: Sequence[Line], intents: Mapping[UUID, UUID]
) -> list[IntentSpec]:
    """One part per settling seller, and the platform's own for delivery: no pooled money (二清)."""
    names = {line.lot.seller.uuid: line.lot.seller.name for line in draft.lines}
    parts = [
        IntentSpec(
            merchant=seller,
            merchant_name=names[seller],
            amount_fen=sum(row.max_amount_fen for row in rows if row.merchant_uuid == seller),
            description=f"{names[seller]} {order.number}",
            reference=reference,
        )
        for seller, reference in intents.items()
    ]
    if order.delivery_intent is not None:
        parts.append(
            IntentSpec(
                merchant=None,
                amount_fen=order.delivery_fen,
                description=f"配送 {order.number}",
                reference=order.delivery_intent,
            )
        )
    return parts
