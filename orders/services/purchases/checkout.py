"""From a cart to an order: consent, reach, cut-off, agreed maximum, stock, cells and payment, or nothing
at all.

One transaction does all of it; locks are taken in the product's order (cart, then stock, then cells; the
order and its payment group are new). The address where the buyer pays is asked of the gateway afterwards,
outside of it.

The race for the last unit is decided by `catalog.reserve`, the race for the last cell by
`lockers.hold_capacity`. Both are held for 15 minutes; the payment window closes after 12, so what is paid
in time is still there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from django.db import transaction

from catalog.cycles import closes_at, next_delivery_date
from catalog.errors import NotForSale
from catalog.kinds import Direction
from catalog.services.cycles import open_cycles
from marketplace.accounts.models import User
from marketplace.accounts.services.consents import consented_places, require_delivery_consent
from marketplace.kernel import clock
from marketplace.kernel.errors import N_, InvalidInput, NotFound
from marketplace.kernel.money import format_yuan
from marketplace.kernel.principal import Principal
from marketplace.places.models import Hub
from orders.errors import CartEmpty, PastCutOff, PriceChanged
from orders.models import Cart, CartLine, Order, PaymentMethod
from orders.services.access import acting_buyer, actor_uuid
from orders.services.purchases.cart import locked_cart, read_cart
from orders.services.purchases.drafts import Draft, DraftLine, write_order
from orders.services.purchases.goods import is_for_sale, item_of
from orders.services.settlement.fee_rules import rules_on
from orders.splitting import CABINET
from orders.storefront.offers import Offer, offers, places_for_offers

#: what "any place that I agreed to" takes off the delivery fee: what the router saves by choosing
ANY_PLACE_DISCOUNT_FEN = 100


@dataclass(frozen=True, slots=True)
class Round:
    """The delivery day that an order placed now belongs to."""

    day: date
    cut_off_at: datetime


@dataclass(frozen=True, slots=True)
class Choice:
    """One place, or any of the named ones; any of all that he agreed to when none are named."""

    place_uuid: UUID | None = None
    any_place: bool = False
    any_place_uuids: Sequence[UUID] = ()


@dataclass(frozen=True, slots=True)
class PickupOffers:
    offers: Sequence[Offer]
    day: date
    cut_off_at: datetime


def place_order(*, principal: Principal, choice: Choice, agreed_max_fen: int) -> Order:
    """Turn the buyer's cart into an order that awaits payment.

    Order of effects: cart locked -> consent -> offer -> agreed maximum -> rows, stock, cells, payment
    group -> cart emptied. Raises CartEmpty, NoConsent, Unreachable (with its reason), PriceChanged,
    PastCutOff, NotForSale, OutOfStock, NoRoom; then nothing has changed.
    """
    buyer = acting_buyer(principal)
    with transaction.atomic():
        cart = locked_cart(buyer)
        lines = _lines_of(cart)
        uuids = _wanted_places(buyer, choice)
        made_for = current_round(list(hubs_of(lines).values()))
        offer, options = choose(offers_for_cart(lines, uuids, made_for.day), choice, field=_field(choice))
        rules = rules_on(clock.today())
        draft = Draft(
            direction=Direction.UP,
            buyer=buyer,
            placed_by_uuid=buyer.uuid,
            payment=PaymentMethod.ALIPAY,
            lines=[
                DraftLine(line.lot, line.quantity, line.substitution, line.allergy_lock) for line in lines
            ],
            offer=offer,
            options=options,
            deliver_on=made_for.day,
            cut_off_at=made_for.cut_off_at,
            delivery_fen=offer.fee_fen - (ANY_PLACE_DISCOUNT_FEN if len(options) > 1 else 0),
            rules=rules,
        )
        check_agreed_maximum(draft, agreed_max_fen)
        order = write_order(draft)
        cart.lines.all().delete()
    return order


def pickup_offers(*, principal: Principal) -> PickupOffers:
    """One offer per place that the buyer agreed to, for his cart as it is; none for an empty cart."""
    day = next_delivery_date(clock.now())
    user_uuid = actor_uuid(principal)
    view = read_cart(user_uuid=user_uuid)
    if view is None or not view.lines:
        return PickupOffers(offers=(), day=day, cut_off_at=closes_at(day))
    found = offers_for_cart(view.lines, sorted(consented_places(user_uuid)), day, keep=True)
    return PickupOffers(
        offers=[replace(offer, discount_any_fen=_discount(offer, found)) for offer in found],
        day=day,
        cut_off_at=closes_at(day),
    )


def _discount(offer: Offer, found: Sequence[Offer]) -> int:
    """What "any of mine" takes off when this place is the first choice."""
    if not offer.feasible:
        return 0
    return ANY_PLACE_DISCOUNT_FEN if len(options_beside(offer, found)) > 1 else 0


def offers_for_cart(
    lines: Sequence[CartLine], place_uuids: Sequence[UUID], day: date, *, keep: bool = False
) -> list[Offer]:
    return offers(
        direction=Direction.UP,
        items=[item_of(line.lot, line.quantity) for line in lines],
        hubs=hubs_of(lines),
        places=places_for_offers(place_uuids),
        day=day,
        fee_fen=rules_on(clock.today()).second_leg_fen,
        keep=keep,
    )


def choose(found: Sequence[Offer], choice: Choice, *, field: str) -> tuple[Offer, list[UUID]]:
    """The offer to take and the places the planner may use, the chosen one first.

    With "any", the named place wins if it is feasible, else the first feasible one.
    Raises NotFound, or the refusal of what was chosen.
    """
    if not found:
        raise NotFound(field=field)
    feasible = [offer for offer in found if offer.feasible]
    first = next((offer for offer in found if offer.place.uuid == choice.place_uuid), found[0])
    if not first.feasible and (not choice.any_place or not feasible):
        assert first.refusal is not None
        first.refusal.field = field
        raise first.refusal
    offer = first if first.feasible else feasible[0]
    return offer, options_beside(offer, found) if choice.any_place else [offer.place.uuid]


def options_beside(offer: Offer, found: Sequence[Offer]) -> list[UUID]:
    """The place itself, and the other feasible cabinets of its hub: they make the same parcels."""
    if offer.place.kind != CABINET:
        return [offer.place.uuid]
    others = [
        other.place.uuid
        for other in found
        if other is not offer
        and other.feasible
        and other.place.kind == CABINET
        and other.hub_uuid == offer.hub_uuid
    ]
    return [offer.place.uuid, *others]


def current_round(hubs: Sequence[Hub]) -> Round:
    """The cycle that orders of these hubs placed now belong to. Raises PastCutOff if it was closed early."""
    cycles = open_cycles(date=next_delivery_date(clock.now()), hubs=hubs)
    if any(cycle.closed_at is not None for cycle in cycles):
        raise PastCutOff()
    return Round(day=cycles[0].delivery_date, cut_off_at=cycles[0].closes_at)


def check_agreed_maximum(draft: Draft, agreed_max_fen: int) -> None:
    """The buyer never pays more than he last saw. Raises PriceChanged with the new maximum."""
    total_fen = draft.goods_max_fen + draft.delivery_fen
    if total_fen > agreed_max_fen:
        raise PriceChanged(field="agreed_max_fen", params={"yuan": format_yuan(total_fen)})


def hubs_of(lines: Sequence[CartLine | DraftLine]) -> dict[UUID, Hub]:
    return {line.lot.hub.uuid: line.lot.hub for line in lines}


def _lines_of(cart: Cart) -> list[CartLine]:
    lines = list(
        cart.lines.select_related(
            "lot__product", "lot__seller", "lot__station", "lot__place", "lot__hub__place"
        ).order_by("pk")
    )
    if not lines:
        raise CartEmpty()
    day = next_delivery_date(clock.now())
    for line in lines:
        if not is_for_sale(line.lot, on=day):
            raise NotForSale(field="cart", params={"product": line.lot.product.name})
    return lines


def _wanted_places(buyer: User, choice: Choice) -> list[UUID]:
    """The places to look at, the named one first. Raises InvalidInput without any, NoConsent."""
    agreed = sorted(consented_places(buyer.uuid))
    named = [choice.place_uuid] if choice.place_uuid else []
    if choice.any_place:
        named += [uuid for uuid in choice.any_place_uuids or agreed if uuid not in named]
    if not named:
        raise InvalidInput(N_("请选择取货地点"), field="place_id")
    require_delivery_consent(user_uuid=buyer.uuid, place_uuids=named, field=_field(choice))
    return named


def _field(choice: Choice) -> str:
    return "any_place_ids" if choice.any_place and choice.any_place_uuids else "place_id"
