"""The committed schema.graphql is what the code says."""

from graphql import print_schema

from marketplace.schema import schema
from tests.architecture.repository import ROOT


def test_schema_file_does_not_drift() -> None:
    committed = (ROOT / "schema.graphql").read_text(encoding="utf-8")
    assert committed.strip() == print_schema(schema.graphql_schema).strip(), "run `make schema`"
