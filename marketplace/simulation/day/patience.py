"""Waiting for a server that was killed and comes back: what every client of the day does."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

#: how long a client waits in all
PATIENCE_S = 120.0
FIRST_WAIT_S, LONGEST_WAIT_S, GROWTH = 0.1, 2.0, 1.6
#: a proxy answers for a server that does not
GATEWAY_ERRORS = frozenset({502, 503, 504})


class Away(Exception):
    """A proxy answered for a server that is away."""


async def patiently(
    act: Callable[[], Awaitable[T]], *, again: Callable[[Exception], bool], patience_s: float = PATIENCE_S
) -> T:
    """What `act` gives, asked for again after each error that `again` accepts, at growing intervals.

    `act` must be safe to repeat. Raises the last error when patience is at its end, any other at once.
    """
    wait_s, waited_s = FIRST_WAIT_S, 0.0
    while True:
        try:
            return await act()
        except Exception as error:
            if not again(error) or waited_s >= patience_s:
                raise
        await asyncio.sleep(wait_s)
        waited_s += wait_s
        wait_s = min(LONGEST_WAIT_S, wait_s * GROWTH)
