"""How long a buyer may claim, and what is paid at once. No Django.

The windows and limits are our own choice (after 坏果包赔 of fresh shops); they stand in one place to be
changed. A parcel collected after its free storage period is the recipient's own risk.
"""

from datetime import datetime, timedelta

#: from the confirmed pickup on
FRESH_WINDOW = timedelta(hours=24)
OTHER_WINDOW = timedelta(hours=48)
#: who sold it answers within this time; silence grants the claim
ANSWER_WITHIN = timedelta(hours=24)
#: paid at once up to this sum ...
AT_ONCE_FEN = 2_000
#: ... while the buyer had at most this many paid at once in the last thirty days
AT_ONCE_TIMES = 3
AT_ONCE_DAYS = 30


def window_for(*, returnable: bool) -> timedelta:
    """Goods that may be sent back without a reason are not fresh; everything else is."""
    return OTHER_WINDOW if returnable else FRESH_WINDOW


def asked_fen(*, kept_fen: int, percent: int) -> int:
    """The share of what was paid for the line; at least a fen, so that a claim always asks for something."""
    return max(1, kept_fen * percent // 100)


def collected_late(*, collected_at: datetime, hold_until: datetime | None) -> bool:
    return hold_until is not None and collected_at > hold_until
