import logging

import graphene

from lockers.errors import NoRoom
from lockers.services.oversight.siting import note_turned_away
from marketplace.api.guard import SIGNED_IN, roles
from marketplace.api.mutations import Command
from marketplace.custody.schema import HandlingUnitType
from marketplace.kernel.errors import DomainError
from marketplace.kernel.ids import parse_uuid
from orders.payments.services import own_path
from orders.schema.types import CartType, FulfilmentType, LineRefundType, OrderType, WeighInType
from orders.services import reading
from orders.services.fulfilment import hand_out, packing, storage_fees, weigh_in
from orders.services.purchases import cart, checkout, paying, villager_orders
from orders.services.redress import cancelling, refunding

log = logging.getLogger(__name__)
OFFICERS = roles("information_officer")
PACKERS = roles("hub_operator", "information_officer")


class LineInput(graphene.InputObjectType):
    lot_id = graphene.ID(required=True)
    quantity = graphene.Int(required=True)


class PortionInput(graphene.InputObjectType):
    line_id = graphene.ID(required=True)
    unit_id = graphene.ID(required=True, description="the crate it was taken from")
    net_weight_g = graphene.Int(required=True)


class SetCartLine(Command):
    class Arguments:
        lot_id = graphene.ID(required=True)
        quantity = graphene.Int(required=True, description="grams or pieces; 0 takes the line out")
        substitution = graphene.String(description="refund, substitute or ask; empty: as it was, or refund")
        allergy_lock = graphene.Boolean(
            description="never anything else in its place; empty: as it was, or as the account says"
        )

    cart = graphene.Field(CartType)
    rule = SIGNED_IN

    @classmethod
    def perform(cls, principal, *, lot_id, quantity, substitution=None, allergy_lock=None):
        cart.set_cart_line(
            principal=principal,
            lot_uuid=parse_uuid(lot_id, "lot_id"),
            quantity=quantity,
            substitution=substitution,
            allergy_lock=allergy_lock,
        )
        return {"cart": cart.read_cart(user_uuid=principal.user_uuid)}


def _offer_payment(principal, order, return_url):
    """Ask the gateway where to pay, after the commit.

    No clear answer refuses nothing: the order stands, `payUrl` is empty, and `payOrder` asks again.
    """
    if order.payment != "alipay" or order.status != "awaiting_payment":
        return
    try:
        paying.make_pay_link(
            principal=principal, order_uuid=order.uuid, return_url=return_url or f"/orders/{order.uuid}"
        )
    except DomainError as error:
        log.warning("no pay link yet for order %s: %s", order.number, error)


class PlaceOrder(Command):
    class Arguments:
        place_id = graphene.ID()
        any = graphene.Boolean(default_value=False, description="any place that I agreed to, for less")
        any_place_ids = graphene.List(graphene.NonNull(graphene.ID))
        agreed_max_fen = graphene.Int(required=True)
        return_url = graphene.String()

    order = graphene.Field(OrderType)
    rule = SIGNED_IN
    idempotent = True

    @classmethod
    def perform(
        cls, principal, *, agreed_max_fen, place_id=None, any=False, any_place_ids=None, return_url=None
    ):
        choice = checkout.Choice(
            place_uuid=parse_uuid(place_id, "place_id") if place_id else None,
            any_place=any,
            any_place_uuids=[
                parse_uuid(uuid, f"any_place_ids[{index}]") for index, uuid in enumerate(any_place_ids or [])
            ],
        )
        return_url = own_path(return_url) if return_url else None
        order = checkout.place_order(principal=principal, choice=choice, agreed_max_fen=agreed_max_fen)
        return {"order": order, "return_url": return_url}

    @classmethod
    def after_refusal(cls, principal, error):
        """A full cabinet is demand that nobody served: the siting report counts it."""
        if isinstance(error, NoRoom):
            note_turned_away(error)

    @classmethod
    def after_commit(cls, principal, result):
        _offer_payment(principal, result["order"], result.pop("return_url"))
        return result


class PayOrder(Command):
    class Arguments:
        order_id = graphene.ID(required=True)
        return_url = graphene.String()

    order = graphene.Field(OrderType)
    rule = SIGNED_IN
    atomic = False

    @classmethod
    def perform(cls, principal, *, order_id, return_url=None):
        uuid = parse_uuid(order_id, "order_id")
        paying.make_pay_link(principal=principal, order_uuid=uuid, return_url=return_url or f"/orders/{uuid}")
        return {"order": reading.order_for(principal=principal, order_uuid=uuid)}


class PayStorageFee(Command):
    """Open an overdue parcel's door again: no link when nothing is due and it is open already."""

    class Arguments:
        reference = graphene.ID(required=True, description="the parcel's, as in myParcels")
        return_url = graphene.String()

    amount_fen = graphene.Int()
    pay_url = graphene.String()
    rule = SIGNED_IN
    atomic = False

    @classmethod
    def perform(cls, principal, *, reference, return_url=None):
        back = own_path(return_url) if return_url else "/orders"
        uuid = parse_uuid(reference, "reference")
        fee = storage_fees.ask_storage_fee(principal=principal, fulfilment_uuid=uuid)
        if fee is None:
            return {"amount_fen": 0, "pay_url": None}
        return {
            "amount_fen": fee.amount_fen,
            "pay_url": storage_fees.make_fee_link(fee=fee, return_url=back),
        }


class CancelOrder(Command):
    class Arguments:
        order_id = graphene.ID(required=True)

    order = graphene.Field(OrderType)
    rule = SIGNED_IN
    idempotent = True

    @classmethod
    def perform(cls, principal, *, order_id):
        order = cancelling.cancel_order(principal=principal, order_uuid=parse_uuid(order_id, "order_id"))
        return {"order": order}


class OrderForVillager(Command):
    class Arguments:
        station_id = graphene.ID(required=True)
        villager_id = graphene.ID(required=True)
        lines = graphene.List(graphene.NonNull(LineInput), required=True)
        payment = graphene.String(required=True, description="cash or alipay")
        also_place_ids = graphene.List(
            graphene.NonNull(graphene.ID), description="other stations where he would collect it as well"
        )

    order = graphene.Field(OrderType)
    rule = OFFICERS
    idempotent = True
    offline = True

    @classmethod
    def perform(cls, principal, *, station_id, villager_id, lines, payment, also_place_ids=()):
        order = villager_orders.order_for_villager(
            principal=principal,
            station_uuid=parse_uuid(station_id, "station_id"),
            villager_uuid=parse_uuid(villager_id, "villager_id"),
            lines=[
                (parse_uuid(line["lot_id"], f"lines[{index}].lot_id"), line["quantity"])
                for index, line in enumerate(lines)
            ],
            payment=payment,
            also_place_uuids=[
                parse_uuid(place, f"also_place_ids[{index}]")
                for index, place in enumerate(also_place_ids or ())
            ],
        )
        return {"order": order}

    @classmethod
    def after_commit(cls, principal, result):
        _offer_payment(principal, result["order"], None)
        return result


class WeighIn(Command):
    class Arguments:
        station_id = graphene.ID(required=True)
        lot_id = graphene.ID(required=True)
        gross_g = graphene.Int(required=True)
        tare_g = graphene.Int(required=True)
        crate_code = graphene.String()
        temperature_c = graphene.Float()

    weigh_in = graphene.Field(WeighInType)
    rule = OFFICERS
    idempotent = True
    offline = True

    @classmethod
    def perform(cls, principal, *, station_id, lot_id, **weights):
        row = weigh_in.weigh_in(
            principal=principal,
            station_uuid=parse_uuid(station_id, "station_id"),
            lot_uuid=parse_uuid(lot_id, "lot_id"),
            **weights,
        )
        return {"weigh_in": row}


class PackShipment(Command):
    class Arguments:
        shipment_id = graphene.ID(required=True)
        weight_g = graphene.Int(required=True)

    unit = graphene.Field(HandlingUnitType)
    rule = roles("hub_operator")
    idempotent = True

    @classmethod
    def perform(cls, principal, *, shipment_id, weight_g):
        unit = packing.pack_shipment(
            principal=principal,
            shipment_uuid=parse_uuid(shipment_id, "shipment_id"),
            weight_g=weight_g,
        )
        return {"unit": unit}


class PackFulfilment(Command):
    class Arguments:
        fulfilment_id = graphene.ID(required=True)
        portions = graphene.List(graphene.NonNull(PortionInput), required=True)

    unit = graphene.Field(HandlingUnitType, description="empty when everything was missing")
    fulfilment = graphene.Field(FulfilmentType)
    rule = PACKERS
    idempotent = True
    offline = True

    @classmethod
    def perform(cls, principal, *, fulfilment_id, portions):
        part, unit = packing.pack_fulfilment(
            principal=principal,
            fulfilment_uuid=parse_uuid(fulfilment_id, "fulfilment_id"),
            portions=[
                packing.Portion(
                    line_uuid=parse_uuid(portion["line_id"], f"portions[{index}].line_id"),
                    unit_uuid=parse_uuid(portion["unit_id"], f"portions[{index}].unit_id"),
                    net_g=portion["net_weight_g"],
                )
                for index, portion in enumerate(portions)
            ],
        )
        return {"unit": unit, "fulfilment": part}


class HandOut(Command):
    class Arguments:
        station_id = graphene.ID(required=True)
        unit_id = graphene.ID(required=True)
        code = graphene.String()
        last4 = graphene.String(description="of the recipient's phone, together with a signature")
        signature = graphene.String()

    fulfilment = graphene.Field(FulfilmentType)
    rule = OFFICERS
    idempotent = True
    offline = True

    @classmethod
    def tries(cls, principal, client, *, unit_id, **_):
        """Five tries of one parcel in a quarter of an hour; the count outlives a refusal.

        Counted by the parsed id, whose spelling is the client's, and per officer: nobody uses up the tries
        of another station.
        """
        return [(f"hand_out:{principal.user_uuid}:{parse_uuid(unit_id, 'unit_id')}", 5, 900)]

    @classmethod
    def perform(cls, principal, *, station_id, unit_id, **proof):
        part = hand_out.hand_out(
            principal=principal,
            station_uuid=parse_uuid(station_id, "station_id"),
            unit_uuid=parse_uuid(unit_id, "unit_id"),
            **proof,
        )
        return {"fulfilment": part}


class RefundLine(Command):
    class Arguments:
        line_id = graphene.ID(required=True)
        amount_fen = graphene.Int(required=True)
        reason = graphene.String(required=True)

    refund = graphene.Field(LineRefundType)
    rule = roles("platform", "information_officer")
    idempotent = True

    @classmethod
    def perform(cls, principal, *, line_id, amount_fen, reason):
        row = refunding.refund_line(
            principal=principal,
            line_uuid=parse_uuid(line_id, "line_id"),
            amount_fen=amount_fen,
            reason=reason,
        )
        return {"refund": row}


class Mutation(graphene.ObjectType):
    set_cart_line = SetCartLine.Field()
    place_order = PlaceOrder.Field()
    pay_storage_fee = PayStorageFee.Field()
    pay_order = PayOrder.Field()
    cancel_order = CancelOrder.Field()
    order_for_villager = OrderForVillager.Field()
    weigh_in = WeighIn.Field()
    pack_shipment = PackShipment.Field()
    pack_fulfilment = PackFulfilment.Field()
    hand_out = HandOut.Field()
    refund_line = RefundLine.Field()
