"""Orders as their recipients read them: a fixed number of queries, whatever the number of orders."""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Prefetch, QuerySet

from catalog.services.search import lots_with_everything
from farmers.services.access import station_for
from marketplace.custody.models import HandlingUnit
from marketplace.kernel.errors import NotFound
from marketplace.kernel.principal import Principal
from orders.models import Claim, Fulfilment, Line, LineRefund, Order
from orders.payments.models import PaymentGroup, Refund
from orders.services.access import actor_uuid
from orders.services.redress.cancelling import require_own

MAX_ORDERS = 100


def orders_with_everything() -> QuerySet[Order]:
    """Orders with lines, lots, fulfilments, places and refunds, in six statements."""
    claims = Claim.objects.select_related("line__order", "refund")
    lines = (
        Line.objects.select_related("fulfilment", "goods_return__station", "goods_return__refund")
        .prefetch_related(
            Prefetch("lot", queryset=lots_with_everything()), Prefetch("claims", queryset=claims)
        )
        .order_by("pk")
    )
    parts = Fulfilment.objects.select_related("destination__county").order_by("pk")
    rows: QuerySet[Order] = Order.objects.select_related(
        "buyer", "villager", "agent_station"
    ).prefetch_related(Prefetch("lines", queryset=lines), Prefetch("fulfilments", queryset=parts), "refunds")
    return rows


def order_for(*, principal: Principal, order_uuid: UUID) -> Order:
    """One order, for its recipient, the station that ordered it, or the platform. Raises NotFound."""
    principal.require_signed_in()
    order: Order | None = orders_with_everything().filter(uuid=order_uuid).first()
    if order is None:
        raise NotFound(field="id")
    require_own(principal, order)
    return order


def my_orders(*, principal: Principal, first: int) -> list[Order]:
    """The asker's own orders, newest first."""
    mine = orders_with_everything().filter(buyer__uuid=actor_uuid(principal))
    return list(mine.order_by("-placed_at", "-pk")[: max(1, min(first, MAX_ORDERS))])


def station_orders(*, principal: Principal, station_uuid: UUID, first: int) -> list[Order]:
    """What the station ordered for villagers, newest first. Raises Forbidden, NotFound."""
    station = station_for(principal=principal, station_uuid=station_uuid)
    theirs = orders_with_everything().filter(agent_station=station)
    return list(theirs.order_by("-placed_at", "-pk")[: max(1, min(first, MAX_ORDERS))])


def payment_groups(order_uuids: Iterable[UUID]) -> dict[UUID, PaymentGroup]:
    """The newest payment group of each order."""
    rows = PaymentGroup.objects.filter(reference__in=list(order_uuids)).order_by("pk")
    return {row.reference: row for row in rows}


def refund_status(row: LineRefund) -> str:
    """What the provider says of it: pending, succeeded or failed."""
    status: str = Refund.objects.values_list("status", flat=True).get(uuid=row.refund_uuid)
    return status


def units_of(parts: Iterable[Fulfilment]) -> dict[UUID, HandlingUnit]:
    """The parcels of these fulfilments by uuid, with contents and history."""
    uuids = [part.unit_uuid for part in parts if part.unit_uuid]
    units = HandlingUnit.objects.prefetch_related("contents", "custody")
    return dict(units.in_bulk(uuids, field_name="uuid"))
