"""Counting tries of anything guessable. The counter commits on its own: a refused try counts too."""

from django.db import connection

from marketplace.kernel import clock
from marketplace.kernel.errors import RateLimited


def hit(key: str, *, limit: int, per_s: int) -> None:
    """Count one try of `key`; raises RateLimited beyond `limit` in the running window of `per_s` seconds.

    Call it outside the guarded transaction, else a refusal would roll the count back.
    """
    window = int(clock.wall().timestamp()) // per_s
    with connection.cursor() as cursor:
        cursor.execute(
            'INSERT INTO api_ratecounter (key, "window", hits) VALUES (%s, %s, 1) '
            'ON CONFLICT (key, "window") DO UPDATE SET hits = api_ratecounter.hits + 1 RETURNING hits',
            [key[:200], window],
        )
        hits: int = cursor.fetchone()[0]
    if hits > limit:
        raise RateLimited()
