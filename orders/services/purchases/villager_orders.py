"""代买: the station orders goods for a villager, who needs neither a phone nor an account.

A recorded, living consent of the villager is the condition. Cash goes into the station's float at once; with
Alipay the order waits for the payment like any other.
"""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from django.db import transaction

from catalog.errors import NotForSale
from catalog.kinds import Direction
from catalog.models import Lot
from farmers.kinds import ConsentKind
from farmers.models import Station
from farmers.services.access import station_for, villager_of
from farmers.services.consents import require_agent_consent
from marketplace.kernel import clock
from marketplace.kernel.errors import N_, InvalidInput, NotFound
from marketplace.kernel.principal import Principal
from marketplace.kernel.units import require_between
from orders.models import Order, PaymentMethod, Substitution
from orders.payments.services import payment_of, record_cash
from orders.pricing import FeeRules
from orders.services.access import actor_uuid
from orders.services.purchases.cart import MAX_LINES, MAX_PIECES
from orders.services.purchases.checkout import Choice, choose, current_round, hubs_of
from orders.services.purchases.drafts import Draft, DraftLine, write_order
from orders.services.purchases.goods import is_for_sale, item_of, lots_for_orders
from orders.services.settlement.fee_rules import rules_on
from orders.splitting import STATION
from orders.storefront.offers import Offer, offers, places_for_offers

#: a villager names at most this many counters
MAX_COUNTERS = 5


def order_for_villager(
    *,
    principal: Principal,
    station_uuid: UUID,
    villager_uuid: UUID,
    lines: Sequence[tuple[UUID, int]],
    payment: str,
    also_place_uuids: Sequence[UUID] = (),
) -> Order:
    """An order of goods that go down, to be collected at this station, or at another that suits him too.

    `lines`: (lot uuid, pieces). Order of effects: consent -> offer -> rows, stock, payment group -> cash
    receipt. Raises Forbidden, NotFound, NoAgentConsent, InvalidInput (naming `lines[i]...`), NotForSale,
    OutOfStock, Unreachable, PastCutOff.
    """
    station = station_for(principal=principal, station_uuid=station_uuid)
    villager = villager_of(station, villager_uuid)
    if payment not in PaymentMethod.values:
        raise InvalidInput(N_("付款方式应为 cash 或 alipay"), field="payment")
    wanted = _wanted(lines)
    with transaction.atomic():
        require_agent_consent(kind=ConsentKind.AGENT_PURCHASE, party_uuid=villager.uuid, station=station)
        made_for = current_round(list(hubs_of(wanted).values()))
        _check_for_sale(wanted, made_for.day)
        rules = rules_on(clock.today())
        offer, options = _offer([station.place.uuid, *also_place_uuids], wanted, made_for.day, rules)
        order = write_order(
            Draft(
                direction=Direction.DOWN,
                villager=villager,
                agent_station=station,
                placed_by_uuid=actor_uuid(principal),
                payment=payment,
                lines=wanted,
                offer=offer,
                options=options,
                deliver_on=made_for.day,
                cut_off_at=made_for.cut_off_at,
                delivery_fen=offer.fee_fen,
                rules=rules,
            )
        )
        if payment == PaymentMethod.CASH:
            _take_cash(order, station, principal)
    return order


def _offer(
    places: Sequence[UUID], wanted: Sequence[DraftLine], day: date, rules: FeeRules
) -> tuple[Offer, list[UUID]]:
    """The station itself, first, and the others that the villager named: counters of the same hub.

    Raises InvalidInput for any other place, Unreachable when the goods cannot get to one of them.
    """
    if len(set(places)) < len(places) or len(places) > MAX_COUNTERS:
        raise InvalidInput(N_("请选择不同的站点"), field="also_place_ids")
    found = offers(
        direction=Direction.DOWN,
        items=[item_of(line.lot, line.quantity) for line in wanted],
        hubs=hubs_of(wanted),
        places=places_for_offers(list(places)),
        day=day,
        fee_fen=rules.second_leg_fen,
    )
    offer, _ = choose(found, Choice(place_uuid=places[0]), field="lines")
    by_place = {other.place.uuid: other for other in found}
    for place in places[1:]:
        other = by_place.get(place)
        if other is None or other.place.kind != STATION or other.hub_uuid != offer.hub_uuid:
            raise InvalidInput(N_("只能选择同一县的站点"), field="also_place_ids")
        choose([other], Choice(place_uuid=place), field="also_place_ids")
    return offer, list(places)


def _wanted(lines: Sequence[tuple[UUID, int]]) -> list[DraftLine]:
    if not 1 <= len(lines) <= MAX_LINES:
        raise InvalidInput(N_("请选择商品"), field="lines")
    lots = lots_for_orders([lot for lot, _ in lines])
    wanted = []
    for index, (lot_uuid, quantity) in enumerate(lines):
        lot = lots.get(lot_uuid)
        if lot is None or lot.product.direction != Direction.DOWN:
            raise NotFound(field=f"lines[{index}].lot_id")
        require_between(quantity, 1, MAX_PIECES, f"lines[{index}].quantity")
        wanted.append(DraftLine(lot, quantity, Substitution.REFUND))
    if len({line.lot.pk for line in wanted}) < len(wanted):
        raise InvalidInput(N_("同一商品只能写一行"), field="lines")
    return wanted


def _check_for_sale(wanted: Sequence[DraftLine], day: date) -> None:
    for index, line in enumerate(wanted):
        lot: Lot = line.lot
        if not is_for_sale(lot, on=day):
            raise NotForSale(field=f"lines[{index}].lot_id", params={"product": lot.product.name})


def _take_cash(order: Order, station: Station, principal: Principal) -> None:
    """The villager has paid at the counter: the float grows, and GroupSucceeded makes the order firm."""
    record_cash(
        group=payment_of(reference=order.uuid),
        station_uuid=station.uuid,
        taken_by_uuid=actor_uuid(principal),
    )
