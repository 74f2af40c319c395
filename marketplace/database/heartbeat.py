"""Saying "I live", at most every few seconds."""

import time

from marketplace.database.models import Heartbeat
from marketplace.kernel import clock

EVERY_S = 4.0
_last: dict[str, float] = {}


def beat(process: str) -> None:
    """Record a sign of life of this process; cheap to call in a loop."""
    if time.monotonic() - _last.get(process, -EVERY_S) < EVERY_S:
        return
    _last[process] = time.monotonic()
    Heartbeat.objects.update_or_create(process=process, defaults={"at": clock.wall()})
