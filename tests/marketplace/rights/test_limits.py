"""Depth and complexity: the pages' own operations pass, what nests or multiplies is refused before it runs.

No database is open here: a refused document that ran would be an internal error.
"""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from graphql import DocumentNode, GraphQLError, OperationDefinitionNode, parse, print_ast

from marketplace.api.limits import check_limits
from tests.factories.graph import ask
from tests.marketplace.rights.documents import SCHEMA

PAGES = Path(__file__).resolve().parents[3] / "frontend/src"
LIMITS = {"max_depth": settings.GRAPHQL_MAX_DEPTH, "max_complexity": settings.GRAPHQL_MAX_COMPLEXITY}
#: longest pages that the services give out
LONGEST = {"first": 100}


@cache
def pages() -> DocumentNode:
    """All operations and fragments of the built pages as one document."""
    files = sorted(PAGES.glob("**/*.graphql"))
    return parse("\n".join(file.read_text(encoding="utf-8") for file in files))


def operations() -> list[OperationDefinitionNode]:
    return [node for node in pages().definitions if isinstance(node, OperationDefinitionNode)]


@pytest.mark.parametrize("operation", operations(), ids=lambda node: node.name.value)
def test_every_operation_of_the_pages_passes(operation: OperationDefinitionNode) -> None:
    check_limits(SCHEMA, pages(), operation, LONGEST, **LIMITS)


def fragments(levels: int, *, on: str, leaf: str, spread: int = 2) -> str:
    parts = [
        f"fragment F{level} on {on} {{ {' '.join([f'...F{level + 1}'] * spread)} }}"
        for level in range(levels)
    ]
    return " ".join([*parts, f"fragment F{levels} on {on} {{ {leaf} }}"])


WIDE = "stops { tasks { id } toDrop { history { seq contents: hash } contents { id } } }"
ORDER = (
    "lines { lot { certificates { id title number commitment basis } } } "
    "fulfilments { unit { contents { id } history { seq at hash } } }"
)
ATTACKS = {
    "one list in another": (f"{{ myOrders(first: 100) {{ {ORDER} }} }}", "too_complex"),
    "routes of plans": (
        f'{{ plans(hubId: "x") {{ routes {{ {WIDE} expected {{ history {{ seq }} }} }} }} }}',
        "too_complex",
    ),
    "a billion rows": ("{ places(first: 2000000000) { id } }", "too_complex"),
    "one field many times": (
        "{ " + " ".join(f"a{n}: hubs {{ id name }}" for n in range(500)) + " }",
        "too_complex",
    ),
    "fragments in fragments": (
        "{ station(id: 1) { ...F0 } } " + fragments(24, on="Station", leaf="id"),
        "too_complex",
    ),
    "fragments about nothing": (
        "{ ...F0 hubs { id } } " + fragments(24, on="Query", leaf="myOrders(first: 100) { id lines { id } }"),
        "too_complex",
    ),
    "deep": ("{ lots { nodes " + "{ seller { station { farmers { consent " * 3 + "{ id }", "invalid"),
    "deeper than the parser": ("{ a " * 400, "invalid"),
    "introspection in itself": ("{ __schema { types " + "{ fields { type " * 8 + "{ name }", "invalid"),
    "a number of 5,000 digits": ("{ myNotices(first: " + "9" * 5000 + ") { id } }", "invalid"),
    "nothing": ("", "invalid"),
    "no operation": ("fragment F on Query { hubs { id } }", "invalid"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_asks_for_too_much_is_refused(attack: str) -> None:
    query, code = ATTACKS[attack]
    body = ask(_closed(query))
    assert body.get("data") is None
    assert {error["extensions"]["code"] for error in body["errors"]} == {code}


def test_nesting_is_counted_through_fragments() -> None:
    chain = "{ stationBoard(stationId: 1) { station { place { county { name } } } } }"
    assert _depth_of(chain, limit=5) is None
    assert _depth_of(chain, limit=4) == "too_deep"
    spread = (
        "{ stationBoard(stationId: 1) { ...A } } fragment A on StationBoard { station { ...B } } "
        "fragment B on Station { place { county { name } } }"
    )
    assert _depth_of(spread, limit=5) is None
    assert _depth_of(spread, limit=4) == "too_deep"


def test_a_length_in_a_variable_counts_as_one_in_the_document() -> None:
    query = "query($n: Int!) { places(first: $n) { id name address kind county { code name } } }"
    assert {e["extensions"]["code"] for e in ask(query, n=1_000_000)["errors"]} == {"too_complex"}


def _closed(query: str) -> str:
    """Nested openings are closed again."""
    return query + " }" * (query.count("{") - query.count("}"))


def _depth_of(query: str, *, limit: int) -> Any:
    document = parse(query)
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode), print_ast(document)
    try:
        check_limits(SCHEMA, document, operation, {}, max_depth=limit, max_complexity=10**9)
    except GraphQLError as error:
        return (error.extensions or {})["code"]
    return None
