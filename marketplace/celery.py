"""The task queue: Celery carries the heavy (planning) and the remote (gateway); rows say what is due."""

import os
from typing import Any

from celery import Celery
from celery.signals import task_prerun

from marketplace.kernel import clock

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketplace.settings")
app = Celery("yinong")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@task_prerun.connect
def _hold_business_time(**_: Any) -> None:
    clock.refresh()
