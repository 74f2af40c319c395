"""Every argument of every field is given what no person means: the answer is never an internal error.

One call that succeeds is taken from calls.py, and one of its arguments is replaced. A refusal leaves every
row as it was. What can never be right (`WRONG`) is refused, and the refusal names the argument.

Each argument gets a third of the values of its type, another third than its neighbour; FUZZ=all tries all.
"""

import os
import zlib
from typing import Any

import pytest

from tests.database import undone
from tests.marketplace.rights.calls import CALLS, arguments
from tests.marketplace.rights.cast import World
from tests.marketplace.rights.documents import Argument, Refusal, arguments_of, call, field_of, refusals
from tests.marketplace.rights.tables import Rows

pytestmark = pytest.mark.django_db

NUL, BELL, LONE = "a\x00b", "叮\x07咚", "\ud800"
BEYOND_32, BEYOND_64 = 2**31, 2**63
#: per type: refused wherever it is written
WRONG: dict[str, list[Any]] = {
    "ID": ["nonsense", "1", NUL, "长" * 10_000, [], {}, 1.5],
    "String": [NUL, BELL, LONE, "长" * 10_000, 7, ["x"], {}],
    "Int": [BEYOND_32, -BEYOND_32 - 1, BEYOND_64, 1.5, "1", "x", float("inf"), float("nan"), True, {}],
    "Float": [float("inf"), float("-inf"), float("nan"), "1", {}],
    "Boolean": ["true", 1, {}],
    "Date": ["0001-01-01", "9999-12-31", "2026-02-30", "now", "", 7, {}],
    "DateTime": [
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-12:00",
        "2026-11-12T09:00:00",
        "now",
        "",
        7,
    ],
}
#: per type: right in one place and wrong in the next; here it only must be answered
ODD: dict[str, list[Any]] = {
    "ID": [None, "", "00000000-0000-0000-0000-000000000000"],
    "String": [
        None,
        "",
        " ",
        "'; --",
        "%s %(x)s {}",
        "１２３４",
        "长" * 50,
        "长" * 130,
        "长" * 1_000,
        "\n\t",
    ],
    "Int": [None, 0, -1, 1, 2**31 - 1, -(2**31)],
    "Float": [None, 0.0, -1e308, 1e308, 5e-324],
    "Boolean": [None, True, False],
    "Date": [None, "1970-01-01", "2100-12-31"],
    "DateTime": [None, "1970-01-01T00:00:00Z", "2100-12-31T23:59:59Z"],
}
#: a wrong try is counted, whatever comes of it
COUNTED = {"Mutation.signIn": ["accounts_signincode"]}
#: texts of a whole file, which may be long
FILES = {
    "Mutation.importLots:file",
    "Mutation.importSites:file",
    "Mutation.importWaybills:file",
    "Mutation.submitOperations:operations[].payload",
}
#: one class reads the key of every mutation; what it lets through runs the whole mutation each time
ODD_KEYS = [None, "", "长" * 130, "长" * 1_000]
LEAVES = [(name, leaf) for name in sorted(CALLS) for leaf in arguments_of(name)]
IDS = [f"{name}:{leaf.path}" for name, leaf in LEAVES]


def sampled(values: list[Any], name: str, leaf: Argument) -> list[Any]:
    """Of few values all. The choice depends on names alone: it is the same in every run."""
    if len(values) <= 3 or os.environ.get("FUZZ") == "all":
        return values
    return values[zlib.crc32(f"{name}:{leaf.path}".encode()) % 3 :: 3]


def answered(world: World, untouched: Rows, name: str, leaf: Argument, value: Any) -> list[Refusal]:
    """The refusals of a call with one argument replaced; checks what holds for every answer."""
    given, before = arguments(world, name, {leaf.path: value}), untouched.standing()
    with undone():
        answer = call(name, world.people[CALLS[name].actor], given, depth=1)
        found = refusals(answer)
        assert "internal" not in [refusal.code for refusal in found], value
        assert all(refusal.message for refusal in found)
        if found:
            assert set(before.changed()) <= set(COUNTED.get(name, [])), value
    return found


@pytest.mark.parametrize(("name", "leaf"), LEAVES, ids=IDS)
def test_what_is_odd_is_answered(world: World, untouched: Rows, name: str, leaf: Argument) -> None:
    for value in sampled(ODD_KEYS if leaf.path == "idempotencyKey" else ODD[leaf.type], name, leaf):
        answered(world, untouched, name, leaf, value)


@pytest.mark.parametrize(("name", "leaf"), LEAVES, ids=IDS)
def test_what_is_wrong_is_refused_by_name(world: World, untouched: Rows, name: str, leaf: Argument) -> None:
    for value in sampled(WRONG[leaf.type], name, leaf):
        if f"{name}:{leaf.path}" in FILES and value == "长" * 10_000:
            continue
        found = answered(world, untouched, name, leaf, value)
        assert found, value
        assert found[0].field is not None, (value, found)
        assert found[0].field.startswith(leaf.path.partition("[")[0].partition(".")[0]), (value, found)


def test_every_value_of_every_type_is_tried_somewhere() -> None:
    for values in (WRONG, ODD):
        tried = {kind: set[int]() for kind in values}
        for name, leaf in LEAVES:
            tried[leaf.type] |= {id(value) for value in sampled(values[leaf.type], name, leaf)}
        assert tried == {kind: {id(value) for value in values[kind]} for kind in values}


def test_every_type_of_the_schema_is_tried() -> None:
    assert {leaf.type for _, leaf in LEAVES} <= set(WRONG) == set(ODD)
    assert all(field_of(name) for name in CALLS)
