"""Two buyers, one unit: the race with every guard off, each guard alone, then the service as it is."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection
from django.db.models import Q, QuerySet

from catalog.errors import OutOfStock
from catalog.models import Lot, Reservation, Stock
from catalog.services import stock
from marketplace.kernel import clock
from tests.factories.catalog import make_lot, stock_of

pytestmark = pytest.mark.django_db(transaction=True)

CHECK = "stock_never_oversold"


@pytest.fixture
def without_check() -> Iterator[Callable[[], None]]:
    constraint = next(c for c in Stock._meta.constraints if c.name == CHECK)

    def drop() -> None:
        with connection.schema_editor() as editor:
            editor.remove_constraint(Stock, constraint)

    yield drop
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_constraint WHERE conname = %s", [CHECK])
        present = cursor.fetchone()
    if not present:
        Reservation.objects.all().delete()
        Stock.objects.all().update(reserved=0)
        with connection.schema_editor() as editor:
            editor.add_constraint(Stock, constraint)


def race(lot: Lot, buyers: int = 2) -> list[str]:
    """What each buyer of one unit was told, sorted."""

    def buy(_: int) -> str:
        try:
            stock.reserve(
                reference=uuid4(),
                lines=[(lot.uuid, 1)],
                expires_at=clock.now() + timedelta(minutes=15),
            )
        except OutOfStock:
            return "out of stock"
        except IntegrityError:
            return "refused by the database"
        finally:
            connection.close()
        return "won"

    with ThreadPoolExecutor(buyers) as pool:
        return sorted(pool.map(buy, range(buyers)))


def lock_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read without locking, and wait until both have read: the interleaving that hurts."""
    both_have_read = Barrier(2)

    def unlocked(stocks: QuerySet[Stock]) -> list[Stock]:
        rows = list(stocks.order_by("pk"))
        both_have_read.wait(timeout=60)
        return rows

    monkeypatch.setattr(stock, "_locked", unlocked)


def condition_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stock, "_enough", lambda quantity: Q())


def test_without_any_guard_the_last_unit_is_sold_twice(
    monkeypatch: pytest.MonkeyPatch, without_check: Callable[[], None]
) -> None:
    lot = make_lot(quantity=1)
    lock_off(monkeypatch)
    condition_off(monkeypatch)
    without_check()
    assert race(lot) == ["won", "won"]
    assert stock_of(lot.uuid)[:2] == (1, 2)


def test_the_condition_alone_lets_one_win(
    monkeypatch: pytest.MonkeyPatch, without_check: Callable[[], None]
) -> None:
    lot = make_lot(quantity=1)
    lock_off(monkeypatch)
    without_check()
    assert race(lot) == ["out of stock", "won"]
    assert stock_of(lot.uuid) == (1, 1, 0)


def test_the_database_check_alone_lets_one_win(monkeypatch: pytest.MonkeyPatch) -> None:
    lot = make_lot(quantity=1)
    lock_off(monkeypatch)
    condition_off(monkeypatch)
    assert race(lot) == ["refused by the database", "won"]
    assert stock_of(lot.uuid) == (1, 1, 0)


def test_the_lock_alone_lets_one_win(
    monkeypatch: pytest.MonkeyPatch, without_check: Callable[[], None]
) -> None:
    lot = make_lot(quantity=1)
    condition_off(monkeypatch)
    without_check()
    assert race(lot) == ["out of stock", "won"]
    assert stock_of(lot.uuid) == (1, 1, 0)


def test_eight_buyers_of_the_last_unit_exactly_one_wins() -> None:
    lot = make_lot(quantity=1)
    assert race(lot, buyers=8) == ["out of stock"] * 7 + ["won"]
    assert stock_of(lot.uuid) == (1, 1, 0)


def test_carts_that_name_the_same_lots_in_opposite_order_do_not_deadlock() -> None:
    first, second = make_lot(quantity=100), make_lot(quantity=100)

    def buy(turn: int) -> None:
        lots = (first, second) if turn % 2 else (second, first)
        try:
            for _ in range(5):
                stock.reserve(
                    reference=uuid4(), lines=[(lot.uuid, 1) for lot in lots], expires_at=clock.now()
                )
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(buy, range(4)))
    assert (stock_of(first.uuid), stock_of(second.uuid)) == ((100, 20, 80), (100, 20, 80))


def test_paying_and_expiring_at_once_leaves_one_truth() -> None:
    lot = make_lot(quantity=20)
    references = [uuid4() for _ in range(10)]
    for reference in references:
        stock.reserve(
            reference=reference,
            lines=[(lot.uuid, 1)],
            expires_at=clock.now() - timedelta(minutes=1),
        )

    def pay(_: int) -> int:
        paid = 0
        try:
            for reference in references:
                try:
                    paid += len(stock.firm_reservation(reference=reference))
                except stock.ReservationExpired:
                    continue
        finally:
            connection.close()
        return paid

    def expire(_: int) -> int:
        try:
            return stock.expire_due_reservations()
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        paying, expiring = pool.submit(pay, 0), pool.submit(expire, 0)
        paid, expired = paying.result(), expiring.result()
    assert paid + expired == 10
    assert stock_of(lot.uuid) == (20, paid, 20 - paid)
