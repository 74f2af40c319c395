"""Time as a simulated cabinet sees it.

Business time comes from outside (the shared clock, by message or over the control interface): it runs,
stands, or jumps, and is never run faster. Door time-outs and command expiry are wire time and always run.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from marketplace.kernel import clock


class WorldClock:
    """The time of the simulated world. Without a word from outside it is the wall clock."""

    def __init__(
        self,
        *,
        wall: Callable[[], datetime] = clock.wall,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self.wall = wall
        self.seconds = seconds
        self._offset = timedelta()
        self._frozen_at: datetime | None = None

    def now(self) -> datetime:
        return self._frozen_at or self.wall() + self._offset

    @property
    def frozen(self) -> bool:
        return self._frozen_at is not None

    def set(self, at: datetime, *, frozen: bool) -> None:
        """Jump to `at`, and stand there or run on from there."""
        self._offset = at - self.wall()
        self._frozen_at = at if frozen else None
