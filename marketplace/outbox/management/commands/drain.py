"""The drain: delivers outbox events and does due work from rows. Needs only PostgreSQL."""

import logging
import signal
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from django.core.management.base import BaseCommand
from django.db import InterfaceError, OperationalError, close_old_connections, connection

from marketplace.database.heartbeat import beat
from marketplace.database.models import Heartbeat
from marketplace.kernel import clock
from marketplace.outbox.delivery import Wiring, deliver_next

log = logging.getLogger("drain")
DUE_EVERY_S = 1.0
DUE_AFTER_DELIVERY_S = 0.15
#: heartbeat row that says when the last sweep over all due work began: whoever moves the day waits for it
SWEEP = "due work"
IDLE_WAIT_S = 0.5


class Command(BaseCommand):
    help = "Deliver outbox events and do due work until told to stop."

    def handle(self, *args: Any, **options: Any) -> None:
        wiring = import_module("marketplace.wiring")
        stopping: list[int] = []
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda got, _frame: stopping.append(got))
        while not stopping:
            try:
                _work(wiring.HANDLERS, wiring.DUE_WORK, lambda: bool(stopping))
            except (OperationalError, InterfaceError) as error:
                log.warning("database away, trying again: %s", error)
                connection.close()
                time.sleep(1)


def _work(handlers: Wiring, due_work: Sequence[Callable[[], object]], stopping: Callable[[], bool]) -> None:
    close_old_connections()
    _listen()
    next_due = time.monotonic()
    while not stopping():
        if time.monotonic() >= next_due:
            beat("drain")
            do_due_work(due_work)
            next_due = time.monotonic() + DUE_EVERY_S
        if deliver_next(handlers):
            # What an event changed may be due at once: a closed cycle has legs to plan.
            next_due = min(next_due, time.monotonic() + DUE_AFTER_DELIVERY_S)
        elif _woken(min(IDLE_WAIT_S, max(0.0, next_due - time.monotonic()))):
            next_due = time.monotonic()


def do_due_work(due_work: Sequence[Callable[[], object]]) -> None:
    """Each job finds its own due rows; one that fails is logged and does not stop the others."""
    clock.refresh()
    began = clock.wall()
    for job in due_work:
        try:
            job()
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            log.exception("due work failed: %s", getattr(job, "__qualname__", job))
    Heartbeat.objects.update_or_create(process=SWEEP, defaults={"at": began})


def _listen() -> None:
    with connection.cursor() as cursor:
        cursor.execute("LISTEN outbox")
        cursor.execute("LISTEN business_time")


def _woken(timeout_s: float) -> bool:
    """Wait for a notification; True when business time was moved, so that due work runs at once."""
    raw = connection.connection
    return any(note.channel == "business_time" for note in raw.notifies(timeout=timeout_s, stop_after=1))
