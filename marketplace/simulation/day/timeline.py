"""What happens when: acts by business time, run group by group while the clock stands still."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby

Act = Callable[[], Awaitable[None]]
#: acts of one van within this many minutes share a stop of the clock
GRAIN = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Happening:
    """One act at a time. Acts of one lane (a van, a station, a person) never overlap and keep their order."""

    at: datetime
    lane: str
    act: Act
    once: bool = False
    """It cannot be repeated: left out when business time has passed it, because an earlier run did it."""


@dataclass(slots=True)
class Timeline:
    happenings: list[Happening] = field(default_factory=list)

    def add(self, at: datetime, lane: str, act: Act, *, once: bool = False) -> None:
        self.happenings.append(Happening(at, lane, act, once))

    def __len__(self) -> int:
        return len(self.happenings)

    def groups(self) -> Iterator[tuple[datetime, list[Happening]]]:
        """(time on the grid, its acts in order of their own time); nothing happens before its time."""
        ordered = sorted(self.happenings, key=lambda each: each.at)
        for moment, members in groupby(ordered, key=lambda each: on_grid(each.at)):
            yield moment, list(members)

    async def run(
        self,
        *,
        jump: Callable[[datetime], Awaitable[datetime]],
        done: Callable[[int], None] = lambda _: None,
        left_out: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Jump to each group's time, then do its acts: lanes side by side, each lane in order.

        `jump` gives the business time that it is then: later than asked for when an earlier run got further.
        `left_out` hears the lane of each act that an earlier run did and that cannot be repeated.
        """
        for moment, group_of_acts in self.groups():
            now = await jump(moment)
            members = [each for each in group_of_acts if not (each.once and moment < now)]
            for each in group_of_acts:
                if each not in members:
                    left_out(each.lane)
            lanes: dict[str, list[Happening]] = {}
            for each in members:
                lanes.setdefault(each.lane, []).append(each)
            async with asyncio.TaskGroup() as group:
                for lane in lanes.values():
                    group.create_task(_in_order(lane))
            done(len(group_of_acts))


async def _in_order(lane: list[Happening]) -> None:
    for each in lane:
        await each.act()


def on_grid(at: datetime, grain: timedelta = GRAIN) -> datetime:
    """The next time on the grid, `at` itself when it lies on it."""
    seconds = grain.total_seconds()
    return datetime.fromtimestamp(math.ceil(at.timestamp() / seconds) * seconds, tz=at.tzinfo)
