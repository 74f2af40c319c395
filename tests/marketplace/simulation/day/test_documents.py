"""The day's operations against the public schema."""

from pathlib import Path

import pytest
from graphql import build_schema, parse, validate

from marketplace.simulation.day.documents import DOCUMENTS

SCHEMA = Path(__file__).resolve().parents[4] / "schema.graphql"


@pytest.mark.parametrize("operation", sorted(DOCUMENTS))
def test_every_operation_fits_the_public_schema(operation: str) -> None:
    schema = build_schema(SCHEMA.read_text(encoding="utf-8"))
    assert validate(schema, parse(DOCUMENTS[operation])) == []
