"""Goods sent back without a reason (七天无理由), as GraphQL shows them."""

import graphene

from farmers.schema import StationType
from marketplace.api.guard import SIGNED_IN, guarded, roles
from marketplace.api.mutations import Command
from marketplace.kernel.ids import parse_uuid
from orders.schema.types import many
from orders.services.redress import goods_returns


class GoodsReturnType(graphene.ObjectType):
    class Meta:
        name = "GoodsReturn"

    id = graphene.ID(required=True)
    status = graphene.String(required=True, description="asked, disputed, refunded, refused or ended")
    order_number = graphene.String(required=True)
    line_id = graphene.ID(required=True)
    product_name = graphene.String(required=True)
    quantity = graphene.Int(required=True, description="in the product's unit")
    station_id = graphene.ID(description="where it is handed back; empty: to the courier")
    bring_by = graphene.DateTime(required=True)
    received_at = graphene.DateTime()
    refund_by = graphene.DateTime(description="the seller's refund clock")
    station_name = graphene.String()
    unit = graphene.String(required=True)
    refund_fen = graphene.Int(required=True, description="what goes back when the goods are intact")
    refunded_fen = graphene.Int(required=True)
    note = graphene.String(required=True)
    unit_id = graphene.ID(description="the parcel it came back in")

    def resolve_id(row, info):
        return row.uuid

    def resolve_order_number(row, info):
        return row.line.order.number

    def resolve_line_id(row, info):
        return row.line.uuid

    def resolve_product_name(row, info):
        return row.line.listing["product"]

    def resolve_station_id(row, info):
        return row.station.uuid if row.station else None

    def resolve_station_name(row, info):
        return row.station.name if row.station else None

    def resolve_unit(row, info):
        return row.line.unit

    def resolve_refund_fen(row, info):
        return goods_returns.due_fen(row)

    def resolve_refunded_fen(row, info):
        return row.refund.amount_fen if row.refund else 0

    def resolve_unit_id(row, info):
        return row.unit_uuid


class ReturnWaysType(graphene.ObjectType):
    """To whom a line may be handed back."""

    class Meta:
        name = "ReturnWays"

    stations = many(StationType)
    courier = graphene.Boolean(required=True, description="the courier who brought it fetches it")


class AskReturn(Command):
    class Arguments:
        line_id = graphene.ID(required=True)
        quantity = graphene.Int(required=True, description="in the product's unit")
        station_id = graphene.ID(description="the counter it is brought to; empty: the courier fetches it")

    goods_return = graphene.Field(GoodsReturnType)
    rule = SIGNED_IN
    idempotent = True

    @classmethod
    def perform(cls, principal, *, line_id, quantity, station_id=None):
        made = goods_returns.ask_return(
            principal=principal,
            line_uuid=parse_uuid(line_id, "line_id"),
            quantity=quantity,
            station_uuid=parse_uuid(station_id, "station_id") if station_id else None,
        )
        return {"goods_return": made}


class ReceiveReturn(Command):
    class Arguments:
        return_id = graphene.ID(required=True)
        intact = graphene.Boolean(required=True)
        gross_g = graphene.Int(required=True, description="as it stands on the scale")
        note = graphene.String(default_value="", description="what is wrong with it")

    goods_return = graphene.Field(GoodsReturnType)
    rule = roles("information_officer", "courier")
    idempotent = True

    @classmethod
    def perform(cls, principal, *, return_id, intact, gross_g, note=""):
        row = goods_returns.receive_return(
            principal=principal,
            return_uuid=parse_uuid(return_id, "return_id"),
            intact=intact,
            gross_g=gross_g,
            note=note,
        )
        return {"goods_return": row}


class DecideReturn(Command):
    class Arguments:
        return_id = graphene.ID(required=True)
        refund = graphene.Boolean(required=True)
        note = graphene.String(default_value="", description="needed when the money is kept")

    goods_return = graphene.Field(GoodsReturnType)
    rule = roles("platform")
    idempotent = True

    @classmethod
    def perform(cls, principal, *, return_id, refund, note=""):
        row = goods_returns.decide_return(
            principal=principal, return_uuid=parse_uuid(return_id, "return_id"), refund=refund, note=note
        )
        return {"goods_return": row}


class ReturnsQuery(graphene.ObjectType):
    returns_of_order = graphene.List(
        graphene.NonNull(GoodsReturnType), required=True, order_id=graphene.ID(required=True)
    )
    returns_to_receive = many(GoodsReturnType)
    return_ways = graphene.Field(ReturnWaysType, required=True, line_id=graphene.ID(required=True))

    @guarded(SIGNED_IN)
    def resolve_returns_of_order(root, info, order_id):
        return goods_returns.returns_of_order(
            principal=info.context.principal, order_uuid=parse_uuid(order_id, "order_id")
        )

    @guarded(SIGNED_IN)
    def resolve_return_ways(root, info, line_id):
        return goods_returns.return_ways(
            principal=info.context.principal, line_uuid=parse_uuid(line_id, "line_id")
        )

    @guarded(roles("information_officer", "courier", "platform"))
    def resolve_returns_to_receive(root, info):
        return goods_returns.returns_to_receive(principal=info.context.principal)


class ReturnsMutation(graphene.ObjectType):
    ask_return = AskReturn.Field()
    receive_return = ReceiveReturn.Field()
    decide_return = DecideReturn.Field()
