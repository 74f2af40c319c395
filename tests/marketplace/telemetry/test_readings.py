"""Readings in the database, and the breaches that follow from them."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction

from marketplace.kernel.principal import Principal
from marketplace.kernel.temperature import Band
from marketplace.outbox.models import OutboxEvent
from marketplace.telemetry.cold import Proof, ShelfLife
from marketplace.telemetry.errors import AlreadyDecided, UnknownDecision
from marketplace.telemetry.models import Breach, Probe, Reading
from marketplace.telemetry.services import (
    Asset,
    NewReading,
    Stay,
    calibrate_probe,
    cold_verdict,
    decide_breach,
    ingest_readings,
    latest_c,
    note_held_references,
    register_probe,
    remaining,
    review_due_probes,
    temperatures,
)

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 23, tzinfo=UTC)
ASSET = Asset("cabinet", uuid4(), "chilled")


@pytest.fixture
def probe() -> Probe:
    return register_probe(device="L1", label="chilled-1", asset=ASSET, band=Band(2, 8))


def minute_series(
    hours: float, *, warm: tuple[int, int] = (0, 0), missing: tuple[int, int] = (0, 0)
) -> list[NewReading]:
    """One reading a minute at 3 °C, 12 °C within the minutes `warm`, none strictly within `missing`."""
    return [
        NewReading(
            device="L1", boot=1, seq=minute + 1, probe="chilled-1", at=AT + timedelta(minutes=minute),
            raw_c=12.0 if warm[0] <= minute < warm[1] else 3.0,
        )
        for minute in range(int(hours * 60))
        if not missing[0] < minute < missing[1]
    ]  # fmt: skip


def take(readings: list[NewReading]) -> None:
    with transaction.atomic():
        ingest_readings(readings)
        review_due_probes()


def breaches() -> list[tuple[int, int | None, float]]:
    """(start minute, end minute, peak) of what stands."""

    def minute(at: datetime | None) -> int | None:
        return None if at is None else int((at - AT).total_seconds() // 60)

    return [
        (minute(each.started_at) or 0, minute(each.ended_at), each.peak_c)
        for each in Breach.objects.filter(withdrawn_at=None).order_by("started_at")
    ]


def events() -> list[str]:
    breaches = OutboxEvent.objects.filter(type__startswith="telemetry.Breach").order_by("id")
    return list(breaches.values_list("type", flat=True))


def test_known_rows_add_nothing(probe: Probe) -> None:
    take(minute_series(2))
    take(minute_series(2))
    assert Reading.objects.count() == 120
    assert ingest_readings(minute_series(2)) == 0


def test_a_breach_opens_after_half_an_hour_and_closes(probe: Probe) -> None:
    series = minute_series(3, warm=(60, 120))
    take(series[:90])
    assert (breaches(), events()) == ([], [])
    take(series[90:91])
    assert (breaches(), events()) == ([(60, None, 12.0)], ["telemetry.BreachOpened"])
    take(series[91:])
    assert breaches() == [(60, 120, 12.0)]
    assert events() == ["telemetry.BreachOpened", "telemetry.BreachClosed"]


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_any_order_in_any_batches_gives_the_same_breaches(probe: Probe, seed: int) -> None:
    series = minute_series(6, warm=(60, 120), missing=(200, 260))
    chance = random.Random(seed)
    shuffled = series + chance.choices(series, k=100)
    chance.shuffle(shuffled)
    while shuffled:
        size = chance.randint(1, 90)
        batch, shuffled = shuffled[:size], shuffled[size:]
        take(batch)
    assert breaches() == [(60, 120, 12.0)]


def test_two_breaches_that_late_readings_join_are_one(probe: Probe) -> None:
    """Nothing is counted twice, nothing given back: the earlier breach holds what the later one held."""
    series = minute_series(4, warm=(0, 200))
    held = uuid4()
    take(series[:40])
    take(series[120:])
    assert breaches() == [(0, 39, 12.0), (120, 200, 12.0)]
    first, later = Breach.objects.order_by("started_at")
    note_held_references(breach_uuid=later.uuid, references=[held])
    take(series[40:120])
    assert breaches() == [(0, 200, 12.0)]
    first.refresh_from_db()
    assert first.held_references == [str(held)]
    assert events()[-1] == "telemetry.BreachMerged"
    assert OutboxEvent.objects.last().payload["into"] == str(first.uuid)  # type: ignore[union-attr]


@pytest.mark.parametrize("seed", range(4))
def test_long_stretches_in_any_order_give_the_same_breaches(probe: Probe, seed: int) -> None:
    """Batches as large as breaches come in any order: breaches open apart and grow together."""
    series = minute_series(8, warm=(30, 400), missing=(200, 210))
    batches = [series[start : start + 35] for start in range(0, len(series), 35)]
    batches += random.Random(seed).choices(batches, k=5)
    random.Random(seed).shuffle(batches)
    for batch in batches:
        take(batch)
    assert breaches() == [(30, 200, 12.0), (210, 400, 12.0)]


def test_probes_of_one_zone_are_judged_each_by_itself() -> None:
    """Read by turns as one series, no breach would ever last for half an hour."""
    for label in ("chilled-1", "chilled-2"):
        register_probe(device="L1", label=label, asset=ASSET, band=Band(2, 8))
    take(
        [
            NewReading("L1", 1, 2 * n + 1, "chilled-1", AT + timedelta(minutes=n), 3.0)
            for n in range(121)
        ]
        + [
            NewReading("L1", 1, 2 * n + 2, "chilled-2", AT + timedelta(minutes=n, seconds=30), 12.0)
            for n in range(121)
        ]
    )  # fmt: skip
    verdict = cold_verdict(
        asset_uuid=ASSET.uuid, zone="chilled", start=AT + timedelta(minutes=5), end=AT + timedelta(hours=2),
        min_c=0, max_c=8,
    )  # fmt: skip
    assert (verdict.above_s, len(verdict.breaches)) == (115 * 60, 1)
    assert verdict.mkt_c == pytest.approx(12)
    life = ShelfLife(q10=2, days=10, reference_c=2, source="test")
    stay = Stay(ASSET.uuid, "chilled", AT + timedelta(minutes=5), AT + timedelta(hours=2))
    assert remaining(life=life, stays=[stay]).used_days == pytest.approx(115 / 1440 * 2)


def test_late_good_readings_withdraw_a_breach(probe: Probe) -> None:
    series = minute_series(2, warm=(0, 120))
    take(series)
    assert breaches() == [(0, None, 12.0)]
    good = [
        NewReading("L1", 2, minute + 1, "chilled-1", AT + timedelta(minutes=minute, seconds=30), 3.0)
        for minute in range(120)
    ]
    take(good)
    assert breaches() == []
    assert events() == ["telemetry.BreachOpened", "telemetry.BreachClosed"]


def test_the_warmest_band_edge_is_inside(probe: Probe) -> None:
    take([NewReading("L1", 1, n + 1, "chilled-1", AT + timedelta(minutes=n), 8.0) for n in range(60)])
    assert breaches() == []


def test_an_unregistered_probe_is_asked_for_first(probe: Probe) -> None:
    with pytest.raises(KeyError):
        ingest_readings([NewReading("L1", 1, 1, "frozen-1", AT, -20.0)])
    assert Reading.objects.count() == 0


def test_what_was_it_like(probe: Probe) -> None:
    Probe.objects.filter(pk=probe.pk).update(offset_c=0.5)
    take(minute_series(2, warm=(30, 90)))
    rows = temperatures(
        asset_uuid=ASSET.uuid, zone="chilled", start=AT + timedelta(seconds=90), end=AT + timedelta(minutes=4)
    )
    assert [(each.at - AT).seconds // 60 for each in rows] == [1, 2, 3, 4]
    assert {each.c for each in rows} == {3.5}
    assert latest_c(asset_uuids=[ASSET.uuid]) == {(ASSET.uuid, "chilled"): 3.5}
    stretch: dict[str, Any] = {
        "asset_uuid": ASSET.uuid,
        "zone": "chilled",
        "start": AT,
        "end": AT + timedelta(hours=2),
    }
    verdict = cold_verdict(**stretch, min_c=0, max_c=4)
    assert (verdict.above_s, verdict.peak_c, verdict.proof) == (3600, 12.5, Proof.UNVERIFIED)
    calibrate_probe(probe=probe, certificate="C-7", valid_from=AT - timedelta(days=1), valid_to=None)
    assert cold_verdict(**stretch, min_c=0, max_c=4).proof is Proof.VERIFIED


def test_a_breach_is_decided_once(probe: Probe) -> None:
    take(minute_series(2, warm=(0, 60)))
    breach = Breach.objects.get()
    one, two = uuid4(), uuid4()
    note_held_references(breach_uuid=breach.uuid, references=[one])
    note_held_references(breach_uuid=breach.uuid, references=[two, one])
    operator = Principal(user_uuid=uuid4())
    with pytest.raises(UnknownDecision):
        decide_breach(principal=operator, breach_uuid=breach.uuid, decision="eat")
    decide_breach(principal=operator, breach_uuid=breach.uuid, decision="release")
    decide_breach(principal=operator, breach_uuid=breach.uuid, decision="release")
    with pytest.raises(AlreadyDecided):
        decide_breach(principal=operator, breach_uuid=breach.uuid, decision="discard")
    breach.refresh_from_db()
    assert breach.held_references == sorted([str(one), str(two)])
    assert (breach.decision, breach.decided_by) == ("release", operator.user_uuid)
