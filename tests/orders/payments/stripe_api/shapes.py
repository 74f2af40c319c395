"""Objects against the public OpenAPI document of version 2023-08-16, where that file is there."""

import lzma
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

WORDS = ("object", "status", "type", "reason", "cancellation_reason", "capture_method", "code", "currency")
DOCUMENT = Path("../shared/data/stripe/openapi-2023-08-16.yaml.xz")


@cache
def _schemas() -> dict[str, Any]:
    with lzma.open(DOCUMENT) as file:
        found: dict[str, Any] = yaml.load(file, Loader=yaml.CSafeLoader)["components"]["schemas"]
    return found


@cache
def _validator(kind: str) -> jsonschema.Draft202012Validator:
    schemas = {name: _as_json_schema(schema) for name, schema in _schemas().items()}
    return jsonschema.Draft202012Validator(
        {"$ref": f"#/components/schemas/{kind}", "components": {"schemas": schemas}}
    )


def _as_json_schema(part: Any) -> Any:
    """OpenAPI 3.0's `nullable` in JSON Schema's words."""
    if isinstance(part, list):
        return [_as_json_schema(item) for item in part]
    if not isinstance(part, dict):
        return part
    made = {name: _as_json_schema(value) for name, value in part.items() if name != "nullable"}
    if part.get("nullable") is not True:
        return made
    if "enum" in made:
        made["enum"] = [*made["enum"], None]
    return {"anyOf": [made, {"type": "null"}]}


def errors(shown: Any, kind: str) -> list[str]:
    if not DOCUMENT.exists():
        pytest.skip(f"{DOCUMENT} is not here: shapes are not checked")
    plain = shown.to_dict() if hasattr(shown, "to_dict") else shown
    return [error.message[:200] for error in _validator(kind).iter_errors(plain)]


class Answers:
    """Every object that the API gave out, one of each shape; `errors` is what the document says."""

    def __init__(self) -> None:
        self._kept: dict[str, dict[str, Any]] = {}

    def keep(self, shown: dict[str, Any]) -> None:
        for thing in _objects(shown):
            self._kept.setdefault(repr(_outline(thing)), thing)

    def errors(self) -> dict[str, list[str]]:
        """Where the document is missing the test's answers are not compared: `errors` skips, saying so."""
        found = {repr(thing)[:200]: errors(thing, _kind(thing)) for thing in self._kept.values()}
        return {name: wrong for name, wrong in found.items() if wrong}


def _objects(shown: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The objects of an answer: a list's own, and what an event tells of."""
    if shown.get("object") == "list":
        for item in shown["data"]:
            yield from _objects(item)
        return
    yield shown
    if shown.get("object") == "event":
        yield shown["data"]["object"]


def _kind(shown: dict[str, Any]) -> str:
    return ("deleted_" if shown.get("deleted") else "") + str(shown["object"])


def _outline(part: Any, name: str = "") -> Any:
    """What a schema can see of a value: its type, and itself where only some words are allowed."""
    if isinstance(part, dict):
        return {key: _outline(value, key) for key, value in part.items()}
    if isinstance(part, list):
        return [_outline(item) for item in part]
    return part if name in WORDS else type(part).__name__
