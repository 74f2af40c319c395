"""Two clocks. `now()` is business time, which a tester or the simulation may move; `wall()` is wire time.

Business time is used for cut-offs, holds, storage periods and readings; wire time for signatures, TLS, command
expiry, door time-outs and leases. A process installs a source once (`marketplace.database` installs the shared row)
and calls `refresh()` at the start of each unit of work (request, task, delivered event), so that time stands
still within it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from datetime import timezone as _timezone
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
UTC = _timezone.utc


@dataclass(frozen=True, slots=True)
class Setting:
    """How business time follows the wall clock: standing at `frozen_at`, or `offset` away from it."""

    offset: timedelta = timedelta()
    frozen_at: datetime | None = None


_source: Callable[[], Setting] | None = None
_setting = Setting()


def install(source: Callable[[], Setting] | None) -> None:
    """Name where the shared setting is read; None leaves the wall clock alone (production)."""
    global _source, _setting
    _source = source
    _setting = Setting()


def refresh() -> None:
    """Read the shared setting again; without a source this costs nothing."""
    global _setting
    if _source is not None:
        _setting = _source()


def wall() -> datetime:
    """Wire time, aware, UTC."""
    return datetime.now(UTC)


def now() -> datetime:
    """Business time, aware, UTC."""
    if _setting.frozen_at is not None:
        return _setting.frozen_at
    return wall() + _setting.offset


def today() -> date:
    """The business day in Yichun."""
    return now().astimezone(SHANGHAI).date()


def at(day: date, hour: int, minute: int = 0) -> datetime:
    """A time of day in Yichun, as an aware datetime."""
    return datetime.combine(day, time(hour, minute), SHANGHAI)
