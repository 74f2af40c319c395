"""What recipients are told, and how their names look to others (GB/T 41833-2022: masked)."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import translation

from marketplace.kernel.clock import SHANGHAI
from marketplace.kernel.errors import N_
from marketplace.kernel.money import format_yuan
from marketplace.messages.services import send
from orders.models import Fulfilment, Order, RefundReason

#: the planner's reasons in words (routing.solver.terms.Reason, and what the tour reports)
UNSERVED = {
    "no_option": N_("没有可用的取货点"),
    "no_cell": N_("没有空格口"),
    "access": N_("车辆到不了"),
    "segregation": N_("不能与其他货物同车"),
    "capacity": N_("车已装满"),
    "window": N_("到达时这里已关门"),
    "cold_budget": N_("路上时间太长，保不住冷"),
    "road_closed": N_("道路封闭，没有别的路"),
    "shift": N_("超出行车时间"),
    "returned": N_("当天没有送达"),
    "no_room_ambient": N_("送货车故障，没有别的车有空位"),
    "no_room_cool": N_("送货车故障，没有别的车的阴凉厢有空位"),
    "no_room_chilled": N_("送货车故障，没有别的车的冷藏厢有空位"),
    "no_room_frozen": N_("送货车故障，没有别的车的冷冻厢有空位"),
}
UNSERVED_ELSE = N_("线路排不下")


def unserved_reason(order: Order, reason: str) -> str:
    """The planner's reason as the recipient reads it."""
    with translation.override(language_of(order)):
        return translation.gettext(UNSERVED.get(reason, UNSERVED_ELSE))


def language_of(order: Order) -> str:
    user = order.buyer or (order.villager.user if order.villager else None)
    return user.language if user else settings.LANGUAGE_CODE


def recipient_uuid(order: Order) -> UUID:
    """Whom the goods are for: a user, or a villager without an account."""
    person = order.buyer or order.villager
    assert person is not None  # held by order_has_one_recipient
    return person.uuid


def recipient_phone(order: Order) -> str:
    person = order.buyer or order.villager
    return person.phone if person is not None else ""


def recipient_masked(order: Order) -> str:
    """`李** 139****0012`: at least one character of the name and six digits of the phone stay hidden."""
    person = order.buyer or order.villager
    if person is None:
        return ""
    name = person.name[:1] + "*" * max(1, len(person.name) - 1) if person.name else "*"
    phone = f"{person.phone[:1]}******{person.phone[-4:]}" if len(person.phone) >= 11 else ""
    return f"{name} {phone}".strip()


def tell(order: Order, template: str, params: Mapping[str, Any], *, reference: UUID | None = None) -> None:
    """Send to the recipient's account, else to his phone; somebody with neither is told at the station."""
    user = order.buyer or (order.villager.user if order.villager else None)
    phone = "" if user else recipient_phone(order)
    if user is None and not phone:
        return
    send(
        template=template,
        params=params,
        to_user_uuid=user.uuid if user else None,
        to_phone=phone,
        reference=reference or order.uuid,
    )


def tell_refund(order: Order, *, amount_fen: int, reason: RefundReason, note: str = "") -> None:
    with translation.override(language_of(order)):
        why = note or str(reason.label)
    params = {"number": order.number, "amount": format_yuan(amount_fen), "reason": why}
    tell(order, "order_refunded", params)


def tell_ready(part: Fulfilment, *, code: str, in_cabinet: bool) -> None:
    """Locker or counter, address, period, code: at once (domain.md rule 7)."""
    place = part.destination
    until = part.hold_until.astimezone(SHANGHAI).strftime("%m-%d %H:%M") if part.hold_until else ""
    if in_cabinet:
        params = {"code": code, "place": place.name, "address": place.address, "until": until}
        tell(part.order, "parcel_ready", params, reference=part.uuid)
    else:
        tell(part.order, "parcel_on_shelf", {"code": code, "place": place.name}, reference=part.uuid)
