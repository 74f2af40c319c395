"""Moving the day: business time jumps from event to event and stands still while anything is in flight."""

import asyncio
import time
from datetime import datetime
from typing import Any

from marketplace.simulation.day.cast import Person

#: two quiet looks in a row, this far apart: an event may be on its way between two tables
LOOK_AGAIN_S = 0.05
POLL_S = 0.1
#: the longest that a plan, a refund or a kill of a process may take
STILL_FOR_S = 300.0


class NeverQuiet(Exception):
    """Something stays in flight: the last look tells what."""


class DayClock:
    """Business time through the tester's console."""

    def __init__(self, tester: Person, *, still_for_s: float = STILL_FOR_S) -> None:
        self._tester, self._still_for_s = tester, still_for_s
        self.jumps = 0

    async def now(self) -> datetime:
        clock = await self._tester.ask("TestClock")
        return datetime.fromisoformat(clock["businessNow"])

    async def quiet(self) -> None:
        """Wait until nothing is in flight. Raises NeverQuiet naming what is."""
        until = time.monotonic() + self._still_for_s
        looks = 0
        while looks < 2:
            seen = await self._tester.ask("Quiescence")
            looks = looks + 1 if seen["quiet"] else 0
            if time.monotonic() > until:
                raise NeverQuiet(_in_flight(seen))
            if looks < 2:
                await asyncio.sleep(LOOK_AGAIN_S if seen["quiet"] else POLL_S)

    async def jump(self, at: datetime) -> datetime:
        """Move to `at` once all is quiet and wait for what follows; never back. The time it is then."""
        await self.quiet()
        now = await self.now()
        if at <= now:
            return now
        await self._tester.ask("SetTestClock", at=at.isoformat(), frozen=True)
        self.jumps += 1
        await self.quiet()
        return at


def _in_flight(seen: dict[str, Any]) -> str:
    return ", ".join(f"{name} {count}" for name, count in seen.items() if name != "quiet" and count)
