"""The allergy lock of an account: missing goods are refunded, never replaced by another lot.

It holds for every line in the cart and every later one. Orders that are placed keep what was agreed.
"""

from uuid import UUID

from django.db import transaction

from marketplace.kernel import clock
from marketplace.kernel.principal import Principal
from orders.models import AllergyLock, CartLine, Substitution
from orders.services.access import acting_buyer
from orders.services.purchases.cart import locked_cart


def has_allergy_lock(*, user_uuid: UUID) -> bool:
    return AllergyLock.objects.filter(buyer__uuid=user_uuid).exists()


def set_allergy_lock(*, principal: Principal, on: bool) -> bool:
    """Switch the asker's lock; the lines in his cart follow. Setting it again is the same."""
    buyer = acting_buyer(principal)
    with transaction.atomic():
        cart = locked_cart(buyer)  # a line that is being put into the cart waits, and sees the lock
        lines = CartLine.objects.filter(cart=cart)
        if on:
            AllergyLock.objects.get_or_create(buyer=buyer, defaults={"since": clock.now()})
            lines.update(allergy_lock=True, substitution=Substitution.REFUND)
        else:
            AllergyLock.objects.filter(buyer=buyer).delete()
            lines.update(allergy_lock=False)
    return on
