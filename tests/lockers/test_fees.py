"""Overdue fees: free within the period, by begun steps, capped; whatever the days."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockers.fees import OPENING_TERMS, TO_COME, StorageTerms, fee_fen, last_moment, paid_until

END = datetime(2026, 11, 23, 4, tzinfo=UTC)  # noon in Shanghai
AMBIENT = OPENING_TERMS["ambient"]


def after(hours: float) -> datetime:
    return END + timedelta(hours=hours)


@pytest.mark.parametrize(
    ("hours", "fen"), [(-5, 0), (0, 0), (0.1, 50), (12, 50), (12.1, 100), (71, 300), (72, 300), (500, 300)]
)
def test_each_begun_step_counts_up_to_the_cap(hours: float, fen: int) -> None:
    assert fee_fen(AMBIENT, free_until=END, at=after(hours)) == fen


def test_a_free_day_costs_nothing() -> None:
    terms = StorageTerms(
        free_h=72, step_h=12, step_fen=50, cap_fen=300, stay_h=72, free_days=frozenset({date(2026, 11, 24)})
    )
    assert fee_fen(terms, free_until=END, at=after(12)) == 50  # to midnight
    assert fee_fen(terms, free_until=END, at=after(36)) == 50  # the whole day after
    assert fee_fen(terms, free_until=END, at=after(37)) == 100
    assert paid_until(terms, free_until=END, at=after(20), last=after(72)) == after(22)  # long enough to come
    assert paid_until(terms, free_until=END, at=after(37), last=after(72)) == after(48)


def test_goods_that_do_not_last_are_not_to_be_had_for_money() -> None:
    assert last_moment(AMBIENT, free_until=END, keep_until=None) == after(72)
    assert last_moment(AMBIENT, free_until=END, keep_until=after(3)) == after(3)
    assert last_moment(AMBIENT, free_until=END, keep_until=after(-3)) == END


terms = st.builds(
    StorageTerms,
    free_h=st.integers(1, 72),
    step_h=st.integers(1, 48),
    step_fen=st.integers(0, 200),
    cap_fen=st.integers(0, 1000),
    stay_h=st.integers(0, 240),
    free_days=st.frozensets(st.dates(date(2026, 11, 20), date(2026, 12, 10)), max_size=5),
)
moments = st.integers(-1_000_000, 2_000_000).map(lambda s: END + timedelta(seconds=s))


@given(terms=terms, one=moments, other=moments)
def test_it_never_falls_never_passes_the_cap_and_never_starts_early(
    terms: StorageTerms, one: datetime, other: datetime
) -> None:
    early, late = sorted((one, other))
    before = fee_fen(terms, free_until=END, at=early)
    assert 0 <= before <= fee_fen(terms, free_until=END, at=late) <= terms.cap_fen
    assert before == 0 or early > END
    without = StorageTerms(**{name: getattr(terms, name) for name in terms.__slots__ if name != "free_days"})
    assert before <= fee_fen(without, free_until=END, at=early)


@given(terms=terms, at=moments.filter(lambda at: at > END))
def test_what_is_paid_for_costs_no_more_and_leaves_time_to_come(terms: StorageTerms, at: datetime) -> None:
    last = END + timedelta(days=60)
    until = paid_until(terms, free_until=END, at=at, last=last)
    assert until >= min(last, at + TO_COME)
    if until > at + TO_COME:
        assert fee_fen(terms, free_until=END, at=until) == fee_fen(terms, free_until=END, at=at)
