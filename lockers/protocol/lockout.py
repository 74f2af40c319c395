"""The lock-out of a cabinet's keypad: a pure function of the attempts made at it.

Five errors are free; from the sixth on the next attempt waits 1 min, 2, 4 ... up to 24 h. That is 16 tries on
the first day and at most 46 in 30 days, whatever the pacing. An attempt during a wait is not evaluated and
counts for nothing. What is forgiven:

- a day without an error takes one error back (a wait of 24 h at the top gives a guesser no more than that);
- a right code takes back at most two errors of the same entry in the two minutes before it: the person's own
  slips. Without this a busy cabinet with 60 pickups a day locks itself within weeks.

The QR, the courier's token and an opening by the station do not pass here.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

FREE_ERRORS = 5
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=24)
FORGIVEN_AFTER = timedelta(hours=24)
OWN_SLIP_WITHIN = timedelta(minutes=2)
OWN_SLIPS = 2
_DOUBLINGS = 11  # 1 min * 2**11 is past 24 h


@dataclass(frozen=True, slots=True)
class Attempt:
    """One evaluated try: `right` when it named exactly one live group."""

    at: datetime
    right: bool
    entry: str = "keypad"


@dataclass(frozen=True, slots=True)
class LockOut:
    """The state to keep over restarts: four plain values."""

    errors: int = 0
    last_error_at: datetime | None = None
    forgiven_from: datetime | None = None  # start of the quiet that the next forgiven day counts from
    slips: tuple[tuple[str, datetime], ...] = ()  # the last errors that a right code may still take back

    @property
    def open_at(self) -> datetime | None:
        """When the next attempt is evaluated; None for at once."""
        over = self.errors - FREE_ERRORS
        if over <= 0 or self.last_error_at is None:
            return None
        return self.last_error_at + min(FIRST_WAIT * (1 << min(over - 1, _DOUBLINGS)), LONGEST_WAIT)

    def locked(self, at: datetime) -> bool:
        """A clock that was set back finds the wait as long as it was, never shorter."""
        return self.open_at is not None and at < self.open_at


def attempted(state: LockOut, attempt: Attempt) -> LockOut:
    """The state after one attempt; unchanged while locked."""
    if state.locked(attempt.at):
        return state
    state = _forgiven(state, attempt.at)
    if attempt.right:
        return _slips_taken_back(state, attempt)
    slips = (*state.slips, (attempt.entry, attempt.at))[-OWN_SLIPS:]
    return LockOut(state.errors + 1, attempt.at, attempt.at, slips)


def after(attempts: Iterable[Attempt], state: LockOut | None = None) -> LockOut:
    """The fold of `attempted`; attempts in the order made."""
    folded = state or LockOut()
    for each in attempts:
        folded = attempted(folded, each)
    return folded


def _forgiven(state: LockOut, at: datetime) -> LockOut:
    if state.errors == 0 or state.forgiven_from is None or at <= state.forgiven_from:
        return state
    days = min((at - state.forgiven_from) // FORGIVEN_AFTER, state.errors)
    return replace(
        state,
        errors=state.errors - days,
        forgiven_from=state.forgiven_from + days * FORGIVEN_AFTER,
    )


def _slips_taken_back(state: LockOut, attempt: Attempt) -> LockOut:
    own = sum(
        entry == attempt.entry and timedelta() <= attempt.at - at <= OWN_SLIP_WITHIN
        for entry, at in state.slips
    )
    return replace(state, errors=max(0, state.errors - own), slips=())
