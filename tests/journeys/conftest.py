from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from lockers.models import Device
from marketplace.kernel import clock
from orders.payments.gateways.alipay import AlipayGateway
from tests.factories.orders import make_market
from tests.journeys.world import Bench, World
from tests.orders.conftest import _locker_keys, alipay, at, gateway, running_simulator, simulator
from tests.orders.payments.helpers import Simulator

__all__ = ["_locker_keys", "alipay", "at", "gateway", "running_simulator", "simulator"]


@pytest.fixture
def world(
    db: None,
    at: Callable[[datetime], None],
    simulator: Simulator,
    alipay: AlipayGateway,
    tmp_path: Path,
) -> Iterator[World]:
    market = make_market()
    Device.objects.filter(cabinet=market.cabinet).update(simulated=True, online=False)
    bench = Bench.put_up(market.cabinet, tmp_path)
    made = World(market=market, bench=bench, simulator=simulator, move=at)
    made.at(clock.now())
    yield made
    bench.simulated.close()
