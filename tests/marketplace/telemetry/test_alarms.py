"""People hear of a warm or silent probe in time, once, and of its end."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from marketplace.kernel import clock
from marketplace.kernel.errors import InvalidInput
from marketplace.kernel.temperature import Band
from marketplace.outbox.models import OutboxEvent
from marketplace.telemetry.cold import Proof, ShelfLife
from marketplace.telemetry.models import Alarm, Breach, Probe, Reading
from marketplace.telemetry.services import (
    Asset,
    NewReading,
    Stay,
    calibrate_probe,
    ingest_readings,
    register_probe,
    remaining,
    review_due_probes,
    set_shelf_life,
    shelf_life_of,
)
from marketplace.telemetry.services.alarms import notice_silence

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.fixture
def probe() -> Probe:
    return probe_of("cabinet")


def probe_of(kind: str, uuid: UUID | None = None) -> Probe:
    asset = Asset(kind, uuid or uuid4(), "chilled")
    return register_probe(device=f"D-{kind}", label="p", asset=asset, band=Band(0, 4))


def say(probe: Probe, minute: float, c: float) -> None:
    at = AT + timedelta(minutes=minute)
    ingest_readings([NewReading(probe.device, 1, int(minute * 60) + 1, "p", at, c)])
    review_due_probes()


def alarms() -> list[tuple[str, int, float | None, bool]]:
    """(kind, minute it began, worst, still open)."""
    return [
        (each.kind, int((each.since - AT).total_seconds() // 60), each.worst_c, each.cleared_at is None)
        for each in Alarm.objects.order_by("id")
    ]


def events() -> list[str]:
    kinds = OutboxEvent.objects.filter(type__startswith="telemetry.Cold").order_by("id")
    return list(kinds.values_list("type", flat=True))


def test_told_after_a_quarter_of_an_hour_and_a_breach_after_half(probe: Probe) -> None:
    for minute in range(15):
        say(probe, minute, 9.0)
    assert alarms() == []
    say(probe, 15, 10.0)
    assert (alarms(), Breach.objects.count()) == ([("high", 0, 9.0, True)], 0)
    for minute in range(16, 31):
        say(probe, minute, 10.0)
    assert (alarms(), Breach.objects.count()) == ([("high", 0, 10.0, True)], 1)
    say(probe, 31, 3.0)
    assert alarms() == [("high", 0, 10.0, False)]
    assert events() == ["telemetry.ColdAlarmRaised", "telemetry.ColdAlarmCleared"]


def test_each_probe_has_its_own_delay_and_too_cold_counts_too(probe: Probe) -> None:
    Probe.objects.update(alarm_after_s=120)
    for minute in range(3):
        say(probe, minute, -1.0)
    assert alarms() == [("low", 0, -1.0, True)]
    say(probe, 3, 6.0)
    say(probe, 4, 6.0)
    assert alarms() == [("low", 0, -1.0, False)]
    say(probe, 5, 6.0)
    assert alarms()[1:] == [("high", 3, 6.0, True)]


def test_a_gap_ends_the_alarm_of_what_it_hides(probe: Probe) -> None:
    for minute in range(16):
        say(probe, minute, 9.0)
    say(probe, 60, 3.0)
    assert alarms() == [("high", 0, 9.0, False)]


@pytest.fixture
def clocks() -> Iterator[list[datetime]]:
    """[business time]; wire time stays the machine's."""
    business = [AT]
    before = clock._source
    clock.install(lambda: clock.Setting(frozen_at=business[0]))
    yield business
    clock.install(before)
    clock.refresh()


def listen(clocks: list[datetime], *, business_min: float, heard_min: float) -> list[str]:
    """The kinds of assets that are silent so long after their last reading, by both clocks."""
    clocks[0] = AT + timedelta(minutes=business_min)
    clock.refresh()
    Reading.objects.update(received_at=clock.wall() - timedelta(minutes=heard_min))
    silent = notice_silence()
    open_now = Alarm.objects.filter(kind="silent", cleared_at=None).order_by("probe__asset_kind")
    assert len(open_now) == silent
    return [each.probe.asset_kind for each in open_now]


def test_silence_by_kind_of_asset_and_by_both_clocks(clocks: list[datetime]) -> None:
    for kind in ("cabinet", "vehicle", "fridge", "hub_room"):
        say(probe_of(kind), 0, 3.0)
    register_probe(device="D9", label="p", asset=Asset("vehicle", uuid4(), "chilled"), band=Band(0, 4))
    assert listen(clocks, business_min=4, heard_min=4) == []
    assert listen(clocks, business_min=6, heard_min=6) == ["cabinet"]
    assert listen(clocks, business_min=11, heard_min=11) == ["cabinet", "vehicle"]
    assert listen(clocks, business_min=31, heard_min=31) == ["cabinet", "fridge", "hub_room", "vehicle"]
    assert Alarm.objects.count() == 4
    assert listen(clocks, business_min=31, heard_min=0) == []  # heard again
    assert listen(clocks, business_min=0, heard_min=500) == []  # business time stands still
    assert listen(clocks, business_min=900, heard_min=0) == []  # it jumped; the devices follow in a moment
    assert len(events()) == 8


# -- shelf life --------------------------------------------------------------------------------------------


def test_what_is_left_after_every_stay_with_its_source() -> None:
    van, cabinet = probe_of("vehicle"), probe_of("cabinet")
    for hour in range(22 * 12 + 1):
        ingest_readings([NewReading(van.device, 1, hour + 1, "p", AT + timedelta(minutes=5 * hour), 3.0)])
    there = AT + timedelta(hours=22)
    for hour in range(2 * 12 + 1):
        ingest_readings(
            [NewReading(cabinet.device, 1, hour + 1, "p", there + timedelta(minutes=5 * hour), 12.0)]
        )
    stays = [
        Stay(van.asset_uuid, "chilled", AT, there),
        Stay(cabinet.asset_uuid, "chilled", there, there + timedelta(hours=2)),
    ]
    greens = uuid4()
    set_shelf_life(
        product_uuid=greens, life=ShelfLife(q10=3, days=10, reference_c=2, source="county lab, 2026")
    )
    told = remaining(life=shelf_life_of(product_uuid=greens, listed_days=7), stays=stays)
    assert told.used_days == pytest.approx(1.273, abs=0.001)
    assert told.left_days == pytest.approx(8.727, abs=0.001)
    assert (told.source, told.proof, told.unknown_s) == ("county lab, 2026", Proof.UNVERIFIED, 0)
    for each in (van, cabinet):
        calibrate_probe(probe=each, certificate="C", valid_from=AT - timedelta(days=1), valid_to=None)
    life = shelf_life_of(product_uuid=uuid4(), listed_days=7)
    told = remaining(
        life=life, stays=[*stays, Stay(van.asset_uuid, "frozen", there, there + timedelta(hours=1))]
    )
    assert (told.source, told.proof, told.unknown_s) == ("guess", Proof.NONE, 3600)
    assert remaining(life=life, stays=stays).proof is Proof.VERIFIED


@pytest.mark.parametrize(
    ("life", "field"),
    [
        (ShelfLife(0.5, 10, 2, "x"), "q10"),
        (ShelfLife(3, 0, 2, "x"), "days"),
        (ShelfLife(3, 10, 2, " "), "source"),
        (ShelfLife(float("nan"), 10, 2, "x"), "q10"),
    ],
)
def test_figures_that_make_no_sense_are_refused(life: ShelfLife, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        set_shelf_life(product_uuid=uuid4(), life=life)
    assert refused.value.field == field
