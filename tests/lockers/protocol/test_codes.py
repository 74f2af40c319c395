"""Pickup codes, tags and the lock-out: the figures of docs/devices.md."""

import hashlib
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockers.protocol import keys, lockout
from lockers.protocol.codes import LiveGroup, Match, match_code, pickup_code, pickup_tag
from lockers.protocol.lockout import Attempt, LockOut, attempted

ROOT, CODE_KEY = b"r" * 32, b"c" * 32
LOCKER_KEY = keys.locker_key(ROOT, device="L4021", generation=1)
TAG_KEY = keys.tag_key(LOCKER_KEY)
AT = datetime(2026, 11, 23, 5, tzinfo=UTC)


def live(group: int, counter: int = 0, key: bytes = TAG_KEY) -> LiveGroup:
    code = pickup_code(CODE_KEY, group=group, counter=counter)
    return LiveGroup(group, counter, pickup_tag(key, code=code, group=group, counter=counter))


def test_fifty_thousand_codes_are_uniform_and_keep_leading_zeros() -> None:
    codes = [pickup_code(CODE_KEY, group=group, counter=0) for group in range(1, 50_001)]
    assert {len(code) for code in codes} == {8}
    for position in (0, 7):
        seen = Counter(code[position] for code in codes)
        chi_square = sum((seen[str(digit)] - 5_000) ** 2 / 5_000 for digit in range(10))
        assert chi_square < 16.9


def test_a_code_opens_only_where_its_live_tag_lies() -> None:
    groups = [live(group) for group in range(1, 61)]
    for each in groups:
        code = pickup_code(CODE_KEY, group=each.group, counter=0)
        assert match_code(code, groups, tag_key=TAG_KEY) == Match(group=each.group)
        assert match_code(code, [g for g in groups if g != each], tag_key=TAG_KEY) == Match()


def test_the_code_survives_a_move_and_the_tag_does_not() -> None:
    other_key = keys.tag_key(keys.locker_key(ROOT, device="L4022", generation=1))
    code = pickup_code(CODE_KEY, group=7, counter=0)
    assert match_code(code, [live(7, key=other_key)], tag_key=other_key) == Match(group=7)
    assert match_code(code, [live(7)], tag_key=other_key) == Match()


def test_raising_the_counter_revokes() -> None:
    old, new = (pickup_code(CODE_KEY, group=7, counter=counter) for counter in (0, 1))
    assert old != new
    assert match_code(old, [live(7, counter=1)], tag_key=TAG_KEY) == Match()
    assert match_code(new, [live(7, counter=1)], tag_key=TAG_KEY) == Match(group=7)


def test_two_groups_with_one_code_open_neither() -> None:
    code = "00012345"
    twins = [LiveGroup(group, 0, pickup_tag(TAG_KEY, code=code, group=group, counter=0)) for group in (1, 2)]
    assert match_code(code, twins, tag_key=TAG_KEY) == Match(ambiguous=True)
    same = [twins[0], twins[0]]
    assert match_code(code, same, tag_key=TAG_KEY) == Match(group=1)


@pytest.mark.parametrize("typed", ["", "1234567", "123456789", "1234567x", "１２３４５６７８", " 1234567"])
def test_what_is_no_code_matches_nothing(typed: str) -> None:
    groups = [live(1), LiveGroup(2, 0, pickup_tag(TAG_KEY, code="-" * 8, group=2, counter=0))]
    assert match_code(typed, groups, tag_key=TAG_KEY) == Match()


def test_a_tag_is_no_hash_of_the_digits() -> None:
    tag, code = live(5).tag, pickup_code(CODE_KEY, group=5, counter=0)
    assert tag not in {
        hashlib.sha256(code.encode()).digest()[:16],
        hashlib.sha256(b"5" + code.encode()).digest()[:16],
    }


def test_keys_differ_by_device_generation_and_use() -> None:
    made = {
        keys.locker_key(ROOT, device="L1", generation=1),
        keys.locker_key(ROOT, device="L1", generation=2),
        keys.locker_key(ROOT, device="L11", generation=1),
        LOCKER_KEY,
        TAG_KEY,
        keys.command_key(LOCKER_KEY),
        keys.seal_key(LOCKER_KEY),
    }
    assert len(made) == 7
    with pytest.raises(ValueError, match="32 bytes"):
        keys.locker_key(b"short", device="L1", generation=1)


def errors(count: int, *, every: timedelta = timedelta()) -> list[Attempt]:
    return [Attempt(AT + number * every, right=False) for number in range(count)]


def test_five_errors_are_free_then_waits_double_to_a_day() -> None:
    state = lockout.after(errors(5))
    assert (state.open_at, state.locked(AT)) == (None, False)
    waits, at = [], AT
    for _ in range(14):
        state = attempted(state, Attempt(at, right=False))
        assert state.open_at is not None
        waits.append((state.open_at - at) // timedelta(minutes=1))
        at = state.open_at
    # at the top, each day of waiting forgives one error and the next try costs it again
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1440, 1440, 1440]


def tries_of_a_guesser(days: int, pause: timedelta) -> int:
    """Evaluated tries when someone tries as soon as he may, but never sooner than `pause` after the last."""
    state, at, tries = LockOut(), AT, 0
    while at < AT + timedelta(days=days):
        state = attempted(state, Attempt(at, right=False))
        tries += 1
        at = max(at + pause, state.open_at or at)
    return tries


def test_a_guesser_gets_sixteen_tries_on_the_first_day() -> None:
    assert tries_of_a_guesser(1, timedelta()) == 16


@pytest.mark.parametrize("pause_min", [0, 1, 7, 60, 500, 1439, 1440, 1441, 2000, 2881])
def test_no_pacing_gets_more_than_46_tries_in_30_days(pause_min: int) -> None:
    assert tries_of_a_guesser(30, timedelta(minutes=pause_min)) <= 46


@given(pauses=st.lists(st.integers(0, 3_000), min_size=1, max_size=60))
def test_no_irregular_pacing_gets_more_either(pauses: list[int]) -> None:
    state, at, tries, end = LockOut(), AT, 0, AT + timedelta(days=30)
    while at < end:
        state = attempted(state, Attempt(at, right=False))
        at = max(at + timedelta(minutes=pauses[tries % len(pauses)]), state.open_at or at)
        tries += 1
        if tries > 46:
            break
    assert tries <= 46


def test_what_is_tried_while_locked_counts_for_nothing() -> None:
    state = lockout.after(errors(6))
    assert lockout.after(errors(14_400), state) == state
    assert attempted(state, Attempt(AT + timedelta(seconds=59), right=True)) == state


def test_the_state_is_a_fold_so_a_restart_between_any_two_attempts_changes_nothing() -> None:
    attempts = [Attempt(AT + timedelta(hours=number), right=number % 7 == 3) for number in range(40)]
    for cut in range(41):
        assert lockout.after(attempts[cut:], lockout.after(attempts[:cut])) == lockout.after(attempts)


def test_a_right_code_takes_back_the_own_slips_and_no_more() -> None:
    state = lockout.after(errors(4, every=timedelta(seconds=20)))
    assert attempted(state, Attempt(AT + timedelta(seconds=90), right=True)).errors == 2
    assert attempted(state, Attempt(AT + timedelta(minutes=10), right=True)).errors == 4
    assert attempted(state, Attempt(AT + timedelta(seconds=90), right=True, entry="phone")).errors == 4


def test_a_clock_set_back_never_shortens_a_wait() -> None:
    state = lockout.after(errors(8))
    assert state.locked(AT - timedelta(days=3))
