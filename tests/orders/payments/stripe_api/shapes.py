"""Objects against the public OpenAPI document of version 2023-08-16, where that file is there."""

import lzma
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

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
