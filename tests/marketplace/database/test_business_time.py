from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from marketplace.database.business_time import read_setting, set_business_time
from marketplace.kernel import clock

NOON = datetime(2026, 11, 12, 4, tzinfo=UTC)


@pytest.fixture(autouse=True)
def shared_clock() -> Iterator[None]:
    clock.install(read_setting)
    yield
    clock.install(None)


@pytest.mark.django_db
def test_time_stands_still_where_it_was_set_and_goes_on_from_there() -> None:
    set_business_time(at=NOON, frozen=True)
    assert clock.now() == NOON
    assert clock.today() == date(2026, 11, 12)
    set_business_time(at=None, frozen=False)
    assert timedelta() <= clock.now() - NOON < timedelta(seconds=5)


@pytest.mark.django_db
def test_wire_time_is_not_moved() -> None:
    before = clock.wall()
    set_business_time(at=NOON - timedelta(days=400), frozen=True)
    assert timedelta() <= clock.wall() - before < timedelta(seconds=5)


def test_an_act_of_the_past_keeps_its_time_within_its_context() -> None:
    with clock.as_of(NOON):
        assert (clock.now(), clock.is_as_of()) == (NOON, True)
    assert clock.now() != NOON
    assert not clock.is_as_of()


def test_a_day_of_yichun_is_not_a_day_of_utc() -> None:
    with clock.as_of(datetime(2026, 11, 12, 16, 30, tzinfo=UTC)):
        assert clock.today() == date(2026, 11, 13)
    assert clock.at(date(2026, 11, 12), 18) == datetime(2026, 11, 12, 10, tzinfo=UTC)
