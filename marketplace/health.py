"""/healthz: 200 once everything answers, 503 naming what does not."""

from collections.abc import Callable
from datetime import timedelta

import orjson
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache

from marketplace.database.models import Heartbeat
from marketplace.kernel import clock

STALE = timedelta(seconds=15)


@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """JSON: each dependency's state, "ok" or a short reason without addresses or secrets."""
    states = {name: _state(probe) for name, probe in PROBES.items()}
    healthy = all(state == "ok" for state in states.values())
    return HttpResponse(
        orjson.dumps({"healthy": healthy, **states}),
        content_type="application/json",
        status=200 if healthy else 503,
    )


def _state(probe: Callable[[], str]) -> str:
    try:
        return probe()
    except Exception as error:  # noqa: BLE001 - the page's purpose is to name what is away
        return type(error).__name__


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return "ok"


def _queue() -> str:
    if settings.REDIS_URL.startswith("memory:"):
        return "ok"
    from redis import Redis

    url = settings.REDIS_URL.removeprefix("redis+socket://")
    client = (
        Redis.from_url(settings.REDIS_URL, socket_timeout=1)
        if url == settings.REDIS_URL
        else Redis(unix_socket_path=url.partition("?")[0], socket_timeout=1)
    )
    client.ping()
    return "ok"


def _process(name: str) -> Callable[[], str]:
    def probe() -> str:
        beat = Heartbeat.objects.filter(process=name).order_by("-at").first()
        if beat is None:
            return "never seen"
        return "ok" if clock.wall() - beat.at < STALE else "silent"

    return probe


PROBES: dict[str, Callable[[], str]] = {
    "database": _database,
    "queue": _queue,
    "drain": _process("drain"),
    "ingest": _process("ingest"),
    "worker": _process("worker"),
}
