from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta

import pytest
from django.db import connection

from catalog.models import OrderCycle
from catalog.services.cycles import close_due_cycles, next_cycle, open_cycles, open_next_cycles
from marketplace.kernel import clock
from marketplace.kernel.errors import NotFound
from marketplace.kernel.ids import uuid7
from marketplace.outbox.models import OutboxEvent
from tests.factories.places import make_county, make_hub

MONDAY, TUESDAY = date(2026, 3, 2), date(2026, 3, 3)


class Standing:
    """Business time that stands where it is put."""

    def __init__(self) -> None:
        self.set(clock.at(MONDAY, 9))

    def set(self, at: datetime) -> None:
        clock.install(lambda: clock.Setting(frozen_at=at))
        clock.refresh()


@pytest.fixture
def time() -> Iterator[Standing]:
    before = clock._source
    yield Standing()
    clock.install(before)


@pytest.mark.django_db
def test_a_cycle_closes_at_18_and_says_so_once(time: Standing) -> None:
    hub = make_hub()
    cycle = next_cycle(hub_uuid=hub.uuid)
    assert (cycle.delivery_date, cycle.closes_at) == (TUESDAY, clock.at(MONDAY, 18))
    assert next_cycle(hub_uuid=hub.uuid) == cycle
    time.set(clock.at(MONDAY, 17, 59))
    assert close_due_cycles() == []
    time.set(clock.at(MONDAY, 18))
    assert close_due_cycles() == [cycle]
    assert close_due_cycles() == []
    event = OutboxEvent.objects.get(type="catalog.CycleClosed")
    assert event.payload == {
        "cycle": str(cycle.uuid),
        "hub": str(hub.uuid),
        "delivery_date": "2026-03-03",
    }
    assert next_cycle(hub_uuid=hub.uuid).delivery_date == date(2026, 3, 4)


@pytest.mark.django_db
def test_every_hub_gets_its_next_cycle_even_without_orders(time: Standing) -> None:
    hubs = [make_hub(), make_hub(county=make_county(code="360902", name="袁州区"))]
    open_cycles(date=TUESDAY, hubs=hubs[:1])
    assert open_next_cycles() == 1
    assert open_next_cycles() == 0
    assert OrderCycle.objects.filter(delivery_date=TUESDAY).count() == 2


@pytest.mark.django_db
def test_unknown_hubs_are_named(time: Standing) -> None:
    with pytest.raises(NotFound) as refused:
        next_cycle(hub_uuid=uuid7())
    assert refused.value.field == "hub_id"


@pytest.mark.django_db(transaction=True)
def test_two_sweeps_at_once_close_a_cycle_once(time: Standing) -> None:
    open_cycles(date=TUESDAY, hubs=[make_hub()])
    time.set(clock.at(MONDAY, 18) + timedelta(seconds=1))

    def sweep(_: int) -> int:
        try:
            return len(close_due_cycles())
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(sweep, range(4))) == [0, 0, 0, 1]
    assert OutboxEvent.objects.filter(type="catalog.CycleClosed").count() == 1
