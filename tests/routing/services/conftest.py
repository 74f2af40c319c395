from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest

from marketplace.kernel import clock
from tests.factories.routing import DAY


@pytest.fixture
def eve() -> Iterator[Callable[[datetime], None]]:
    """Business time stands still on the evening before the day; what the fixture gives moves it."""
    moment = [clock.at(DAY - timedelta(days=1), 20)]

    def move(to: datetime) -> None:
        moment[0] = to
        clock.refresh()

    clock.install(lambda: clock.Setting(frozen_at=moment[0]))
    clock.refresh()
    yield move
    clock.install(None)
