"""过敏锁定: while an account's lock is on, nothing of its buyer's is replaced."""

import pytest

from orders.errors import AllergyLocked
from orders.models import AllergyLock, CartLine
from orders.services.purchases.allergy import has_allergy_lock, set_allergy_lock
from orders.services.purchases.cart import read_cart, set_cart_line
from tests.factories.orders import fill_cart, make_order


def wish(market, lot, **wishes):
    set_cart_line(principal=market.principal, lot_uuid=lot.uuid, quantity=1, **wishes)


def wishes(market):
    lines = CartLine.objects.filter(cart__buyer=market.buyer).order_by("id")
    return list(lines.values_list("substitution", "allergy_lock"))


def test_the_lock_takes_the_cart_with_it_and_lets_it_go_again(market):
    wish(market, market.kiwi, substitution="substitute")
    for _ in range(2):
        assert set_allergy_lock(principal=market.principal, on=True)
    assert wishes(market) == [("refund", True)]
    assert (AllergyLock.objects.count(), read_cart(user_uuid=market.buyer.uuid).allergy_lock) == (1, True)
    set_allergy_lock(principal=market.principal, on=False)
    assert (wishes(market), has_allergy_lock(user_uuid=market.buyer.uuid)) == ([("refund", False)], False)


@pytest.mark.parametrize(
    ("wanted", "field"),
    [({"substitution": "substitute"}, "substitution"), ({"allergy_lock": False}, "allergy_lock")],
)
def test_a_wish_against_the_lock_is_refused_by_name_and_changes_nothing(market, wanted, field):
    set_allergy_lock(principal=market.principal, on=True)
    fill_cart(market.principal, (market.kiwi, 2))
    with pytest.raises(AllergyLocked) as refused:
        wish(market, market.kiwi, **wanted)
    assert (refused.value.error_code, refused.value.field) == ("allergy_lock", field)
    [line] = CartLine.objects.filter(cart__buyer=market.buyer)
    assert (line.quantity, line.substitution, line.allergy_lock) == (2, "refund", True)


def test_changing_the_amount_keeps_the_wishes(market):
    wish(market, market.kiwi, substitution="ask")
    fill_cart(market.principal, (market.kiwi, 3))
    assert wishes(market) == [("ask", False)]
    wish(market, market.kiwi, substitution="refund", allergy_lock=True)
    fill_cart(market.principal, (market.kiwi, 3))
    assert wishes(market) == [("refund", True)]


def test_what_is_ordered_under_the_lock_keeps_it(market):
    set_allergy_lock(principal=market.principal, on=True)
    order = make_order(market, (market.kiwi, 1))
    set_allergy_lock(principal=market.principal, on=False)
    assert [line.allergy_lock for line in order.lines.all()] == [True]
