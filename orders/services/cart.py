"""The cart: produce of any number of farmers, one line per lot."""

from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from catalog.errors import NotForSale, OutOfStock
from catalog.kinds import Direction
from catalog.models import Lot
from marketplace.accounts.models import User
from marketplace.kernel import clock
from marketplace.kernel.errors import N_, InvalidInput, NotFound
from marketplace.kernel.principal import Principal
from marketplace.kernel.units import require_between
from orders.errors import UnknownSubstitution
from orders.models import Cart, CartLine, Substitution
from orders.services.access import acting_buyer
from orders.services.goods import is_for_sale, lots_for_orders, ordered_of

#: nobody means more of one lot in one cart: 500 kg, or 500 pieces
MAX_G, MAX_PIECES = 500_000, 500
MIN_G = 50
MAX_LINES = 60


@dataclass(frozen=True, slots=True)
class CartView:
    """A cart as it is read: lines with their lots, and what it costs at most."""

    cart: Cart
    lines: list[CartLine]

    @property
    def total_max_fen(self) -> int:
        return sum(ordered_of(line.lot, line.quantity).max_amount_fen for line in self.lines)


def set_cart_line(
    *,
    principal: Principal,
    lot_uuid: UUID,
    quantity: int,
    substitution: str = Substitution.REFUND,
    allergy_lock: bool = False,
) -> Cart:
    """Put `quantity` of a lot into the cart, replacing what was there; 0 takes the line out.

    Nothing is reserved before checkout. Raises InvalidInput, UnknownSubstitution, NotFound, NotForSale,
    OutOfStock.
    """
    buyer = acting_buyer(principal)
    if substitution not in Substitution.values:
        raise UnknownSubstitution(field="substitution")
    if allergy_lock and substitution == Substitution.SUBSTITUTE:
        raise InvalidInput(N_("过敏锁定的商品不能换同类"), field="substitution")
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
            defaults={
                "quantity": quantity,
                "substitution": substitution,
                "allergy_lock": allergy_lock,
            },
        )
        if cart.lines.count() > MAX_LINES:
            raise InvalidInput(N_("购物车最多放 %(limit)s 种"), field="lot_id", params={"limit": MAX_LINES})
    return cart


def read_cart(*, user_uuid: UUID) -> CartView | None:
    """The user's cart in two queries; None when there is none yet."""
    cart = Cart.objects.filter(buyer__uuid=user_uuid).first()
    if cart is None:
        return None
    lines = CartLine.objects.filter(cart=cart).select_related(
        "lot__product", "lot__seller", "lot__station__place__county", "lot__place__county", "lot__hub__county"
    )
    return CartView(cart=cart, lines=list(lines.order_by("id")))


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
