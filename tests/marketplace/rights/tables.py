"""All rows of the database in one digest per table: what a refusal must leave as it was."""

from typing import Any

from django.db import connection

#: tries are counted whatever comes of them; the rest is written by nobody but migrations
APART = frozenset({"api_ratecounter", "auth_permission", "django_content_type", "django_migrations"})
_prepared: set[Any] = set()


def digests() -> dict[str, str]:
    """table -> count and digest of its rows."""
    with connection.cursor() as cursor:
        if connection.connection not in _prepared:
            cursor.execute(f"PREPARE digests AS {_statement()}")
            _prepared.add(connection.connection)
        cursor.execute("EXECUTE digests")
        return dict(cursor.fetchall())


def changed(before: dict[str, str]) -> list[str]:
    """The tables that are not as they were."""
    return sorted(table for table, digest in digests().items() if before[table] != digest)


def _statement() -> str:
    tables = sorted(set(connection.introspection.table_names()) - APART)
    return " UNION ALL ".join(
        f"SELECT '{table}', count(*) || ':' || coalesce(sum(hashtextextended(t::text, 0)), 0) "
        f'FROM "{table}" t'
        for table in tables
    )
