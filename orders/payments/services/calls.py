"""Keeping what was asked of the provider, and the waits between two tries."""

from datetime import datetime, timedelta

from django.db import connection

from marketplace.kernel import clock
from marketplace.kernel.ids import uuid7

_UPSERT = """
INSERT INTO payments_gatewaycall
    (uuid, operation, number, attempts, last_result, last_reason, first_at, last_at)
VALUES (%s, %s, %s, 1, %s, %s, %s, %s)
ON CONFLICT (operation, number) DO UPDATE SET attempts = payments_gatewaycall.attempts + 1,
    last_result = EXCLUDED.last_result, last_reason = EXCLUDED.last_reason, last_at = EXCLUDED.last_at
"""


def record_call(*, operation: str, number: str, result: str, reason: str = "") -> None:
    """One row per (operation, number), counted up by every try."""
    at = clock.wall()
    with connection.cursor() as cursor:
        cursor.execute(_UPSERT, [uuid7(), operation, number, result[:20], reason[:200], at, at])


def wait_until(*, tries: int, first_s: float, longest_s: float) -> datetime:
    """Wire time of the next try: the wait doubles from `first_s` up to `longest_s`."""
    return clock.wall() + timedelta(seconds=min(longest_s, first_s * 2.0 ** min(tries, 20)))
