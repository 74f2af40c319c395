"""Acts done without network: the same commands, at their own time, each answered and never done twice.

Order of effects per operation: find a row with this opId (then it is a duplicate and the stored outcome is
told again) -> run the command as of its event time -> store the outcome, all in one transaction. A refusal is
stored too, so that the device can forget the operation and show both sides to the person.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from django.db import transaction
from graphql import (
    GraphQLArgument,
    GraphQLError,
    GraphQLSchema,
    Undefined,
    coerce_input_value,
    is_required_argument,
)

from marketplace.api.errors import refusal
from marketplace.api.models import OfflineOperation
from marketplace.api.mutations import Command
from marketplace.kernel import clock
from marketplace.kernel.errors import (
    N_,
    Conflict,
    DomainError,
    InvalidInput,
    RateLimited,
    TryAgain,
    Unauthenticated,
)
from marketplace.kernel.principal import Principal

SCHEMA_VERSION = 1
MAX_OPERATIONS = 200
MAX_AGE = timedelta(days=7)
MAX_AHEAD = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Operation:
    op_uuid: UUID
    seq: int
    type: str
    event_time: datetime
    payload: Mapping[str, Any]
    base_version: int | None = None
    schema_version: int = SCHEMA_VERSION


@dataclass(frozen=True, slots=True)
class Outcome:
    """`outcome` is applied, duplicate, conflict (see `truth`) or refused (see `errors`)."""

    op_uuid: UUID
    outcome: str
    truth: dict[str, Any] = field(default_factory=dict)
    errors: list[dict[str, Any]] = field(default_factory=list)


def submit(
    *, principal: Principal, device: str, operations: list[Operation], schema: GraphQLSchema
) -> list[Outcome]:
    """Apply the device's operations in its own order (seq). Each stands or falls alone.

    `schema` says of which types a mutation's arguments are, as for a request that comes at once.
    """
    if principal.user_uuid is None:
        raise Unauthenticated()
    if len(operations) > MAX_OPERATIONS:
        raise InvalidInput(
            N_("一次最多上传 %(limit)s 条操作"), field="operations", params={"limit": MAX_OPERATIONS}
        )
    return [
        _apply(principal=principal, device=device, operation=operation, schema=schema)
        for operation in sorted(operations, key=lambda operation: operation.seq)
    ]


def _apply(*, principal: Principal, device: str, operation: Operation, schema: GraphQLSchema) -> Outcome:
    actor_uuid = principal.user_uuid
    assert actor_uuid is not None  # submit() let only users in
    with transaction.atomic():
        row, fresh = OfflineOperation.objects.get_or_create(
            uuid=operation.op_uuid,
            defaults={
                "device": device,
                "actor_uuid": actor_uuid,
                "seq": operation.seq,
                "type": operation.type,
                "schema_version": operation.schema_version,
                "base_version": operation.base_version,
                "event_time": operation.event_time,
                "received_at": clock.wall(),
                "payload": _storable(operation.payload),
                "outcome": "pending",
            },
        )
        if not fresh:
            return _duplicate(row, principal)
        outcome = _run(principal, operation, schema)
        row.outcome, row.truth, row.errors = outcome.outcome, outcome.truth, outcome.errors
        row.save(update_fields=["outcome", "truth", "errors"])
    return outcome


def _storable(payload: Mapping[str, Any]) -> Any:
    """The payload as jsonb keeps it: NUL, for which the command is about to refuse it, becomes U+FFFD."""
    return orjson.loads(orjson.dumps(payload).replace(b"\\u0000", "\ufffd".encode()))


def _duplicate(row: OfflineOperation, principal: Principal) -> Outcome:
    if row.actor_uuid != principal.user_uuid:
        raise Conflict(N_("这个操作编号属于另一个人"), field="op_id")
    return Outcome(row.uuid, "duplicate", {"outcome": row.outcome, **row.truth}, row.errors)


def _run(principal: Principal, operation: Operation, schema: GraphQLSchema) -> Outcome:
    try:
        with transaction.atomic(), clock.as_of(_checked_time(operation)):
            _command(operation).execute(principal, _arguments(operation, schema))
    except (TryAgain, RateLimited):
        raise  # not the operation's fault: nothing is stored, the device sends it again
    except DomainError as error:
        outcome = "conflict" if isinstance(error, Conflict) else "refused"
        return Outcome(operation.op_uuid, outcome, _truth(error), [dict(refusal(error).as_json())])
    return Outcome(operation.op_uuid, "applied")


def _truth(error: DomainError) -> dict[str, Any]:
    """What is true now, as far as the refusing service said it in its params."""
    return {name: str(value) for name, value in error.params.items()}


def _command(operation: Operation) -> type[Command]:
    if operation.schema_version != SCHEMA_VERSION:
        raise InvalidInput(N_("应用版本过旧，请更新后再同步"), field="schema_version")
    command = Command.by_name.get(operation.type)
    if command is None or not command.offline:
        raise InvalidInput(N_("这种操作不能离线完成"), field="type")
    return command


def _arguments(operation: Operation, schema: GraphQLSchema) -> dict[str, Any]:
    """The payload as the mutation's own arguments, checked against their GraphQL types."""
    assert schema.mutation_type is not None
    declared = schema.mutation_type.fields[operation.type].args
    given = {name: value for name, value in operation.payload.items() if name != "idempotencyKey"}
    unknown = sorted(set(given) - set(declared))
    if unknown:
        raise InvalidInput(N_("不认识的字段"), field=f"payload.{unknown[0]}")
    arguments: dict[str, Any] = {}
    for name, argument in declared.items():
        if name in given:
            arguments[argument.out_name or name] = _coerced(given[name], argument, f"payload.{name}")
        elif is_required_argument(argument):
            raise InvalidInput(N_("缺少字段"), field=f"payload.{name}")
        elif argument.default_value is not Undefined:
            arguments[argument.out_name or name] = argument.default_value
    return arguments


def _coerced(value: Any, argument: GraphQLArgument, field: str) -> Any:
    def refuse(path: list[str | int], _value: Any, _error: GraphQLError) -> None:
        raise InvalidInput(N_("字段类型不正确"), field=".".join([field, *map(str, path)]))

    return coerce_input_value(value, argument.type, refuse)


def _checked_time(operation: Operation) -> datetime:
    """The device's time, believed within a week back and ten minutes ahead."""
    now = clock.now()
    if not now - MAX_AGE <= operation.event_time <= now + MAX_AHEAD:
        raise InvalidInput(N_("设备时间不可信，请校准手机时间"), field="event_time")
    return min(operation.event_time, now)
