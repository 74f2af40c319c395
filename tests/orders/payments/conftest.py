from collections.abc import Iterator

import pytest

from orders.payments.gateways.alipay import AlipayGateway
from tests.orders.payments.helpers import Simulator


@pytest.fixture(scope="session")
def running_simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    simulator = Simulator.start(tmp_path_factory.mktemp("alipay"), time_factor=0.001)
    yield simulator
    simulator.stop()


@pytest.fixture
def simulator(running_simulator: Simulator) -> Iterator[Simulator]:
    """The shared simulator; faults and the clock are put back after each test."""
    yield running_simulator
    running_simulator.change("clear")
    running_simulator.change("clock", offset_s=0)


@pytest.fixture
def gateway(simulator: Simulator) -> Iterator[AlipayGateway]:
    opened = simulator.gateway()
    yield opened
    opened.wire.close()
