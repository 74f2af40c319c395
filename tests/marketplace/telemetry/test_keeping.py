"""Partitions by week, hourly roll-ups, and what is dropped when."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from marketplace.kernel import clock
from marketplace.kernel.temperature import Band
from marketplace.telemetry.cold import evaluate
from marketplace.telemetry.models import Probe, Reading, ReadingHour
from marketplace.telemetry.services import Asset, NewReading, ingest_readings, register_probe
from marketplace.telemetry.services.hours import recompute_hours, roll_up_hours
from marketplace.telemetry.services.partitions import DEFAULT, Week, drop_old_weeks, make_weeks, weeks
from marketplace.telemetry.services.readings import samples_of

pytestmark = pytest.mark.django_db
MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
HOUR = timedelta(hours=1)


def business_time(at: datetime) -> None:
    clock.install(lambda: clock.Setting(frozen_at=at))
    clock.refresh()


@pytest.fixture(autouse=True)
def _frozen() -> Iterator[None]:
    before = clock._source
    business_time(MONDAY + timedelta(days=2))
    yield
    clock.install(before)
    clock.refresh()


@pytest.fixture
def probe() -> Probe:
    return register_probe(
        device="L1", label="chilled-1", asset=Asset("cabinet", uuid4(), "chilled"), band=Band(2, 8)
    )


def series(
    start: datetime, minutes: int, *, warm: tuple[int, int] = (0, 0), boot: int = 1
) -> list[NewReading]:
    return [
        NewReading(
            device="L1", boot=boot, seq=minute + 1, probe="chilled-1", at=start + timedelta(minutes=minute),
            raw_c=12.0 if warm[0] <= minute < warm[1] else 3.0,
        )
        for minute in range(minutes)
    ]  # fmt: skip


def where(ts: datetime) -> set[str]:
    """The tables in which the readings of that device time lie."""
    rows = Reading.objects.filter(ts=ts).extra(select={"table": "tableoid::regclass::text"})
    return set(rows.values_list("table", flat=True))


def test_readings_lie_in_the_week_of_their_own_clock(probe: Probe) -> None:
    astray = datetime(1971, 1, 1, tzinfo=UTC)
    assert [week.start for week in make_weeks()] == [MONDAY + timedelta(weeks=n) for n in range(-2, 5)]
    assert make_weeks() == []
    ingest_readings([*series(MONDAY, 2), *series(astray, 1, boot=2)])
    assert where(MONDAY) == {"telemetry_reading_20261123"}
    assert where(astray) == {DEFAULT}
    # The same message again is the same row, whichever table holds it.
    assert ingest_readings([*series(MONDAY, 2), *series(astray, 1, boot=2)]) == 0


def test_a_new_week_takes_over_what_came_before_it(probe: Probe) -> None:
    make_weeks()
    early = MONDAY + timedelta(weeks=5, days=1)
    ingest_readings(series(early, 3))
    assert where(early) == {DEFAULT}
    business_time(MONDAY + timedelta(weeks=3))
    assert len(make_weeks()) == 3
    assert where(early) == {Week.of(early).table}
    assert Reading.objects.count() == 3


def test_an_old_week_is_dropped_once_its_hours_are_kept(probe: Probe, settings: object) -> None:
    settings.READINGS_KEPT_DAYS = 20  # type: ignore[attr-defined]
    settings.READING_HOURS_KEPT_DAYS = 60  # type: ignore[attr-defined]
    make_weeks()
    ingest_readings([*series(MONDAY, 90), *series(MONDAY + timedelta(weeks=2), 5, boot=2)])
    business_time(MONDAY + timedelta(weeks=4))
    assert drop_old_weeks() == []  # nobody has rolled them up
    assert roll_up_hours() == 3
    assert [week.start for week in drop_old_weeks()] == [MONDAY + timedelta(weeks=n) for n in (-2, -1, 0)]
    assert weeks()[0].start == MONDAY + timedelta(weeks=1)
    assert Reading.objects.count() == 5
    assert list(ReadingHour.objects.order_by("hour").values_list("hour", "readings")) == [
        (MONDAY, 60),
        (MONDAY + HOUR, 30),
        (MONDAY + timedelta(weeks=2), 5),
    ]
    business_time(MONDAY + timedelta(days=61))
    drop_old_weeks()
    assert ReadingHour.objects.get().hour == MONDAY + timedelta(weeks=2)


def test_a_late_reading_holds_the_drop_until_it_is_rolled_up(probe: Probe, settings: object) -> None:
    settings.READINGS_KEPT_DAYS = 20  # type: ignore[attr-defined]
    make_weeks()
    roll_up_hours()
    ingest_readings(series(MONDAY, 1))
    business_time(MONDAY + timedelta(weeks=8))
    assert Week(MONDAY) not in drop_old_weeks()
    roll_up_hours()
    assert drop_old_weeks() == [Week(MONDAY)]


def hours() -> list[tuple[object, ...]]:
    return list(
        ReadingHour.objects.order_by("hour").values_list(
            "hour",
            "readings",
            "lowest_c",
            "highest_c",
            "mean_c",
            "mkt_c",
            "known_s",
            "unknown_s",
            "outside_s",
        )
    )


def test_hours_say_what_the_readings_say(probe: Probe) -> None:
    ingest_readings(series(MONDAY, 150, warm=(50, 80)))
    roll_up_hours()
    whole = evaluate(
        samples_of(Reading.objects.select_related("probe")), max_c=8, min_c=2,
        start_s=MONDAY.timestamp(), end_s=(MONDAY + timedelta(minutes=149)).timestamp(),
    )  # fmt: skip
    rows = list(ReadingHour.objects.order_by("hour"))
    assert [(row.readings, row.outside_s) for row in rows] == [(60, 600), (60, 1200), (30, 0)]
    assert sum(row.known_s for row in rows) == whole.known_s
    assert sum(row.outside_s for row in rows) == whole.above_s
    weighted = sum(row.mean_c * row.known_s for row in rows) / whole.known_s
    assert weighted == pytest.approx(whole.mean_c)
    assert [row.unverified for row in rows] == [60, 60, 30]  # a probe without a certificate proves nothing


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_any_order_of_arrival_gives_the_same_hours(probe: Probe, seed: int) -> None:
    readings = series(MONDAY, 150, warm=(50, 80))
    chance = random.Random(seed)
    shuffled = [*readings, *chance.choices(readings, k=50)]
    chance.shuffle(shuffled)
    while shuffled:
        size = chance.randint(1, 60)
        batch, shuffled = shuffled[:size], shuffled[size:]
        ingest_readings(batch)
        roll_up_hours()
    by_and_by = hours()
    ReadingHour.objects.all().delete()
    recompute_hours([(probe.pk, MONDAY + number * HOUR) for number in range(3)])
    assert by_and_by == hours()
