"""Boards and statements as GraphQL shows them."""

import graphene

from catalog.schema import LotType, ProductType
from farmers.schema import SellerType, StationType
from marketplace.custody.schema import HandlingUnitType
from marketplace.places.schema import HubType, PlaceType
from orders.schema.types import FulfilmentType, OrderLineType, many


class HarvestRowType(graphene.ObjectType):
    class Meta:
        name = "HarvestRow"

    lot = graphene.Field(LotType, required=True)
    product = graphene.Field(ProductType, required=True)
    farmer = graphene.Field(SellerType, required=True)
    day = graphene.Date(required=True)
    ordered_quantity = graphene.Int(required=True)
    ordered_g = graphene.Int(required=True)
    orders = graphene.Int(required=True)
    weighed_g = graphene.Int(required=True)

    def resolve_product(row, info):
        return row.lot.product

    def resolve_farmer(row, info):
        return row.lot.seller


class ParcelRowType(graphene.ObjectType):
    class Meta:
        name = "ParcelRow"

    unit = graphene.Field(HandlingUnitType)
    fulfilment = graphene.Field(FulfilmentType, required=True)
    shipment_id = graphene.ID()
    recipient_masked = graphene.String(required=True)
    ready_since = graphene.DateTime()

    def resolve_shipment_id(row, info):
        return row.fulfilment.shipment_uuid


class PackRowType(graphene.ObjectType):
    """A parcel to be made from crates that stand here."""

    class Meta:
        name = "PackRow"

    fulfilment = graphene.Field(FulfilmentType, required=True)
    recipient_masked = graphene.String(required=True)
    lines = many(OrderLineType)
    crates = many(HandlingUnitType)


class PackDownRowType(graphene.ObjectType):
    """One product of a parcel for a village; rows of one shipment go into one parcel."""

    class Meta:
        name = "PackDownRow"

    fulfilment = graphene.Field(FulfilmentType, required=True)
    shipment_id = graphene.ID(required=True)
    station = graphene.Field(PlaceType, required=True)
    recipient_masked = graphene.String(required=True)
    product = graphene.Field(ProductType, required=True)
    quantity = graphene.Int(required=True)
    gross_g = graphene.Int(required=True, description="what the whole parcel should weigh")

    def resolve_shipment_id(row, info):
        return row.fulfilment.shipment_uuid

    def resolve_station(row, info):
        return row.fulfilment.destination

    def resolve_product(row, info):
        return row.line.lot.product

    def resolve_quantity(row, info):
        return row.line.quantity

    def resolve_gross_g(row, info):
        return row.fulfilment.gross_g


class TrunkRowType(graphene.ObjectType):
    """What rides between two hubs on a day."""

    class Meta:
        name = "TrunkRow"

    date = graphene.Date(required=True)
    status = graphene.String(required=True, description="waiting, under_way or done")
    from_hub = graphene.Field(HubType, required=True)
    to_hub = graphene.Field(HubType, required=True)
    units = many(HandlingUnitType)


class StationBoardType(graphene.ObjectType):
    class Meta:
        name = "StationBoard"

    station = graphene.Field(StationType, required=True)
    harvest = many(HarvestRowType)
    crates = many(HandlingUnitType)
    to_pack = many(PackRowType)
    incoming = many(ParcelRowType)
    shelf = many(ParcelRowType)
    cash_float_fen = graphene.Int(required=True)


class HubBoardType(graphene.ObjectType):
    class Meta:
        name = "HubBoard"

    hub = graphene.Field(HubType, required=True)
    day = graphene.Date(required=True)
    to_pack_down = many(PackDownRowType)
    to_consolidate = many(PackRowType)
    trunks = many(TrunkRowType)
    units = many(HandlingUnitType)


class StatementPartType(graphene.ObjectType):
    """One step from what was agreed to what the owner gets, or one sum of a period."""

    class Meta:
        name = "StatementPart"

    name = graphene.String(required=True)
    label = graphene.String(required=True)
    amount_fen = graphene.Int(required=True)


class StatementLineType(graphene.ObjectType):
    class Meta:
        name = "StatementLine"

    id = graphene.ID(required=True, description="the posting; `statementEvent` opens what is behind it")
    at = graphene.DateTime(required=True)
    kind = graphene.String(required=True)
    title = graphene.String(required=True)
    amount_fen = graphene.Int(required=True)
    balance_fen = graphene.Int(required=True)
    memo = graphene.String(required=True)
    reference = graphene.String(required=True)
    parts = many(StatementPartType)

    def resolve_id(row, info):
        return row.transaction_uuid


class StatementType(graphene.ObjectType):
    class Meta:
        name = "Statement"

    owner_kind = graphene.String(required=True)
    owner_name = graphene.String(required=True)
    start = graphene.Date(required=True)
    end = graphene.Date(required=True)
    opening_fen = graphene.Int(required=True)
    closing_fen = graphene.Int(required=True)
    totals = many(StatementPartType)
    lines = many(StatementLineType)


class FactType(graphene.ObjectType):
    class Meta:
        name = "Fact"

    label = graphene.String(required=True)
    value = graphene.String(required=True)


class StatementEventType(graphene.ObjectType):
    """What happened behind a line of a statement."""

    class Meta:
        name = "StatementEvent"

    title = graphene.String(required=True)
    at = graphene.DateTime(required=True)
    facts = many(FactType)
