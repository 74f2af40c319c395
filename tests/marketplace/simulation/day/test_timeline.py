"""Acts in time: never early, lanes in order, nothing twice that cannot be repeated."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.simulation.day.timeline import GRAIN, Timeline, on_grid

START = datetime(2026, 11, 12, 6, 0, tzinfo=UTC)


def note(log: list[str], word: str) -> Callable[[], Awaitable[None]]:
    async def act() -> None:
        await asyncio.sleep(0)
        log.append(word)

    return act


async def jump(at: datetime) -> datetime:
    return at


@given(st.integers(0, 10**6))
def test_nothing_happens_before_its_time_and_nothing_much_later(seconds: int) -> None:
    at = START + timedelta(seconds=seconds)
    assert at <= on_grid(at) < at + GRAIN
    assert on_grid(on_grid(at)) == on_grid(at)


def test_a_lane_keeps_its_order_within_one_stop_of_the_clock() -> None:
    log: list[str] = []
    timeline = Timeline()
    timeline.add(START + timedelta(minutes=4), "van", note(log, "third"))
    timeline.add(START + timedelta(minutes=1), "van", note(log, "first"))
    timeline.add(START + timedelta(minutes=2), "van", note(log, "second"))
    asyncio.run(timeline.run(jump=jump))
    assert log == ["first", "second", "third"]


def test_the_clock_stops_once_for_acts_of_the_same_minutes() -> None:
    stops: list[datetime] = []

    async def stop(at: datetime) -> datetime:
        stops.append(at)
        return at

    timeline = Timeline()
    for minutes in (1, 2, 7, 30):
        timeline.add(START + timedelta(minutes=minutes), "van", note([], ""))
    counted: list[int] = []
    asyncio.run(timeline.run(jump=stop, done=counted.append))
    assert stops == [START + timedelta(minutes=m) for m in (5, 10, 30)]
    assert counted == [2, 1, 1]


def test_after_a_restart_only_what_may_be_repeated_is_repeated() -> None:
    log: list[str] = []

    async def further(at: datetime) -> datetime:
        return max(at, START + timedelta(minutes=20))

    timeline = Timeline()
    timeline.add(START, "a", note(log, "repeatable"))
    timeline.add(START, "b", note(log, "past"), once=True)
    timeline.add(START + timedelta(minutes=20), "b", note(log, "present"), once=True)
    timeline.add(START + timedelta(minutes=40), "b", note(log, "future"), once=True)
    left_out: list[str] = []
    asyncio.run(timeline.run(jump=further, left_out=left_out.append))
    assert log == ["repeatable", "present", "future"]
    assert left_out == ["b"]


def test_one_act_that_fails_ends_the_day() -> None:
    async def fail() -> None:
        raise ValueError("broken")

    log: list[str] = []
    timeline = Timeline()
    timeline.add(START, "a", fail)
    timeline.add(START + GRAIN, "b", note(log, "later"))
    with pytest.raises(ExceptionGroup) as failed:
        asyncio.run(timeline.run(jump=jump))
    assert [type(error) for error in failed.value.exceptions] == [ValueError]
    assert log == []
