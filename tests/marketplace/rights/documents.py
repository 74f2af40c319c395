"""Any root field of the product's schema as a document: every argument a variable, every scalar asked for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLObjectType,
    get_named_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_required_argument,
    is_required_input_field,
)

from marketplace.kernel.ids import uuid7
from marketplace.kernel.principal import Principal
from marketplace.schema import schema
from tests.factories.graph import ask

SCHEMA = schema.graphql_schema
ROOTS = {"Query": SCHEMA.query_type, "Mutation": SCHEMA.mutation_type}


@dataclass(frozen=True, slots=True)
class Argument:
    """A leaf of what a root field takes: `lines[].lotId` of type ID."""

    path: str
    type: str


@dataclass(frozen=True, slots=True)
class Refusal:
    code: str
    field: str | None
    message: str


def field_of(name: str) -> GraphQLField:
    """The definition of "Mutation.weighIn"."""
    root, field = name.split(".")
    kind = ROOTS[root]
    assert kind is not None
    found: GraphQLField = kind.fields[field]
    return found


def root_fields() -> list[str]:
    return [f"{root}.{name}" for root, kind in ROOTS.items() if kind for name in kind.fields]


def arguments_of(name: str) -> list[Argument]:
    """Every leaf argument, also inside lists and input objects."""
    return [leaf for arg, given in field_of(name).args.items() for leaf in _leaves(arg, given.type)]


def _leaves(path: str, kind: Any) -> Iterator[Argument]:
    bare = kind.of_type if is_non_null_type(kind) else kind
    if is_list_type(bare):
        yield from _leaves(f"{path}[]", bare.of_type)
    elif isinstance(bare, GraphQLInputObjectType):
        for name, field in bare.fields.items():
            yield from _leaves(f"{path}.{name}", field.type)
    else:
        yield Argument(path, bare.name)


def filled(name: str) -> dict[str, Any]:
    """Something of the right type for every required argument, about nothing that exists."""
    return {
        arg: _any(given.type) for arg, given in field_of(name).args.items() if is_required_argument(given)
    }


def _any(kind: Any) -> Any:
    bare = kind.of_type if is_non_null_type(kind) else kind
    if is_list_type(bare):
        return [_any(bare.of_type)]
    if isinstance(bare, GraphQLInputObjectType):
        return {n: _any(f.type) for n, f in bare.fields.items() if is_required_input_field(f)}
    return _SAMPLES[bare.name]


_SAMPLES = {
    "ID": str(uuid7()),
    "String": "text",
    "Int": 1,
    "Float": 115.4,
    "Boolean": True,
    "Date": "2026-11-12",
    "DateTime": "2026-11-12T09:00:00+08:00",
}


@cache
def document(name: str, depth: int = 3) -> str:
    """The document; all arguments are variables of their own names. `depth`: levels of objects to read."""
    root, field = name.split(".")
    declared = field_of(name)
    variables = ", ".join(f"${arg}: {given.type}" for arg, given in declared.args.items())
    passed = ", ".join(f"{arg}: ${arg}" for arg in declared.args)
    head = f"{root.lower()} q({variables})" if variables else root.lower()
    call = f"{field}({passed})" if passed else field
    return f"{head} {{ {call} {_selection(get_named_type(declared.type), depth)} }}"


def _selection(kind: Any, depth: int) -> str:
    if not isinstance(kind, GraphQLObjectType):
        return ""
    parts = ["__typename"]
    for name, field in kind.fields.items():
        inner = get_named_type(field.type)
        if is_leaf_type(inner):
            parts.append(name)
        elif name == "errors" or (depth > 1 and not field.args):
            parts.append(f"{name} {_selection(inner, depth - 1)}")
    return "{ " + " ".join(parts) + " }"


def call(
    name: str,
    principal: Principal,
    arguments: Mapping[str, Any],
    *,
    depth: int = 2,
    language: str = "zh-hans",
) -> dict[str, Any]:
    """The response body of one root field."""
    return ask(document(name, depth), principal, language=language, **arguments)


def refusals(body: Mapping[str, Any]) -> list[Refusal]:
    """Everything that a response refuses: GraphQL errors and the errors of a payload."""
    found = [
        Refusal(error["extensions"]["code"], error["extensions"].get("field"), error["message"])
        for error in body.get("errors", [])
    ]
    for payload in (body.get("data") or {}).values():
        if isinstance(payload, dict):
            found += [Refusal(e["code"], e["field"], e["message"]) for e in payload.get("errors") or []]
    return found
