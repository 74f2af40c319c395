"""Two buyers at the checkout at once: each race first with the lock off, then as it is."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any

import pytest
from django.db import connection
from django.db.models import Q

from catalog.models import Reservation, Stock
from catalog.services import stock
from catalog.services.cycles import open_next_cycles
from lockers.models import CapacityHold
from lockers.services.capacity import holds
from marketplace.accounts.models import User
from marketplace.accounts.services.sign_in import principal_of
from marketplace.kernel import clock
from marketplace.kernel.errors import DomainError
from marketplace.kernel.temperature import Band
from orders.ledger.accounts import AccountKind
from orders.ledger.services import balance, trial_balance
from orders.models import Cart, Fulfilment, Line, Order
from orders.payments.models import PaymentGroup
from orders.services.purchases import cart as cart_service
from orders.services.purchases import checkout
from orders.services.purchases.paying import accept_payment
from orders.services.redress.cancelling import cancel_order
from tests.factories.catalog import make_lot, make_product, stock_of
from tests.factories.orders import (
    CELLS,
    WEDNESDAY,
    Market,
    deliver,
    fill_cart,
    fresh,
    make_buyer,
    make_market,
    make_order,
    pay,
)

pytestmark = pytest.mark.django_db(transaction=True)

CHECK = "stock_never_oversold"
ONE_CHILLED_CELL = (("chilled", "M", Band(2, 4)), *CELLS[1:])


@pytest.fixture(autouse=True)
def _wednesday() -> Iterator[None]:
    clock.install(lambda: clock.Setting(frozen_at=WEDNESDAY))
    clock.refresh()
    yield
    clock.install(None)


@pytest.fixture
def without_check() -> Iterator[Callable[[], None]]:
    """Drops the database's own guard against overselling; puts it back afterwards."""
    constraint = next(c for c in Stock._meta.constraints if c.name == CHECK)
    dropped = []

    def drop() -> None:
        with connection.schema_editor() as editor:
            editor.remove_constraint(Stock, constraint)
        dropped.append(CHECK)

    yield drop
    if dropped:
        Reservation.objects.all().delete()
        Stock.objects.all().update(reserved=0)
        with connection.schema_editor() as editor:
            editor.add_constraint(Stock, constraint)


def at_once(*acts: Callable[[], Any]) -> list[str]:
    """Run the acts in threads; "won" or the code of the refusal, sorted."""

    def run(act: Callable[[], Any]) -> str:
        try:
            act()
        except DomainError as refused:
            return refused.error_code
        finally:
            connection.close()
        return "won"

    with ThreadPoolExecutor(len(acts)) as pool:
        return sorted(pool.map(run, acts))


def checkout_of(market: Market, buyer: User) -> Callable[[], Order]:
    return lambda: checkout.place_order(
        principal=principal_of(buyer),
        choice=checkout.Choice(place_uuid=market.place.uuid),
        agreed_max_fen=10_000_000,
    )


def buyers_with_carts(market: Market, count: int, *, quantity: int = 1) -> list[User]:
    open_next_cycles()  # as the due work does; making them is a race of its own, won by waiting
    buyers = [make_buyer(market.place) for _ in range(count)]
    for buyer in buyers:
        fill_cart(principal_of(buyer), (market.kiwi, quantity))
    return buyers


def meeting(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, *, must_meet: bool) -> None:
    """Both threads wait behind `module.name` until both have read: the interleaving that hurts.

    With the lock on, the second never gets there before the first has committed, and the wait runs out.
    """
    both_have_read = threading.Barrier(2, timeout=60 if must_meet else 1)
    real = getattr(module, name)

    def read_then_wait(*args: Any, **kwargs: Any) -> Any:
        seen = real(*args, **kwargs)
        try:
            both_have_read.wait()
        except threading.BrokenBarrierError:
            assert not must_meet, "without the lock both must read before either writes"
        return seen

    monkeypatch.setattr(module, name, read_then_wait)


def rows() -> Sequence[int]:
    return [model.objects.count() for model in (Order, Fulfilment, Line, CapacityHold, PaymentGroup)]


# --- the last unit


def test_without_guards_the_last_unit_is_ordered_twice(
    monkeypatch: pytest.MonkeyPatch, without_check: Callable[[], None]
) -> None:
    market = make_market()
    Stock.objects.filter(lot=market.kiwi).update(on_hand=1)
    buyers = buyers_with_carts(market, 2)
    monkeypatch.setattr(stock, "_locked", lambda rows: list(rows.order_by("pk")))
    monkeypatch.setattr(stock, "_enough", lambda quantity: Q())
    without_check()
    meeting(monkeypatch, stock, "_allocate", must_meet=True)
    assert at_once(*(checkout_of(market, buyer) for buyer in buyers)) == ["won", "won"]
    assert stock_of(market.kiwi.uuid)[:2] == (1, 2)


def test_the_last_unit_goes_to_one_and_the_other_keeps_his_cart() -> None:
    market = make_market()
    Stock.objects.filter(lot=market.kiwi).update(on_hand=1)
    buyers = buyers_with_carts(market, 2)
    assert at_once(*(checkout_of(market, buyer) for buyer in buyers)) == ["out_of_stock", "won"]
    assert stock_of(market.kiwi.uuid)[:2] == (1, 1)
    assert rows() == [1, 1, 1, 1, 1]
    assert Cart.objects.filter(lines__lot=market.kiwi).count() == 1


def test_of_six_buyers_of_the_last_two_units_two_win() -> None:
    market = make_market(cells=CELLS * 8)
    Stock.objects.filter(lot=market.kiwi).update(on_hand=2)
    buyers = buyers_with_carts(market, 6)
    assert at_once(*(checkout_of(market, buyer) for buyer in buyers)) == ["out_of_stock"] * 4 + ["won"] * 2
    assert rows() == [2, 2, 2, 2, 2]


# --- the last place


def test_without_the_lock_the_last_place_is_held_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    market = make_market(cells=ONE_CHILLED_CELL)
    buyers = buyers_with_carts(market, 2)
    monkeypatch.setattr(holds, "lock_key", lambda name: nullcontext())
    # The stock's own lock would order the two by itself: it is off here as well.
    monkeypatch.setattr(stock, "_locked", lambda rows: list(rows.order_by("pk")))
    meeting(monkeypatch, stock, "_allocate", must_meet=True)
    meeting(monkeypatch, holds, "_room", must_meet=True)
    monkeypatch.setattr(stock, "_take", lambda parts: None)
    monkeypatch.setattr(stock, "refresh_available", lambda lot_ids: None)
    assert at_once(*(checkout_of(market, buyer) for buyer in buyers)) == ["won", "won"]
    assert CapacityHold.objects.filter(status="pending").count() == 2


def test_the_last_place_goes_to_one_and_the_others_stock_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """The buyers want different goods, so that only the place brings them together."""
    market = make_market(cells=(("ambient", "M", Band(5, 30)),))
    first, second = make_buyer(market.place), make_buyer(market.place)
    open_next_cycles()
    fill_cart(principal_of(first), (market.rice, 500))
    other = make_lot(product=make_product(band=(0, 35)), station=market.station, quantity=5)
    fill_cart(principal_of(second), (other, 1))
    meeting(monkeypatch, checkout, "offers_for_cart", must_meet=True)  # both saw the free place
    found = at_once(checkout_of(market, first), checkout_of(market, second))
    assert found == ["no_room", "won"]
    assert rows() == [1, 1, 1, 1, 1]
    reserved = {stock_of(market.rice.uuid)[1], stock_of(other.uuid)[1]}
    assert reserved in ({500, 0}, {0, 1})


# --- one cart, two tabs


def test_without_the_lock_one_cart_is_ordered_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    market = make_market()
    (buyer,) = buyers_with_carts(market, 1)
    monkeypatch.setattr(checkout, "locked_cart", lambda buyer: Cart.objects.get(buyer=buyer))
    meeting(monkeypatch, checkout, "_lines_of", must_meet=True)
    act = checkout_of(market, buyer)
    assert at_once(act, act) == ["won", "won"]
    assert Order.objects.count() == 2


def test_one_cart_is_ordered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    market = make_market()
    (buyer,) = buyers_with_carts(market, 1)
    meeting(monkeypatch, checkout, "_lines_of", must_meet=False)
    act = checkout_of(market, buyer)
    assert at_once(act, act) == ["cart_empty", "won"]
    assert rows() == [1, 1, 1, 1, 1]


# --- the buyer leaves while the money arrives


@pytest.mark.parametrize("attempt", range(3))
def test_cancelling_while_the_payment_arrives_ends_with_all_the_money_back(attempt: int) -> None:
    market = make_market()
    order = make_order(market, buyer=market.buyer)
    pay(order)
    at_once(
        lambda: cancel_order(principal=market.principal, order_uuid=order.uuid),
        lambda: accept_payment(order_uuid=order.uuid),
    )
    deliver()
    order = fresh(order)
    assert order.status in ("closed", "cancelled")
    assert balance(kind=AccountKind.HELD, owner=market.farmer.uuid) == 0
    assert balance(kind=AccountKind.HELD) == 0
    assert stock_of(market.kiwi.uuid)[1] == 0
    assert not CapacityHold.objects.filter(status__in=["pending", "firm"]).exists()
    assert sum(row.amount_fen for row in trial_balance()) == 0


def test_placing_and_filling_at_once_loses_no_line() -> None:
    """A line put into the cart while it is ordered is in the order, or still in the cart."""
    market = make_market()
    (buyer,) = buyers_with_carts(market, 1)
    at_once(
        checkout_of(market, buyer),
        lambda: cart_service.set_cart_line(
            principal=principal_of(buyer), lot_uuid=market.rice.uuid, quantity=500
        ),
    )
    ordered = set(Line.objects.values_list("lot", flat=True))
    kept = set(Cart.objects.get(buyer=buyer).lines.values_list("lot", flat=True))
    assert ordered | kept == {market.kiwi.pk, market.rice.pk}
    assert ordered & kept == set()
