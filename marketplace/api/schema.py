"""The edge's own root field: acts done offline."""

import graphene
import orjson

from marketplace.api.errors import UserError
from marketplace.api.guard import SIGNED_IN
from marketplace.api.mutations import Command
from marketplace.api.offline import Operation, submit
from marketplace.kernel.errors import N_, InvalidInput
from marketplace.kernel.ids import parse_uuid
from marketplace.kernel.texts import require_text
from marketplace.kernel.units import require_between

#: what an operation's row holds
MAX_DEVICE, MAX_TYPE, MAX_SEQ, MAX_VERSION = 80, 60, 2**31 - 1, 2**15 - 1


class OperationInput(graphene.InputObjectType):
    op_id = graphene.ID(required=True, description="UUIDv7 made by the device")
    seq = graphene.Int(required=True)
    type = graphene.String(required=True, description="name of the mutation")
    event_time = graphene.DateTime(required=True)
    base_version = graphene.Int()
    schema_version = graphene.Int(required=True)
    payload = graphene.String(required=True, description="the mutation's arguments as JSON")


class OperationResult(graphene.ObjectType):
    op_id = graphene.ID(required=True)
    outcome = graphene.String(required=True, description="applied, duplicate, conflict or refused")
    truth = graphene.String(required=True, description="JSON: what is true now")
    errors = graphene.List(graphene.NonNull(UserError), required=True)


class SubmitOperations(Command):
    class Arguments:
        device = graphene.String(required=True)
        operations = graphene.List(graphene.NonNull(OperationInput), required=True)

    results = graphene.List(graphene.NonNull(OperationResult))
    rule = SIGNED_IN
    atomic = False  # each operation is a transaction of its own
    files = frozenset({"payload"})

    @classmethod
    def mutate(cls, root, info, **arguments):
        return super().mutate(root, info, schema=info.schema, **arguments)

    @classmethod
    def perform(cls, principal, *, device, operations, schema):
        outcomes = submit(
            principal=principal,
            device=require_text(device, most=MAX_DEVICE, field="device"),
            schema=schema,
            operations=[_operation(index, operation) for index, operation in enumerate(operations)],
        )
        return {
            "results": [
                OperationResult(
                    op_id=str(outcome.op_uuid),
                    outcome=outcome.outcome,
                    truth=orjson.dumps(outcome.truth).decode(),
                    errors=[UserError(**error) for error in outcome.errors],
                )
                for outcome in outcomes
            ]
        }


def _operation(index, given) -> Operation:
    try:
        payload = orjson.loads(given.payload)
    except orjson.JSONDecodeError:
        payload = None
    if not isinstance(payload, dict):
        raise InvalidInput(N_("应为 JSON 对象"), field=f"operations[{index}].payload")
    return Operation(
        op_uuid=parse_uuid(given.op_id, f"operations[{index}].op_id"),
        seq=require_between(given.seq, 0, MAX_SEQ, f"operations[{index}].seq"),
        type=require_text(given.type, most=MAX_TYPE, field=f"operations[{index}].type"),
        event_time=given.event_time,
        payload=payload,
        base_version=_version(given.get("base_version"), f"operations[{index}].base_version"),
        schema_version=_version(given.schema_version, f"operations[{index}].schema_version"),
    )


def _version(value, field):
    return value if value is None else require_between(value, 0, MAX_VERSION, field)


class Query(graphene.ObjectType):
    pass


class Mutation(graphene.ObjectType):
    submit_operations = SubmitOperations.Field()
