from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from lockers.protocol.envelope import Envelope
from lockers.protocol.ordering import ClockTrust, Mark, pair_from, placed_at

AT = datetime(2026, 11, 23, 5, tzinfo=UTC)


@given(seqs=st.lists(st.integers(1, 60)), cuts=st.lists(st.integers(0, 60), max_size=5))
def test_the_mark_is_contiguous_whatever_the_order_and_the_batches(seqs: list[int], cuts: list[int]) -> None:
    mark, last = Mark(), 0
    for cut in [*sorted(cuts), len(seqs)]:
        mark, last = mark.advanced(seqs[last:cut]), max(last, cut)
    known = set(seqs)
    expected = next(upto for upto in range(62) if upto + 1 not in known)
    assert mark.upto == expected
    assert mark.ahead == frozenset(seq for seq in known if seq > expected)
    assert all(mark.knows(seq) == (seq in known) for seq in range(1, 61))


def message(ts: datetime, mono: float, boot: int = 4) -> Envelope:
    return Envelope("L1", boot, 9, "m", ts, mono, "reading", {})


def test_a_good_clock_is_believed() -> None:
    pair = pair_from(message(AT + timedelta(seconds=119), 50), received=AT)
    reading = message(AT - timedelta(hours=3), 10)
    assert placed_at(reading, pair) == (reading.ts, ClockTrust.GOOD)
    assert placed_at(reading, None) == (reading.ts, ClockTrust.GOOD)


def test_a_clock_two_minutes_off_is_replaced_by_mono() -> None:
    pair = pair_from(message(AT + timedelta(days=400), 5_000), received=AT)
    reading = message(AT + timedelta(days=399), 1_400)
    assert placed_at(reading, pair) == (AT - timedelta(seconds=3_600), ClockTrust.BY_MONO)
    other_boot = message(AT + timedelta(days=399), 1_400, boot=3)
    assert placed_at(other_boot, pair) == (other_boot.ts, ClockTrust.UNPLACED)
