"""What a parcel costs that nobody came for in time (G7). Pure.

Free until its period ends (express cabinet rules: no fee within the announced period); then so much per begun
step, at most `cap_fen`, nothing for days that are free. Once the goods' life or the longest stay is over it
cannot be had any more, for any fee.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from marketplace.kernel.clock import SHANGHAI

#: who has paid gets at least this long to walk there
TO_COME = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class StorageTerms:
    """Hours and fen of one zone at one place. `stay_h` is the longest stay after the free period."""

    free_h: int
    step_h: int
    step_fen: int
    cap_fen: int
    stay_h: int
    free_days: frozenset[date] = field(default=frozenset())

    @property
    def free(self) -> timedelta:
        return timedelta(hours=self.free_h)

    @property
    def step(self) -> timedelta:
        return timedelta(hours=self.step_h)


#: until a rule is published: 0.50 per 12 h, 3.00 at most (a large network's of 2020); cold goods shorter
OPENING_TERMS = {
    "ambient": StorageTerms(free_h=72, step_h=12, step_fen=50, cap_fen=300, stay_h=72),
    **dict.fromkeys(
        ("cool", "chilled", "frozen"), StorageTerms(free_h=24, step_h=6, step_fen=50, cap_fen=100, stay_h=12)
    ),
}


def fee_fen(terms: StorageTerms, *, free_until: datetime, at: datetime) -> int:
    """What is due for a stay from the end of the free period to `at`."""
    steps = math.ceil(_charged(free_until, at, terms.free_days) / terms.step)
    return min(terms.cap_fen, steps * terms.step_fen)


def last_moment(terms: StorageTerms, *, free_until: datetime, keep_until: datetime | None) -> datetime:
    """Until when it may still be had for a fee; the free period's end when not at all."""
    last = free_until + timedelta(hours=terms.stay_h)
    return last if keep_until is None else max(free_until, min(last, keep_until))


def paid_until(terms: StorageTerms, *, free_until: datetime, at: datetime, last: datetime) -> datetime:
    """Until when the fee due at `at` lets him collect: to the end of the begun step, or long enough to come.

    Never past `last`.
    """
    charged = _charged(free_until, at, terms.free_days)
    bought = math.ceil(charged / terms.step) * terms.step
    until = at
    while (missing := bought - _charged(free_until, until, terms.free_days)) > timedelta():
        until += missing
    return min(last, max(until, at + TO_COME))


def _charged(start: datetime, end: datetime, free_days: Collection[date]) -> timedelta:
    """The time from `start` to `end` without the free days, which are Shanghai's."""
    if end <= start:
        return timedelta()
    free = timedelta()
    for day in free_days:
        midnight = datetime.combine(day, time(), SHANGHAI)
        free += max(timedelta(), min(end, midnight + timedelta(days=1)) - max(start, midnight))
    return end - start - free
