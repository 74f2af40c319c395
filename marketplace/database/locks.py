"""Row locks in one written order, so that no two requests wait for each other.

Take locks late, once, and in this order; within one table by primary key:

    cart -> order -> line -> fulfilment -> payment group -> intent -> refund
         -> stock -> capacity hold -> allocation -> shipment -> plan -> handling unit -> ledger
"""

import zlib
from collections.abc import Sequence
from typing import TypeVar

from django.db import connection, models

M = TypeVar("M", bound=models.Model)


def lock_rows(queryset: models.QuerySet[M]) -> list[M]:
    """The rows, locked FOR UPDATE in primary key order; joined tables stay free."""
    return list(queryset.order_by("pk").select_for_update(of=("self",)))


def lock_key(name: str) -> None:
    """An advisory lock on a name until the transaction ends (for things that have no row yet)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_SPACE, _signed(zlib.crc32(name.encode()))])


def lock_keys(names: Sequence[str]) -> None:
    """lock_key for many names, in the given order, in one statement."""
    keys = [_signed(zlib.crc32(name.encode())) for name in names]
    with connection.cursor() as cursor:
        # A function scan over an array gives its elements in their order, and the lock is taken row by row.
        cursor.execute("SELECT pg_advisory_xact_lock(%s, key) FROM unnest(%s::int[]) AS key", [_SPACE, keys])


_SPACE = 20_151


def _signed(value: int) -> int:
    return value - (1 << 32) if value >= 1 << 31 else value
