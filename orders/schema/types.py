"""Orders, boards and statements as GraphQL shows them. Types read; rules and rights are the services'."""

import graphene
from django.utils.translation import gettext

from catalog.schema import LotType
from catalog.services.search import lots_by_uuid
from marketplace.custody.schema import HandlingUnitType
from marketplace.kernel.errors import DomainError
from marketplace.places.schema import PlaceType
from orders.schema.loading import group_of, pickup_of, unit_of
from orders.services.purchases.goods import ordered_of
from orders.services.reading import refund_status
from orders.services.redress.claims import claimable_until
from orders.services.redress.goods_returns import checked_window
from orders.services.settlement.payouts import OPEN_CLAIMS, OPEN_RETURNS
from orders.states import FulfilmentStatus, LineStatus


def many(kind):
    return graphene.List(graphene.NonNull(kind), required=True)


class CartLineType(graphene.ObjectType):
    class Meta:
        name = "CartLine"

    id = graphene.ID(required=True)
    lot = graphene.Field(LotType, required=True)
    quantity = graphene.Int(required=True, description="grams or pieces, as the product is sold")
    substitution = graphene.String(required=True, description="refund, substitute or ask")
    allergy_lock = graphene.Boolean(required=True)
    amount_fen = graphene.Int(required=True, description="what this quantity costs")
    max_amount_fen = graphene.Int(required=True, description="the most this line can cost after weighing")

    def resolve_id(line, info):
        return line.uuid

    def resolve_amount_fen(line, info):
        return ordered_of(line.lot, line.quantity).max_amount_fen

    def resolve_max_amount_fen(line, info):
        return ordered_of(line.lot, line.quantity).max_amount_fen


class CartType(graphene.ObjectType):
    class Meta:
        name = "Cart"

    id = graphene.ID(required=True)
    lines = many(CartLineType)
    total_max_fen = graphene.Int(required=True)
    allergy_lock = graphene.Boolean(required=True, description="the account's: it holds for every line")

    def resolve_id(view, info):
        return view.cart.uuid


class PickupChoiceType(graphene.ObjectType):
    """A place that the buyer agreed to; `reason` says in one sentence why his cart cannot go there."""

    class Meta:
        name = "PickupChoice"

    place = graphene.Field(PlaceType, required=True)
    zones = many(graphene.String)
    feasible = graphene.Boolean(required=True)
    reason_code = graphene.String()
    reason = graphene.String()
    parcels = graphene.Int(required=True)
    fee_fen = graphene.Int(required=True)
    arrives_from = graphene.DateTime()
    arrives_until = graphene.DateTime()
    discount_any_fen = graphene.Int(required=True)
    co2_g = graphene.Int(required=True)


class PickupChoicesType(graphene.ObjectType):
    class Meta:
        name = "PickupChoices"

    choices = many(PickupChoiceType)
    deliver_on = graphene.Date()
    cut_off_at = graphene.DateTime()


class LineRefundType(graphene.ObjectType):
    class Meta:
        name = "LineRefund"

    id = graphene.ID(required=True)
    amount_fen = graphene.Int(required=True)
    reason = graphene.String(required=True)
    note = graphene.String(required=True)
    at = graphene.DateTime(required=True)
    status = graphene.String(required=True, description="pending, succeeded or failed")

    def resolve_id(row, info):
        return row.uuid

    def resolve_status(row, info):
        return refund_status(row)


class OrderLineType(graphene.ObjectType):
    class Meta:
        name = "OrderLine"

    id = graphene.ID(required=True)
    lot = graphene.Field(LotType, required=True)
    product_name = graphene.String(required=True, description="as it was listed when it was ordered")
    quantity = graphene.Int(required=True)
    unit = graphene.String(required=True)
    price_fen = graphene.Int(required=True)
    substitution = graphene.String(required=True)
    allergy_lock = graphene.Boolean(required=True)
    asked_until = graphene.DateTime(description="the buyer is asked until then")
    short_quantity = graphene.Int(required=True)
    max_amount_fen = graphene.Int(required=True)
    actual_weight_g = graphene.Int()
    final_amount_fen = graphene.Int()
    refunded_fen = graphene.Int(required=True)
    status = graphene.String(required=True)
    fulfilment_id = graphene.ID(required=True)
    claimable_until = graphene.DateTime(description="a claim can be made until then; empty when it cannot")
    claim = graphene.Field(lambda: _claim_type())
    returnable_until = graphene.DateTime(description="may be sent back without a reason until then")
    no_return_reason = graphene.String(description="why a collected line may not be sent back")
    goods_return = graphene.Field(lambda: _return_type())

    def resolve_id(line, info):
        return line.uuid

    def resolve_claimable_until(line, info):
        coming_back = hasattr(line, "goods_return") and line.goods_return.status in OPEN_RETURNS
        return None if coming_back or line.claims.all() else claimable_until(line)

    def resolve_claim(line, info):
        return next(iter(line.claims.all()), None)

    def resolve_returnable_until(line, info):
        return _return_window(line)[0]

    def resolve_no_return_reason(line, info):
        return _return_window(line)[1] if line.status == LineStatus.COLLECTED else None

    def resolve_goods_return(line, info):
        return getattr(line, "goods_return", None)

    def resolve_product_name(line, info):
        return line.listing["product"]

    def resolve_lot(line, info):
        return lots_by_uuid([line.lot.uuid])[line.lot.uuid] if not _is_joined(line.lot) else line.lot

    def resolve_fulfilment_id(line, info):
        return line.fulfilment.uuid


def _return_window(line):
    """(until when, None) or (None, why not in the reader's words)"""
    claimed = any(claim.status in OPEN_CLAIMS for claim in line.claims.all())
    try:
        _, until = checked_window(
            line, line.fulfilment, under_claim=claimed, returned=hasattr(line, "goods_return")
        )
    except DomainError as error:
        return None, error.render(gettext)
    return until, None


def _return_type():
    from orders.schema.returns import GoodsReturnType  # returns show lines, lines show their return

    return GoodsReturnType


def _claim_type():
    from orders.schema.claims import ClaimType  # claims shows lines, lines show their claim

    return ClaimType


def _is_joined(lot):
    return "product" in lot._state.fields_cache and "seller" in lot._state.fields_cache


class FulfilmentType(graphene.ObjectType):
    class Meta:
        name = "Fulfilment"

    id = graphene.ID(required=True)
    zone = graphene.String(required=True)
    way = graphene.String(required=True, description="up, direct or down")
    status = graphene.String(required=True)
    size = graphene.String(required=True)
    destination = graphene.Field(PlaceType, required=True)
    movable = graphene.Boolean(required=True)
    deliver_on = graphene.Date(required=True)
    expected_from = graphene.DateTime()
    expected_until = graphene.DateTime()
    ready_since = graphene.DateTime()
    hold_until = graphene.DateTime()
    collected_at = graphene.DateTime()
    pickup_code = graphene.String(description="for the recipient alone, once the parcel is ready")
    pickup_qr = graphene.String(description="for the recipient alone, once the parcel is ready")
    compartment = graphene.String()
    held = graphene.Boolean(required=True)
    unit = graphene.Field(HandlingUnitType)
    shipment_id = graphene.ID()
    order_number = graphene.String(required=True)

    def resolve_id(part, info):
        return part.uuid

    def resolve_expected_from(part, info):
        return part.arrives_from

    def resolve_expected_until(part, info):
        return part.arrives_until

    def resolve_compartment(part, info):
        return part.compartment or None

    def resolve_shipment_id(part, info):
        return part.shipment_uuid

    def resolve_order_number(part, info):
        return part.order.number

    def resolve_unit(part, info):
        return unit_of(info, part)

    def resolve_pickup_code(part, info):
        return pickup_of(info, part).code if _may_collect(part, info) else None

    def resolve_pickup_qr(part, info):
        return pickup_of(info, part).qr if _may_collect(part, info) else None


def _may_collect(part, info):
    """The recipient himself, while the parcel waits for him and is not held."""
    buyer = part.order.buyer
    mine = buyer is not None and buyer.uuid == info.context.principal.user_uuid
    return mine and part.status == FulfilmentStatus.READY and not part.held


class OrderType(graphene.ObjectType):
    class Meta:
        name = "Order"

    id = graphene.ID(required=True)
    number = graphene.String(required=True)
    direction = graphene.String(required=True)
    status = graphene.String(required=True)
    placed_at = graphene.DateTime(required=True)
    paid_at = graphene.DateTime()
    pay_until = graphene.DateTime(required=True)
    cut_off_at = graphene.DateTime(required=True)
    deliver_on = graphene.Date(required=True)
    payment = graphene.String(required=True, description="alipay or cash")
    goods_max_fen = graphene.Int(required=True)
    delivery_fen = graphene.Int(required=True)
    total_max_fen = graphene.Int(required=True)
    paid_fen = graphene.Int(required=True)
    refunded_fen = graphene.Int(required=True)
    pay_url = graphene.String()
    payment_status = graphene.String()
    why_ended = graphene.String()
    lines = many(OrderLineType)
    fulfilments = many(FulfilmentType)

    def resolve_id(order, info):
        return order.uuid

    def resolve_total_max_fen(order, info):
        return order.agreed_max_fen

    def resolve_paid_fen(order, info):
        return order.agreed_max_fen if order.paid_at else 0

    def resolve_refunded_fen(order, info):
        return sum(row.amount_fen for row in order.refunds.all() if row.failed_at is None)

    def resolve_pay_url(order, info):
        group = group_of(info, order)
        return group.pay_url or None if group and order.status == "awaiting_payment" else None

    def resolve_payment_status(order, info):
        group = group_of(info, order)
        return group.status if group else None

    def resolve_why_ended(order, info):
        return order.why_ended or None

    def resolve_lines(order, info):
        return list(order.lines.all())

    def resolve_fulfilments(order, info):
        return list(order.fulfilments.all())


class WeighInType(graphene.ObjectType):
    class Meta:
        name = "WeighIn"

    id = graphene.ID(required=True)
    net_g = graphene.Int(required=True)
    gross_g = graphene.Int(required=True)
    tare_g = graphene.Int(required=True)
    ordered_g = graphene.Int(required=True)
    difference = graphene.Int(
        required=True, description="grams weighed so far less grams ordered; negative while some are missing"
    )
    at = graphene.DateTime(required=True)
    unit = graphene.Field(HandlingUnitType, required=True)

    def resolve_id(row, info):
        return row.uuid

    def resolve_difference(row, info):
        return row.difference_g

    def resolve_unit(row, info):
        return unit_of(info, row)
