"""Answers by Idempotency-Key: the same key and body get the same answer, and nothing is done twice."""

from dataclasses import dataclass
from datetime import timedelta

from django.db import connection

from marketplace.kernel import clock
from marketplace.kernel.ids import uuid7
from orders.payments.models import IdempotencyKey
from orders.payments.stripe_api.errors import ApiError

KEY_MAX = 255
#: The claim need not wait for the disk: whatever is written after it is behind it in the same log, so a crash
#: that forgets the claim has forgotten the work too.
_CLAIM = """
INSERT INTO payments_idempotencykey (uuid, key, path, body_hash, answer, request_id, started_at)
SELECT %s, %s, %s, %s, '', %s, %s FROM set_config('synchronous_commit', 'off', true)
ON CONFLICT (key) DO NOTHING
"""
_KEEP = "UPDATE payments_idempotencykey SET status_code = %s, answer = %s WHERE key = %s"
#: a call that has not answered by then is taken for dead, and its key may be used for another try
LEASE = timedelta(seconds=60)
KEPT_FOR = timedelta(hours=48)


@dataclass(frozen=True)
class Stored:
    status: int
    body: str
    replayed: bool = False


def begin(*, key: str, path: str, body_hash: str, request_id: str) -> Stored | None:
    """None: go on, the key is yours. Eight at once: the unique key lets one through, the others get 409.

    Raises ApiError: too long, used for another request, or still at work.
    """
    if len(key) > KEY_MAX:
        raise ApiError(400, f"Idempotency-Key is longer than {KEY_MAX} characters.", type="idempotency_error")
    now = clock.wall()
    with connection.cursor() as cursor:  # one statement, where the ORM needs a transaction around three
        cursor.execute(_CLAIM, [uuid7(), key, path[:200], body_hash, request_id, now])
        if cursor.rowcount:
            return None
    row = IdempotencyKey.objects.filter(key=key).first()
    if row is None:  # given back between the two statements
        return begin(key=key, path=path, body_hash=body_hash, request_id=request_id)
    if (row.path, row.body_hash) != (path[:200], body_hash):
        raise ApiError(
            400,
            "Keys for idempotent requests can only be used with the parameters they were first used with.",
            type="idempotency_error",
        )
    if row.status_code is not None:
        return Stored(status=row.status_code, body=row.answer, replayed=True)
    # Its process may have died: one caller takes the key over, by a guarded update.
    died = IdempotencyKey.objects.filter(pk=row.pk, status_code=None, started_at__lt=now - LEASE)
    if died.update(started_at=now, request_id=request_id):
        return None
    raise ApiError(
        409,
        "There is currently another in-progress request using this Idempotency-Key.",
        type="idempotency_error",
        code="idempotency_key_in_use",
    )


def keep(*, key: str, stored: Stored) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, [stored.status, stored.body, key])


def forget(*, key: str) -> None:
    """Nothing was done under this key: it may be used again, also with other parameters."""
    IdempotencyKey.objects.filter(key=key, status_code=None).delete()


def drop_old_keys() -> int:
    """Keys older than two days; returns how many."""
    return int(IdempotencyKey.objects.filter(started_at__lt=clock.wall() - KEPT_FOR).delete()[0])
