"""Refusing queries that ask for too much, before anything runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    GRAPHQL_MAX_INT,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    NamedTypeNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    is_list_type,
    is_non_null_type,
)

DEFAULT_LIST = 10
#: each of them asks the database anew, however little it shows
MAX_ROOT_FIELDS = 30


@dataclass(frozen=True, slots=True)
class _Size:
    """What a selection costs, how many levels of fields it has, and how many on the first one."""

    cost: int
    height: int
    width: int


class _Measure:
    """Cost = fields, multiplied by the length asked of each list above them.

    Each fragment is measured once, however often it is spread: else a document of a few lines that spreads
    fragments in fragments would keep us busy for hours before it is refused.
    """

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, variables: Mapping[str, Any]) -> None:
        self.schema = schema
        self.variables = variables
        self.fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self.measured: dict[str, _Size] = {}

    def size(self, selections: SelectionSetNode | None, parent: Any) -> _Size:
        sizes = [self._node(node, parent) for node in selections.selections] if selections else []
        return _Size(
            cost=sum(size.cost for size in sizes),
            height=max((size.height for size in sizes), default=0),
            width=sum(size.width for size in sizes),
        )

    def _node(self, node: SelectionNode, parent: Any) -> _Size:
        if isinstance(node, FieldNode):
            return self._field(node, parent)
        if isinstance(node, FragmentSpreadNode):
            return self._fragment(node.name.value)
        assert isinstance(node, InlineFragmentNode)
        named: NamedTypeNode | None = node.type_condition
        on = parent if named is None else self.schema.get_type(named.name.value)
        return self.size(node.selection_set, on)

    def _fragment(self, name: str) -> _Size:
        if name not in self.measured:
            fragment = self.fragments[name]
            on = self.schema.get_type(fragment.type_condition.name.value)
            self.measured[name] = self.size(fragment.selection_set, on)
        return self.measured[name]

    def _field(self, field: FieldNode, parent: Any) -> _Size:
        name = field.name.value
        definition = getattr(parent, "fields", {}).get(name)
        if name.startswith("__") or definition is None:
            return _Size(cost=0, height=0, width=0)
        inner = self.size(field.selection_set, get_named_type(definition.type))
        cost = 1 + inner.cost * self._length(field, definition)
        return _Size(cost=cost, height=inner.height + 1, width=1)

    def _length(self, field: FieldNode, definition: Any) -> int:
        argument = definition.args.get("first")
        if argument is None:
            return DEFAULT_LIST if _is_list(definition.type) else 1
        for node in field.arguments:
            if node.name.value == "first":
                if isinstance(node.value, IntValueNode):
                    return max(1, int(node.value.value))
                if isinstance(node.value, VariableNode):
                    asked = self.variables.get(node.value.name.value)
                    if isinstance(asked, int) and asked <= GRAPHQL_MAX_INT:
                        return max(1, asked)
        return argument.default_value if isinstance(argument.default_value, int) else DEFAULT_LIST


def _is_list(kind: Any) -> bool:
    return is_list_type(kind.of_type if is_non_null_type(kind) else kind)


def check_limits(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: Mapping[str, Any],
    *,
    max_depth: int,
    max_complexity: int,
) -> None:
    """Raises GraphQLError with code `too_deep` or `too_complex`. The document must be valid already."""
    measure = _Measure(schema, document, variables)
    size = measure.size(operation.selection_set, schema.get_root_type(operation.operation))
    if size.height > max_depth:
        raise GraphQLError(
            f"query nests {size.height} levels, {max_depth} are allowed", extensions={"code": "too_deep"}
        )
    if size.width > MAX_ROOT_FIELDS:
        raise GraphQLError(
            f"query asks for {size.width} fields at its root, {MAX_ROOT_FIELDS} are allowed",
            extensions={"code": "too_complex"},
        )
    if size.cost > max_complexity:
        raise GraphQLError(
            f"query costs {size.cost}, {max_complexity} are allowed", extensions={"code": "too_complex"}
        )
