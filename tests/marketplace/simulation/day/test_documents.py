"""The day's operations against the public schema and the tester's console."""

from pathlib import Path

import graphene
import pytest
from graphql import GraphQLSchema, build_schema, parse, validate

from marketplace.simulation import schema as console
from marketplace.simulation.day.documents import DOCUMENTS

PUBLIC = Path(__file__).resolve().parents[4] / "schema.graphql"
OF_THE_CONSOLE = {"TestClock", "Quiescence", "SetTestClock", "CabinetFault"}


@pytest.fixture(scope="module")
def public() -> GraphQLSchema:
    return build_schema(PUBLIC.read_text(encoding="utf-8"))


@pytest.mark.parametrize("operation", sorted(set(DOCUMENTS) - OF_THE_CONSOLE))
def test_every_operation_fits_the_public_schema(operation: str, public: GraphQLSchema) -> None:
    assert validate(public, parse(DOCUMENTS[operation])) == []


@pytest.mark.parametrize("operation", sorted(OF_THE_CONSOLE))
def test_the_testers_operations_fit_the_console(operation: str) -> None:
    schema = graphene.Schema(query=console.Query, mutation=console.Mutation)
    assert validate(schema.graphql_schema, parse(DOCUMENTS[operation])) == []


def test_mutations_ask_for_their_errors() -> None:
    """A refusal that nobody asks for would be taken for success."""
    mutations = [text for text in DOCUMENTS.values() if text.startswith("mutation")]
    assert len(mutations) > 20
    assert all("errors {" in text for text in mutations)
