"""Two clocks. `now()` is business time, which a tester or the simulation may move; `wall()` is wire time.

Business time is used for cut-offs, holds, storage periods and readings; wire time for signatures, TLS,
command expiry, door time-outs and leases. A process installs a source once (`marketplace.database` installs
the shared row) and calls `refresh()` at the start of each unit of work: request, task, delivered event.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
UTC = UTC


@dataclass(frozen=True, slots=True)
class Setting:
    """How business time follows the wall clock: standing at `frozen_at`, or `offset` away from it."""

    offset: timedelta = timedelta()
    frozen_at: datetime | None = None


_source: Callable[[], Setting] | None = None
_setting = Setting()
_as_of: ContextVar[datetime | None] = ContextVar("as_of", default=None)


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
    past = _as_of.get()
    if past is not None:
        return past
    if _setting.frozen_at is not None:
        return _setting.frozen_at
    return wall() + _setting.offset


@contextmanager
def as_of(moment: datetime) -> Iterator[None]:
    """Let business time be `moment` in this context: an act that happened offline keeps its own time."""
    token = _as_of.set(moment)
    try:
        yield
    finally:
        _as_of.reset(token)


def is_as_of() -> bool:
    """Whether an act of the past is being recorded: then it is a fact, and rules only add tasks to it."""
    return _as_of.get() is not None


def today() -> date:
    """The business day in Yichun."""
    return now().astimezone(SHANGHAI).date()


def at(day: date, hour: int, minute: int = 0) -> datetime:
    """A time of day in Yichun, as an aware datetime."""
    return datetime.combine(day, time(hour, minute), SHANGHAI)
