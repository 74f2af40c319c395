from collections.abc import Callable, Iterator
from datetime import datetime

import pytest

from marketplace.kernel import clock
from orders.payments.gateways import registry
from orders.payments.gateways.alipay import AlipayGateway
from tests.factories.orders import THURSDAY, WEDNESDAY, Market, make_market
from tests.lockers.conftest import _locker_keys
from tests.orders.payments.conftest import gateway, running_simulator, simulator

__all__ = ["_locker_keys", "gateway", "running_simulator", "simulator"]


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


@pytest.fixture
def alipay(gateway: AlipayGateway) -> Iterator[AlipayGateway]:
    """The product's gateway is the simulator's process for this test."""
    with registry.using(gateway):
        yield gateway


@pytest.fixture
def thursday(at):
    def move():
        at(clock.at(THURSDAY, 9))

    return move
