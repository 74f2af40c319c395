"""The cart: produce of any number of farmers, one line per lot."""

from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef

from catalog.errors import NotForSale, OutOfStock
from catalog.kinds import Direction
from catalog.models import Lot
from marketplace.accounts.models import User
from marketplace.kernel import clock
from marketplace.kernel.errors import N_, InvalidInput, NotFound
from marketplace.kernel.principal import Principal
from marketplace.kernel.units import require_between
from orders.errors import AllergyLocked, UnknownSubstitution
from orders.models import AllergyLock, Cart, CartLine, Substitution
from orders.services.access import acting_buyer
from orders.services.purchases.goods import is_for_sale, lots_for_orders, ordered_of

#: nobody means more of one lot in one cart: 500 kg, or 500 pieces
MAX_G, MAX_PIECES = 500_000, 500
MIN_G = 50
MAX_LINES = 60


@dataclass(frozen=True, slots=True)
class CartView:
    """A cart as it is read: lines with their lots, and what it costs at most."""

    cart: Cart
    lines: list[CartLine]
    allergy_lock: bool = False
    """The buyer's account never takes anything else in place of what is missing."""

    @property
    def total_max_fen(self) -> int:
        return sum(ordered_of(line.lot, line.quantity).max_amount_fen for line in self.lines)


def set_cart_line(
    *,
    principal: Principal,
    lot_uuid: UUID,
    quantity: int,
    substitution: str | None = None,
    allergy_lock: bool | None = None,
) -> Cart:
    """Put `quantity` of a lot into the cart, replacing what was there; 0 takes the line out.

    Wishes that are not named stay as they were. Nothing is reserved before checkout. Raises InvalidInput,
    UnknownSubstitution, NotFound, NotForSale, OutOfStock; AllergyLocked for a wish against the account.
    """
    buyer = acting_buyer(principal)
    if substitution is not None and substitution not in Substitution.values:
        raise UnknownSubstitution(field="substitution")
    lot = lots_for_orders([lot_uuid]).get(lot_uuid)
    if lot is None or lot.product.direction != Direction.UP:
        raise NotFound(field="lot_id")
    if quantity != 0:
        _check_quantity(lot, quantity)
    with transaction.atomic():
        cart = locked_cart(buyer)
        if quantity == 0:
            CartLine.objects.filter(cart=cart, lot=lot).delete()
            return cart
        CartLine.objects.update_or_create(
            cart=cart,
            lot=lot,
            defaults={"quantity": quantity, **_wishes(cart, lot, substitution, allergy_lock)},
        )
        if cart.lines.count() > MAX_LINES:
            raise InvalidInput(N_("购物车最多放 %(limit)s 种"), field="lot_id", params={"limit": MAX_LINES})
    return cart


def _wishes(cart: Cart, lot: Lot, substitution: str | None, allergy_lock: bool | None) -> dict[str, object]:
    """Under the cart's lock: what is to happen when the lot falls short."""
    before = CartLine.objects.filter(cart=cart, lot=lot).first()
    account = AllergyLock.objects.filter(buyer=cart.buyer_id).exists()
    locked = allergy_lock if allergy_lock is not None else (before.allergy_lock if before else account)
    wish = substitution or (before.substitution if before else Substitution.REFUND)
    if account and not locked:
        raise AllergyLocked(field="allergy_lock")
    if locked and wish == Substitution.SUBSTITUTE:
        if account:
            raise AllergyLocked(field="substitution")
        raise InvalidInput(N_("过敏锁定的商品不能换同类"), field="substitution")
    return {"substitution": wish, "allergy_lock": locked}


def read_cart(*, user_uuid: UUID) -> CartView | None:
    """The user's cart in two queries; None when there is none yet."""
    locked = Exists(AllergyLock.objects.filter(buyer=OuterRef("buyer")))
    cart = Cart.objects.filter(buyer__uuid=user_uuid).annotate(allergy_lock=locked).first()
    if cart is None:
        return None
    lines = CartLine.objects.filter(cart=cart).select_related(
        "lot__product", "lot__seller", "lot__station__place__county", "lot__place__county", "lot__hub__county"
    )
    return CartView(cart=cart, lines=list(lines.order_by("id")), allergy_lock=cart.allergy_lock)


def locked_cart(buyer: User) -> Cart:
    """The buyer's cart, made if missing and locked: two tabs that change or order it wait for each other."""
    cart, _ = Cart.objects.get_or_create(buyer=buyer)
    locked: Cart = Cart.objects.select_for_update().get(pk=cart.pk)
    return locked


def _check_quantity(lot: Lot, quantity: int) -> None:
    by_weight = lot.unit == "g"
    require_between(quantity, MIN_G if by_weight else 1, MAX_G if by_weight else MAX_PIECES, "quantity")
    if not is_for_sale(lot, on=clock.today()):
        raise NotForSale(field="lot_id", params={"product": lot.product.name})
    if quantity > lot.available_quantity:
        raise OutOfStock(
            field="quantity", params={"product": lot.product.name, "left": lot.available_quantity}
        )
