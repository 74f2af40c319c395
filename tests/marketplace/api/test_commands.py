"""The edge's promises, shown on a small schema of its own over a real table (notices)."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import graphene
import orjson
import pytest

from marketplace.api.context import Context
from marketplace.api.execution import Executor
from marketplace.api.guard import PUBLIC, SIGNED_IN, guarded, require_rules, roles
from marketplace.api.models import IdempotencyRecord, OfflineOperation
from marketplace.api.mutations import Command
from marketplace.api.schema import Mutation as EdgeMutation
from marketplace.kernel import clock
from marketplace.kernel.errors import Conflict, InvalidInput
from marketplace.kernel.ids import uuid7
from marketplace.kernel.principal import Principal
from marketplace.messages.models import Notice
from marketplace.messages.schema import NoticeType
from marketplace.messages.services import send

pytestmark = pytest.mark.django_db(transaction=True)

ME = Principal(user_uuid=uuid7())


class WriteNote(Command):
    class Arguments:
        code = graphene.String(required=True)

    notice = graphene.Field(NoticeType)
    rule = SIGNED_IN
    idempotent = True
    offline = True

    @classmethod
    def perform(cls, principal: Principal, *, code: str) -> dict[str, Any]:
        if code == "bad":
            raise InvalidInput(field="net_weight_g")
        notice = send(
            template="sign_in_code", params={"code": code, "minutes": 5}, to_user_uuid=principal.user_uuid
        )
        if code == "taken":
            raise Conflict(params={"holder": "station"})
        return {"notice": notice}


class Query(graphene.ObjectType):
    numbers = graphene.List(graphene.Int, first=graphene.Int(default_value=3))
    secret = graphene.Int()
    broken = graphene.Int()

    @guarded(PUBLIC)
    def resolve_numbers(root: Any, info: Any, first: int) -> list[int]:
        return list(range(first))

    @guarded(roles("dispatcher"))
    def resolve_secret(root: Any, info: Any) -> int:
        return 7

    @guarded(PUBLIC)
    def resolve_broken(root: Any, info: Any) -> int:
        raise ZeroDivisionError("the password is hunter2")


class Mutation(EdgeMutation, graphene.ObjectType):
    write_note = WriteNote.Field()


SCHEMA = graphene.Schema(query=Query, mutation=Mutation)
EXECUTOR = Executor(SCHEMA.graphql_schema)


def ask(query: str, principal: Principal = ME, **variables: Any) -> Any:
    return EXECUTOR.run(query, variables, None, Context(principal=principal, language="zh-hans"))


WRITE = """mutation($code: String!, $key: String) { writeNote(code: $code, idempotencyKey: $key) {
  notice { id } errors { code field message } } }"""
SUBMIT = """mutation($ops: [OperationInput!]!) { submitOperations(device: "d1", operations: $ops) {
  results { opId outcome truth errors { code field } } errors { code field } } }"""


def test_one_key_has_one_effect_and_the_same_answer() -> None:
    first = ask(WRITE, code="1", key="k1")["data"]["writeNote"]
    again = ask(WRITE, code="1", key="k1")["data"]["writeNote"]
    assert first == again
    assert first["errors"] == []
    assert Notice.objects.count() == 1


def test_a_key_with_other_arguments_is_refused_and_a_failure_does_not_use_it_up() -> None:
    refused = ask(WRITE, code="bad", key="k2")["data"]["writeNote"]
    assert refused == {
        "notice": None,
        "errors": [{"code": "invalid", "field": "netWeightG", "message": "输入有误"}],
    }
    assert not IdempotencyRecord.objects.exists()
    assert ask(WRITE, code="2", key="k2")["data"]["writeNote"]["errors"] == []
    reused = ask(WRITE, code="3", key="k2")["data"]["writeNote"]["errors"]
    assert [(error["code"], error["field"]) for error in reused] == [
        ("idempotency_key_reused", "idempotencyKey")
    ]
    assert Notice.objects.count() == 1


def test_a_refusal_leaves_nothing_half_written() -> None:
    assert ask(WRITE, code="taken")["data"]["writeNote"]["errors"][0]["code"] == "conflict"
    assert not Notice.objects.exists()


def test_rules_tell_nobody_from_the_wrong_somebody() -> None:
    assert ask("{ secret }", Principal())["errors"][0]["extensions"]["code"] == "unauthenticated"
    assert ask("{ secret }")["errors"][0]["extensions"]["code"] == "forbidden"
    assert ask(WRITE, Principal(), code="1")["data"]["writeNote"]["errors"][0]["code"] == "unauthenticated"
    assert not Notice.objects.exists()


def test_a_schema_with_a_bare_root_field_is_refused() -> None:
    class Bare(graphene.ObjectType):
        open_door = graphene.Int()

        def resolve_open_door(root: Any, info: Any) -> int:
            return 1

    with pytest.raises(TypeError, match=r"Bare\.open_door"):
        require_rules(graphene.Schema(query=Bare, mutation=Mutation))


def test_our_own_failure_is_masked(caplog: pytest.LogCaptureFixture) -> None:
    answer = ask("{ broken }")
    assert answer["errors"][0]["extensions"] == {"code": "internal"}
    assert "hunter2" not in str(answer)
    assert "resolver failed" in caplog.text


def test_too_deep_and_too_costly_queries_are_refused_before_they_run(settings: Any) -> None:
    settings.GRAPHQL_MAX_COMPLEXITY, settings.GRAPHQL_MAX_DEPTH = 4, 2
    assert ask("{ numbers }") == {"data": {"numbers": [0, 1, 2]}}
    costly = "{ a: numbers b: numbers c: numbers d: numbers e: numbers }"
    assert ask(costly)["errors"][0]["extensions"]["code"] == "too_complex"
    deep = 'mutation { writeNote(code: "x") { notice { id } errors { code } } }'
    settings.GRAPHQL_MAX_DEPTH = 1
    assert ask(deep)["errors"][0]["extensions"]["code"] == "too_deep"
    assert not Notice.objects.exists()


def operation(code: str, seq: int = 1, op_id: UUID | None = None, **changes: Any) -> dict[str, Any]:
    return {
        "opId": str(op_id or uuid7()),
        "seq": seq,
        "type": "writeNote",
        "eventTime": clock.now().isoformat(),
        "schemaVersion": 1,
        "payload": orjson.dumps({"code": code}).decode(),
        **changes,
    }


def outcomes(*operations: dict[str, Any], principal: Principal = ME) -> list[str]:
    answer = ask(SUBMIT, principal, ops=list(operations))["data"]["submitOperations"]
    return [result["outcome"] for result in answer["results"]]


def test_offline_acts_are_answered_each_and_never_done_twice() -> None:
    good, taken, bad = operation("1", 1), operation("taken", 2), operation("bad", 3)
    assert outcomes(bad, taken, good) == ["applied", "conflict", "refused"]
    assert Notice.objects.count() == 1
    answer = ask(SUBMIT, ops=[good, taken, bad])["data"]["submitOperations"]["results"]
    assert [row["outcome"] for row in answer] == ["duplicate"] * 3
    assert orjson.loads(answer[1]["truth"]) == {"outcome": "conflict", "holder": "station"}
    assert answer[2]["errors"] == [{"code": "invalid", "field": "netWeightG"}]
    assert Notice.objects.count() == 1
    assert OfflineOperation.objects.count() == 3


def test_an_offline_act_keeps_its_own_time() -> None:
    earlier = clock.now() - timedelta(hours=5)
    assert outcomes(operation("1", eventTime=earlier.isoformat())) == ["applied"]
    assert Notice.objects.get().created_at == earlier


@pytest.mark.parametrize(
    "change",
    [
        {"type": "signIn"},
        {"schemaVersion": 2},
        {"payload": '{"code": "1", "extra": 2}'},
        {"payload": "{}"},
        {"payload": '{"code": 7}'},
        {"eventTime": "2020-01-01T00:00:00+00:00"},
        {"eventTime": "2090-01-01T00:00:00+00:00"},
    ],
)
def test_an_act_that_cannot_be_is_refused_by_name(change: dict[str, Any]) -> None:
    assert outcomes(operation("1", **change)) == ["refused"]
    assert not Notice.objects.exists()


def test_another_persons_operation_id_is_not_answered() -> None:
    mine = operation("1")
    assert outcomes(mine) == ["applied"]
    other = ask(SUBMIT, Principal(user_uuid=uuid7()), ops=[mine])["data"]["submitOperations"]
    assert other["results"] is None
    assert other["errors"][0]["code"] == "conflict"
