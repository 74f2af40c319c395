"""The task queue: Celery carries the heavy (planning) and the remote (gateway); rows say what is due."""

import logging
import os
import time
from threading import Thread
from typing import Any

from celery import Celery
from celery.signals import task_prerun, worker_ready
from django.db import DatabaseError, connection

from marketplace.kernel import clock

log = logging.getLogger(__name__)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketplace.settings")
app = Celery("yinong")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_ready.connect
def _show_life(**_: Any) -> None:
    """A thread of the worker's main process tells /healthz that it lives."""
    Thread(target=_beat_for_ever, daemon=True, name="heartbeat").start()


def _beat_for_ever() -> None:
    from marketplace.database import heartbeat

    while True:
        try:
            heartbeat.beat("worker")
        except DatabaseError as error:
            log.warning("heartbeat not written: %s", type(error).__name__)
            connection.close()
        time.sleep(heartbeat.EVERY_S)


@task_prerun.connect
def _hold_business_time(**_: Any) -> None:
    clock.refresh()
