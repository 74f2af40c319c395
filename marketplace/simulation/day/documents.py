"""The operations of documents.graphql by name: every query and mutation that the day needs, nothing more."""

from importlib import resources

from graphql import DocumentNode, OperationDefinitionNode, parse, print_ast


def _read() -> DocumentNode:
    text = (resources.files("marketplace.simulation.day") / "documents.graphql").read_text(encoding="utf-8")
    return parse(text, no_location=True)


def _by_name(document: DocumentNode) -> dict[str, str]:
    """Each operation must be named and have one root field, whose value the client hands on."""
    found: dict[str, str] = {}
    for node in document.definitions:
        if not isinstance(node, OperationDefinitionNode) or node.name is None:
            raise ValueError("documents.graphql holds named operations only")
        if len(node.selection_set.selections) != 1 or node.name.value in found:
            raise ValueError(f"{node.name.value}: one root field, and one operation of a name")
        found[node.name.value] = print_ast(node)
    return found


DOCUMENTS = _by_name(_read())
