"""How long a parcel may lie in a cabinet. Pure.

Periods are defaults of devices.md's kind: ambient goods 72 h, cooled ones 24 h, never past the goods' own
life. The recipient may make it longer once, free of charge, while nobody else needs the cell.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

FREE = {
    "ambient": timedelta(hours=72),
    "cool": timedelta(hours=24),
    "chilled": timedelta(hours=24),
    "frozen": timedelta(hours=24),
}
#: one tap longer
LONGER = {
    "ambient": timedelta(hours=24),
    "cool": timedelta(hours=12),
    "chilled": timedelta(hours=12),
    "frozen": timedelta(hours=12),
}
FREE_EXTENSIONS = 1
#: a recipient who has not come is reminded this long before the end, or at half of a shorter period
REMIND_BEFORE = timedelta(hours=12)


def free_until(
    zone: str, since: datetime, *, keep_until: datetime | None, free: timedelta | None = None
) -> datetime:
    """End of the free period of a parcel that lies there since then; at once when its goods' life is over.

    `free` is what the place's rule gives, else the zone's default.
    """
    until = since + (FREE[zone] if free is None else free)
    return until if keep_until is None else max(since, min(until, keep_until))


def remind_at(since: datetime, until: datetime) -> datetime:
    return max(until - REMIND_BEFORE, since + (until - since) / 2)


@dataclass(frozen=True, slots=True)
class Extension:
    """`until` is the new end; None with a `reason` when it cannot be longer: used_up, shelf_life."""

    until: datetime | None
    reason: str = ""


def extension(zone: str, until: datetime, *, extensions: int, keep_until: datetime | None) -> Extension:
    """What one tap would give a parcel that may stay until `until` so far."""
    if extensions >= FREE_EXTENSIONS:
        return Extension(None, "used_up")
    longer = until + LONGER[zone]
    if keep_until is not None:
        longer = min(longer, keep_until)
    return Extension(longer) if longer > until else Extension(None, "shelf_life")
