"""An intent alone in its group, written with all that goes with it by one statement, which is one commit.

Group, intent, attempt, the events with their deliveries, and the answer under the call's Idempotency-Key
stand or fall together. Ten statements and three commits, as the ORM makes them, were most of a call's cost.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

import orjson
from django.db import connection, models, transaction

from orders.payments.models import Attempt, PaymentGroup, PaymentIntent
from orders.payments.services.developer_events import TELL, Fact, current_request, told
from orders.payments.states import IntentStatus

_CREATE = """
WITH made_group AS (INSERT INTO payments_paymentgroup ({group}) VALUES ({group_values}) RETURNING id),
intent AS (
    INSERT INTO payments_paymentintent ({intent}, group_id)
    SELECT {intent_values}, made_group.id FROM made_group RETURNING id, group_id
)
"""
#: The group's lock first, as everywhere. `xmin` is the version of a row: whoever changed one of the two
#: between our reading and the lock makes this find nothing, and then nothing at all is written.
_OFFER = """
WITH held AS (SELECT id FROM payments_paymentgroup WHERE id = %s AND xmin::text = %s FOR UPDATE),
intent AS (
    UPDATE payments_paymentintent AS intent SET status = %s, payment_method = %s, confirmed_at = %s
    FROM held WHERE intent.id = %s AND intent.group_id = held.id AND intent.xmin::text = %s
    RETURNING intent.id, intent.group_id
),
offered AS (
    UPDATE payments_paymentgroup AS parent SET link_expires_at = %s, return_url = %s, pay_url = %s
    FROM intent WHERE parent.id = intent.group_id
)
"""
_ATTEMPT = """,
attempt AS (INSERT INTO payments_attempt ({attempt}, intent_id) SELECT {attempt_values}, id FROM intent)
"""
_KEEP = """,
kept AS (UPDATE payments_idempotencykey SET status_code = 200, answer = %s FROM intent WHERE key = %s)
"""
_READ = """
SELECT {intent}, {group}, intent.xmin::text, parent.xmin::text,
    (SELECT count(*) FROM payments_paymentintent AS beside WHERE beside.group_id = parent.id)
FROM payments_paymentintent AS intent JOIN payments_paymentgroup AS parent ON parent.id = intent.group_id
WHERE intent.uuid = %s
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """An intent with its group, read without a lock: good for one `offer` if nobody changes them."""

    intent: PaymentIntent
    versions: tuple[str, str]
    """Of the intent's row and of its group's."""
    alone: bool


def read_intent(uuid: UUID | None) -> Seen | None:
    intent_fields, group_fields = _fields(PaymentIntent), _fields(PaymentGroup)
    with connection.cursor() as cursor:
        cursor.execute(_read_sql(), [uuid])
        row = cursor.fetchone()
    if row is None:
        return None
    cut = len(intent_fields)
    intent = _hydrated(PaymentIntent, row[:cut])
    intent.group = _hydrated(PaymentGroup, row[cut : cut + len(group_fields)])
    return Seen(intent, (row[-3], row[-2]), alone=row[-1] == 1)


def create(
    intent: PaymentIntent, *, attempt: Attempt | None, facts: Sequence[Fact], last: bool = True
) -> None:
    """Writes an unsaved intent in its unsaved group; both learn their ids. If it is the `last` step
    of an API call, the last fact is the call's answer.

    Raises IntegrityError, with nothing written, if the intent's uuid is taken.
    """
    fill = _listed("group", PaymentGroup) | _listed("intent", PaymentIntent, but="group_id")
    params = _values(intent.group) + _values(intent, but="group_id")
    with _savepoint_inside_transactions():
        ids = _written(_CREATE.format_map(fill), params, attempt, facts, last=last)
    intent.pk, intent.group.pk = ids or (None, None)
    intent.group = intent.group  # takes the fresh id over


def offer(seen: Seen, *, attempt: Attempt, facts: Sequence[Fact]) -> bool:
    """Writes the move to `requires_action` as it stands in memory. False, and nothing is written, if the
    intent or its group changed since they were read."""
    intent, group = seen.intent, seen.intent.group
    params = [
        group.pk, seen.versions[1],
        IntentStatus.REQUIRES_ACTION, intent.payment_method, intent.confirmed_at, intent.pk, seen.versions[0],
        group.link_expires_at, group.return_url, group.pay_url,
    ]  # fmt: skip
    return _written(_OFFER, params, attempt, facts) is not None


def _written(
    sql: str, params: list[Any], attempt: Attempt | None, facts: Sequence[Fact], *, last: bool = True
) -> tuple[int, int] | None:
    """(intent's id, its group's id)."""
    if attempt is not None:
        sql += _ATTEMPT.format_map(_listed("attempt", Attempt, but="intent_id"))
        params = params + _values(attempt, but="intent_id")
    sql, params = f"{sql},{TELL.format(beside=', intent')}", params + told(facts)
    request, answer = current_request.get(), facts[-1][1]
    keeps = last and request is not None and request.plain
    if request is not None and keeps:
        sql, params = sql + _KEEP, [*params, orjson.dumps(answer).decode(), request.idempotency_key]
    with connection.cursor() as cursor:
        cursor.execute(f"{sql}SELECT id, group_id FROM intent", params)
        found: tuple[int, int] | None = cursor.fetchone()
    if request is not None and keeps and found is not None:
        request.kept = answer
    return found


def _savepoint_inside_transactions() -> AbstractContextManager[Any]:
    """A refused statement undoes itself; only a transaction around it would be broken by it."""
    return transaction.atomic() if connection.in_atomic_block else nullcontext()


@cache
def _fields(model: type[models.Model]) -> tuple["models.Field[Any, Any]", ...]:
    return tuple(model._meta.concrete_fields)


@cache
def _read_sql() -> str:
    def named(alias: str, model: type[models.Model]) -> str:
        return ", ".join(f"{alias}.{field.column}" for field in _fields(model))

    return _READ.format(intent=named("intent", PaymentIntent), group=named("parent", PaymentGroup))


@cache
def _written_fields(model: type[models.Model], but: str) -> tuple["models.Field[Any, Any]", ...]:
    return tuple(f for f in _fields(model) if not f.primary_key and f.column != but)


@cache
def _listed_once(name: str, model: type[models.Model], but: str) -> Mapping[str, str]:
    columns = [str(field.column) for field in _written_fields(model, but)]
    return {name: ", ".join(columns), f"{name}_values": ", ".join(["%s"] * len(columns))}


def _listed(name: str, model: type[models.Model], *, but: str = "") -> dict[str, str]:
    return dict(_listed_once(name, model, but))


def _values(row: models.Model, *, but: str = "") -> list[Any]:
    return [
        field.get_db_prep_save(getattr(row, field.attname), connection)
        for field in _written_fields(type(row), but)
    ]


def _hydrated(model: Any, values: Sequence[Any]) -> Any:
    fields = _fields(model)
    plain = [
        field.from_db_value(value, None, connection) if hasattr(field, "from_db_value") else value
        for field, value in zip(fields, values, strict=True)
    ]
    return model.from_db(connection.alias, [field.attname for field in fields], plain)
