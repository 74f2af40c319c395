"""All rows of the database in one digest per table: what a refusal must leave as it was.

PostgreSQL counts what the open transaction has written to each table, undone writes included. Only the
tables whose count has moved are read again: a refusal is looked at a thousand times.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from django.db import connection

#: tries are counted whatever comes of them; the rest is written by nobody but migrations
APART = frozenset({"api_ratecounter", "auth_permission", "django_content_type", "django_migrations"})
WRITTEN = "SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_xact_user_tables"


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows at one moment of the open transaction: table -> digest, and table -> writes until then."""

    digests: dict[str, str]
    written: dict[str, int]

    def standing(self) -> "Rows":
        """The same rows at this moment: what has been written since was undone."""
        return replace(self, written=_written())

    def changed(self) -> list[str]:
        """The tables that are not as they were."""
        moved = [table for table, writes in _written().items() if writes != self.written.get(table, 0)]
        now = _digests(moved)
        return sorted(table for table, digest in now.items() if self.digests.get(table) != digest)


def rows() -> Rows:
    """As they are now, in a transaction that stays open as long as they are asked about."""
    assert connection.in_atomic_block
    return Rows(_digests(connection.introspection.table_names()), _written())


def _written() -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute(WRITTEN)
        return dict(cursor.fetchall())


def _digests(tables: Iterable[str]) -> dict[str, str]:
    read = [
        f"SELECT '{table}', count(*) || ':' || coalesce(sum(hashtextextended(t::text, 0)), 0) "
        f'FROM "{table}" t'
        for table in sorted(set(tables) - APART)
    ]
    if not read:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(read))
        return dict(cursor.fetchall())
