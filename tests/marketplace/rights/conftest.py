"""One world for this package. It stands in a transaction around those of the tests: each finds it whole."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection

from marketplace.kernel import clock
from orders.payments.gateways import registry
from tests.database import undone
from tests.factories.orders import WEDNESDAY
from tests.marketplace.rights.cast import World
from tests.marketplace.rights.tables import Rows, rows
from tests.marketplace.rights.world import make_world
from tests.orders.payments.conftest import running_simulator
from tests.orders.payments.helpers import Simulator

__all__ = ["running_simulator"]


@pytest.fixture(scope="package")
def standing_world(
    django_db_setup: None, django_db_blocker: Any, running_simulator: Simulator
) -> Iterator[World]:
    """Money goes over the gateway simulator, a process of its own."""
    moment = [WEDNESDAY]

    def move(to: datetime) -> None:
        moment[0] = to
        clock.refresh()

    before = clock._source
    clock.install(lambda: clock.Setting(frozen_at=moment[0].astimezone(UTC)))
    clock.refresh()
    gateway = running_simulator.gateway()
    try:
        with django_db_blocker.unblock(), undone(), registry.using(gateway):
            made = make_world(move)
            connection.check_constraints()  # once here, not again at the end of each test
            yield made
    finally:
        gateway.wire.close()
        clock.install(before)


@pytest.fixture
def world(standing_world: World, db: None) -> World:
    return standing_world


@pytest.fixture(scope="package")
def standing_rows(standing_world: World, django_db_blocker: Any) -> Rows:
    with django_db_blocker.unblock():
        return rows()


@pytest.fixture
def untouched(world: World, standing_rows: Rows) -> Rows:
    """The rows of the world as every test finds them."""
    return standing_rows
