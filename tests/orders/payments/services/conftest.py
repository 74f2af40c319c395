from collections.abc import Iterator

import pytest

from orders.payments.gateways import registry
from orders.payments.gateways.alipay import AlipayGateway


@pytest.fixture
def alipay(gateway: AlipayGateway) -> Iterator[AlipayGateway]:
    """The product's gateway is the simulator for this test."""
    with registry.using(gateway):
        yield gateway
