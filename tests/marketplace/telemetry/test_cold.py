"""The figures of the cold-chain acceptance tests, and independence from order and repetition."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.telemetry.cold import (
    BERRIES,
    LEAFY_GREENS,
    Gap,
    Proof,
    Run,
    Sample,
    Side,
    evaluate,
    known_spans,
)

HOUR_S = 3600


def steady(*stretches: tuple[float, float], step_s: int = 60) -> tuple[list[Sample], float]:
    """(hours, °C) stretches sampled every `step_s`, and the end of the last."""
    samples, at_s = [], 0.0
    for hours, c in stretches:
        end_s = at_s + hours * HOUR_S
        while at_s < end_s:
            samples.append(Sample(at_s, c))
            at_s += step_s
        at_s = end_s
    return samples, at_s


@pytest.mark.parametrize(
    ("stretches", "mean_c", "mkt_c"),
    [
        ([(24, 3)], 3.0, 3.0),
        ([(22, 3), (2, 12)], 3.75, 4.255),
        ([(23.5, 3), (0.5, 25)], 3.458, 4.899),
    ],
)
def test_mean_kinetic_temperature(stretches: list[tuple[float, float]], mean_c: float, mkt_c: float) -> None:
    samples, end_s = steady(*stretches)
    verdict = evaluate(samples, max_c=8, end_s=end_s)
    assert verdict.mean_c == pytest.approx(mean_c, abs=0.001)
    assert verdict.mkt_c == pytest.approx(mkt_c, abs=0.001)


def test_irregular_sampling_is_weighted_by_duration() -> None:
    slow, _ = steady((23, 3), step_s=60)
    fast, _ = steady((1, 10), step_s=10)
    samples = slow + [Sample(each.at_s + 23 * HOUR_S, each.c) for each in fast]
    assert evaluate(samples, max_c=8, end_s=24 * HOUR_S).mkt_c == pytest.approx(3.447, abs=0.001)


def test_minutes_above_the_limit_are_counted_also_without_a_breach() -> None:
    samples, end_s = steady((22, 3), (2, 12))
    assert evaluate(samples, max_c=8, end_s=end_s).above_s == 120 * 60
    samples, end_s = steady((1, 3), (0.4, 12), (1, 3))
    verdict = evaluate(samples, max_c=8, end_s=end_s)
    assert (verdict.above_s, verdict.breaches, verdict.peak_c) == (24 * 60, (), 12)


def minute_series_with_gap() -> list[Sample]:
    return [
        Sample(at_s, 10 if 18_000 <= at_s < 20_400 else 3)
        for at_s in range(0, 86_400, 60)
        if not 35_940 < at_s < 39_600
    ]


@pytest.mark.parametrize("seed", [None, 1, 2, 3])
def test_one_breach_and_one_gap_whatever_the_order_and_the_duplicates(seed: int | None) -> None:
    samples = minute_series_with_gap()
    if seed is not None:
        chance = random.Random(seed)
        samples += chance.choices(samples, k=500)
        chance.shuffle(samples)
    verdict = evaluate(samples, max_c=8, run_s=1800, gap_s=300)
    assert verdict.breaches == (Run(18_000, 20_400, 10, Side.ABOVE),)
    assert verdict.gaps == (Gap(35_940, 39_600),)
    assert verdict.needs_decision is True
    assert verdict.unknown_s == 3_660


def test_a_gap_ends_a_breach() -> None:
    warm = [Sample(at_s, 10) for at_s in [*range(0, 1500, 60), *range(3000, 4500, 60)]]
    verdict = evaluate(warm, max_c=8, end_s=4500)
    assert (verdict.breaches, verdict.gaps) == ((), (Gap(1440, 3000),))
    assert verdict.above_s == 1440 + 1500


def test_too_cold_is_a_breach_of_its_own_side() -> None:
    samples, end_s = steady((1, 8), (1, 4), (1, 8))
    verdict = evaluate(samples, min_c=7, max_c=10, end_s=end_s)
    assert verdict.breaches == (Run(3600, 7200, 4, Side.BELOW),)
    assert (verdict.above_s, verdict.below_s, verdict.lowest_c) == (0, 3600, 4)


def test_silence_at_the_ends_is_a_gap() -> None:
    verdict = evaluate([Sample(1000, 3), Sample(1060, 3)], max_c=8, start_s=0, end_s=2000)
    assert verdict.gaps == (Gap(0, 1000), Gap(1060, 2000))
    assert evaluate([], max_c=8, start_s=0, end_s=2000).gaps == (Gap(0, 2000),)
    assert evaluate([], max_c=8).mkt_c is None


def test_what_was_read_before_the_start_holds_at_the_start() -> None:
    verdict = evaluate([Sample(0, 9), Sample(120, 3), Sample(240, 3)], max_c=8, start_s=60, end_s=240)
    assert (verdict.above_s, verdict.known_s, verdict.gaps) == (60, 180, ())


def test_shelf_life_used() -> None:
    samples, end_s = steady((22, 3), (2, 12))
    spans, _ = known_spans(samples, end_s=end_s)
    assert LEAFY_GREENS.used_days(spans) == pytest.approx(1.273, abs=0.001)
    assert LEAFY_GREENS.left_days(spans) == pytest.approx(8.73, abs=0.005)
    assert BERRIES.used_days(spans) == pytest.approx(1.213, abs=0.001)
    assert BERRIES.left_days(spans) == pytest.approx(5.79, abs=0.005)
    day, end_s = steady((24, 2))
    spans, _ = known_spans(day, end_s=end_s)
    assert LEAFY_GREENS.left_days(spans) == pytest.approx(9)
    assert BERRIES.left_days(spans) == pytest.approx(6)


def test_an_expired_calibration_leaves_the_parcel_unverified() -> None:
    samples = [Sample(0, 3), Sample(60, 3, calibrated=False), Sample(120, 3)]
    assert evaluate(samples, max_c=8).proof is Proof.UNVERIFIED
    assert evaluate(samples[:1] + samples[2:], max_c=8).proof is Proof.VERIFIED
    assert evaluate([], max_c=8).proof is Proof.NONE


READINGS = st.lists(
    st.builds(Sample, st.integers(0, 20_000).map(float), st.floats(-30, 40), st.booleans()), max_size=60
)


@settings(max_examples=200)
@given(readings=READINGS, data=st.data())
def test_shuffled_and_doubled_readings_give_the_same_verdict(
    readings: list[Sample], data: st.DataObject
) -> None:
    doubled = readings + data.draw(st.lists(st.sampled_from(readings), max_size=20)) if readings else []
    shuffled = data.draw(st.permutations(doubled))
    limits = {"max_c": 8.0, "min_c": 0.0, "start_s": 100.0, "end_s": 19_000.0, "run_s": 600.0}
    assert evaluate(shuffled, **limits) == evaluate(readings, **limits)


@given(readings=READINGS)
def test_known_and_unknown_time_fill_the_period(readings: list[Sample]) -> None:
    verdict = evaluate(readings, max_c=8, min_c=0, start_s=0, end_s=20_000)
    first_s = min((each.at_s for each in readings), default=20_000)
    silent_s = (
        first_s if 0 < first_s <= 300 else 0
    )  # a short silence before the first reading is not yet a gap
    assert verdict.known_s + verdict.unknown_s + silent_s == pytest.approx(20_000)
