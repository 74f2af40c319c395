"""At the cut-off each farmer hears what to bring, and for how many orders (C12)."""

from collections import defaultdict
from datetime import date
from uuid import UUID

from marketplace.kernel.units import KG_G
from marketplace.messages.services import send
from orders.models import Line
from orders.splitting import Way
from orders.states import BEFORE_PACKING, FulfilmentStatus


def send_harvest_lists(*, hub_uuid: UUID, day: date) -> int:
    """One message per lot with orders for `day`, those being paid for included; gives the count."""
    wanted: dict[int, list[Line]] = defaultdict(list)
    lines = Line.objects.filter(
        lot__hub__uuid=hub_uuid,
        fulfilment__deliver_on=day,
        fulfilment__way__in=[Way.UP, Way.DIRECT],
        fulfilment__status__in=[*BEFORE_PACKING, FulfilmentStatus.RESERVED],
    ).select_related("lot__product", "lot__seller__user", "lot__seller__station")
    for line in lines.order_by("lot_id", "pk"):
        wanted[line.lot_id].append(line)
    for of_lot in wanted.values():
        lot = of_lot[0].lot
        user = lot.seller.user
        send(
            template="harvest_list",
            params={
                "product": lot.product.name,
                "quantity": _quantity(lot.product.unit, sum(line.quantity for line in of_lot)),
                "orders": len({line.order_id for line in of_lot}),
                "day": f"{day:%m-%d}",
            },
            to_user_uuid=user.uuid if user else None,
            to_phone="" if user else lot.seller.phone,
            reference=lot.uuid,
        )
    return len(wanted)


def _quantity(unit: str, quantity: int) -> str:
    """`12.5 公斤 (25 斤)`, or pieces: kilograms stand beside 斤 (rule 23)."""
    if unit != "g":
        return f"{quantity} 件"
    return f"{quantity / KG_G:g} 公斤（{quantity * 2 / KG_G:g} 斤）"
