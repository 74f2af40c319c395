import graphene
from django.utils.translation import gettext

from marketplace.api.guard import SIGNED_IN, guarded, roles
from marketplace.kernel.ids import parse_uuid
from orders.schema.boards import HubBoardType, StatementEventType, StatementType, StationBoardType
from orders.schema.loading import remember_orders, remember_parts
from orders.schema.types import CartType, OrderType, PickupChoicesType, PickupChoiceType
from orders.services import reading
from orders.services.access import actor_uuid
from orders.services.documents import statement_events, statements
from orders.services.fulfilment import boards
from orders.services.purchases import cart, checkout

OFFICERS = roles("information_officer")
PACKERS = roles("hub_operator", "dispatcher")


class Query(graphene.ObjectType):
    cart = graphene.Field(CartType)
    pickup_choices = graphene.Field(PickupChoicesType, required=True)
    order = graphene.Field(OrderType, id=graphene.ID(required=True))
    my_orders = graphene.List(
        graphene.NonNull(OrderType), required=True, first=graphene.Int(default_value=20)
    )
    station_orders = graphene.List(
        graphene.NonNull(OrderType),
        required=True,
        station_id=graphene.ID(required=True),
        first=graphene.Int(default_value=50),
        description="orders that the station placed for villagers (代买)",
    )
    station_board = graphene.Field(StationBoardType, required=True, station_id=graphene.ID(required=True))
    hub_board = graphene.Field(
        HubBoardType, required=True, hub_id=graphene.ID(required=True), date=graphene.Date()
    )
    statement = graphene.Field(
        StatementType,
        required=True,
        owner_kind=graphene.String(required=True, description="farmer, station, courier or platform"),
        owner_id=graphene.ID(required=True),
        start=graphene.Date(),
        end=graphene.Date(),
    )
    statement_event = graphene.Field(
        StatementEventType,
        required=True,
        owner_kind=graphene.String(required=True),
        owner_id=graphene.ID(required=True),
        transaction_id=graphene.ID(required=True),
    )

    @guarded(SIGNED_IN)
    def resolve_cart(root, info):
        view = cart.read_cart(user_uuid=actor_uuid(info.context.principal))
        if view is not None:
            info.context.loaders["lots"] = [line.lot for line in view.lines]
        return view

    @guarded(SIGNED_IN)
    def resolve_pickup_choices(root, info):
        found = checkout.pickup_offers(principal=info.context.principal)
        return PickupChoicesType(
            choices=[_choice(offer) for offer in found.offers],
            deliver_on=found.day,
            cut_off_at=found.cut_off_at,
        )

    @guarded(SIGNED_IN)
    def resolve_order(root, info, id):
        order = reading.order_for(principal=info.context.principal, order_uuid=parse_uuid(id, "id"))
        return remember_orders(info, [order])[0]

    @guarded(SIGNED_IN)
    def resolve_my_orders(root, info, first):
        return remember_orders(info, reading.my_orders(principal=info.context.principal, first=first))

    @guarded(OFFICERS)
    def resolve_station_orders(root, info, station_id, first):
        found = reading.station_orders(
            principal=info.context.principal, station_uuid=parse_uuid(station_id, "station_id"), first=first
        )
        return remember_orders(info, found)

    @guarded(OFFICERS)
    def resolve_station_board(root, info, station_id):
        board = boards.station_board(
            principal=info.context.principal, station_uuid=parse_uuid(station_id, "station_id")
        )
        info.context.loaders["lots"] = [row.lot for row in board.harvest]
        parts = [row.fulfilment for row in board.to_pack]
        remember_parts(info, [*parts, *(row.fulfilment for row in (*board.incoming, *board.shelf))])
        return board

    @guarded(PACKERS)
    def resolve_hub_board(root, info, hub_id, date=None):
        board = boards.hub_board(
            principal=info.context.principal, hub_uuid=parse_uuid(hub_id, "hub_id"), day=date
        )
        parts = [row.fulfilment for row in board.to_pack_down]
        remember_parts(info, [*parts, *(row.fulfilment for row in board.to_consolidate)])
        return board

    @guarded(SIGNED_IN)
    def resolve_statement(root, info, owner_kind, owner_id, start=None, end=None):
        return statements.statement(
            principal=info.context.principal,
            owner_kind=owner_kind,
            owner_uuid=parse_uuid(owner_id, "owner_id"),
            start=start,
            end=end,
        )

    @guarded(SIGNED_IN)
    def resolve_statement_event(root, info, owner_kind, owner_id, transaction_id):
        return statement_events.statement_event(
            principal=info.context.principal,
            owner_kind=owner_kind,
            owner_uuid=parse_uuid(owner_id, "owner_id"),
            transaction_uuid=parse_uuid(transaction_id, "transaction_id"),
        )


def _choice(offer):
    return PickupChoiceType(
        place=offer.place,
        zones=offer.zones,
        feasible=offer.feasible,
        reason_code=offer.refusal.reason if offer.refusal else None,
        reason=offer.refusal.render(gettext) if offer.refusal else None,
        parcels=len(offer.parcels),
        fee_fen=offer.fee_fen,
        arrives_from=offer.arrives_from,
        arrives_until=offer.arrives_until,
        discount_any_fen=offer.discount_any_fen,
        co2_g=offer.co2_g,
    )
