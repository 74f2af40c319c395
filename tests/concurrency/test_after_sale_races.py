"""A claim and a return of one line at once: first with the order's lock off, then as it is."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db.models import QuerySet

from catalog.services.listing import grant_returns
from marketplace.kernel import clock
from orders.models import Claim, GoodsReturn, Line, LineRefund
from orders.services.redress import claims, goods_returns
from tests.concurrency.test_checkout_races import at_once
from tests.factories.orders import THURSDAY, WEDNESDAY, Market, make_market, make_paid_order
from tests.orders.services.redress.test_claims import photo_of
from tests.orders.services.steps import books_balance, collected

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def bought() -> Iterator[tuple[Market, Line]]:
    """Two boxes of kiwi that may be sent back, just collected."""
    now = [WEDNESDAY]
    clock.install(lambda: clock.Setting(frozen_at=now[0]))
    clock.refresh()
    market = make_market()
    grant_returns(principal=market.officer, lot_uuid=market.kiwi.uuid, granted=True)
    order = make_paid_order(market, (market.kiwi, 2))
    now[0] = clock.at(THURSDAY, 9)
    clock.refresh()
    collected(market, order, 5_000)
    yield market, order.lines.get()
    clock.install(None)


def both_at_once(market: Market, line: Line) -> list[str]:
    photo = photo_of(market.principal)
    return at_once(
        lambda: claims.open_claim(
            principal=market.principal, line_uuid=line.uuid, percent=100, photo_uuid=photo.uuid
        ),
        lambda: goods_returns.ask_return(
            principal=market.principal, line_uuid=line.uuid, quantity=2, station_uuid=market.station.uuid
        ),
    )


def meeting(monkeypatch: pytest.MonkeyPatch, *, must_meet: bool) -> None:
    """Each waits with what it has read until the other has read too; with the lock the wait runs out."""
    have_read = threading.Barrier(2, timeout=20 if must_meet else 0.5)

    def then_wait(real: Callable[..., Any]) -> Callable[..., Any]:
        def read(*args: Any) -> Any:
            seen = real(*args)
            try:
                have_read.wait()
            except threading.BrokenBarrierError:
                assert not must_meet, "without the lock both must read before either writes"
            return seen

        return read

    monkeypatch.setattr(claims, "_check_claimable", then_wait(claims._check_claimable))
    monkeypatch.setattr(goods_returns, "_checked_rule", then_wait(goods_returns._checked_rule))


def rows() -> int:
    return Claim.objects.count() + GoodsReturn.objects.count()


def test_without_the_lock_a_line_is_claimed_and_sent_back(
    monkeypatch: pytest.MonkeyPatch, bought: tuple[Market, Line]
) -> None:
    with monkeypatch.context() as unlocked:
        unlocked.setattr(QuerySet, "select_for_update", lambda rows, **_: rows.all())
        meeting(unlocked, must_meet=True)
        assert both_at_once(*bought) == ["won", "won"]
    assert rows() == 2


def test_a_line_is_claimed_or_sent_back(monkeypatch: pytest.MonkeyPatch, bought: tuple[Market, Line]) -> None:
    meeting(monkeypatch, must_meet=False)
    refused, won = both_at_once(*bought)
    assert (refused in {"being_returned", "under_claim"}, won) == (True, "won")
    assert rows() == 1
    assert not LineRefund.objects.exists()
    assert books_balance()
