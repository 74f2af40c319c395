from collections.abc import Callable, Iterator
from datetime import datetime

import pytest

from marketplace.kernel import clock
from tests.factories.orders import WEDNESDAY, Market, make_market


@pytest.fixture
def at() -> Iterator[Callable[[datetime], None]]:
    """Moves business time; it stands still otherwise, on a Wednesday morning at first."""
    moment = [WEDNESDAY]

    def move(to: datetime) -> None:
        moment[0] = to
        clock.refresh()

    clock.install(lambda: clock.Setting(frozen_at=moment[0]))
    clock.refresh()
    yield move
    clock.install(None)


@pytest.fixture
def market(db: None, at: Callable[[datetime], None]) -> Market:
    return make_market()
