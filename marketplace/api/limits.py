"""Refusing queries that ask for too much, before anything runs."""

from collections.abc import Iterator, Mapping
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    is_list_type,
    is_non_null_type,
)

DEFAULT_LIST = 10


class _Measure:
    """Walks an operation once; cost = fields, multiplied by the length asked of each list above them."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, variables: Mapping[str, Any]) -> None:
        self.schema = schema
        self.variables = variables
        self.fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self.depth = 0

    def cost(self, selections: SelectionSetNode | None, parent: Any, depth: int) -> int:
        self.depth = max(self.depth, depth)
        total = 0
        for field, on in self._fields(selections, parent):
            name = field.name.value
            definition = getattr(on, "fields", {}).get(name)
            if name.startswith("__") or definition is None:
                continue
            inner = self.cost(field.selection_set, get_named_type(definition.type), depth + 1)
            total += 1 + inner * self._length(field, definition)
        return total

    def _fields(self, selections: SelectionSetNode | None, parent: Any) -> Iterator[tuple[FieldNode, Any]]:
        for node in selections.selections if selections else ():
            if isinstance(node, FieldNode):
                yield node, parent
            elif isinstance(node, InlineFragmentNode):
                named = getattr(node, "type_condition", None)
                on = parent if named is None else self.schema.get_type(named.name.value)
                yield from self._fields(node.selection_set, on)
            elif isinstance(node, FragmentSpreadNode):
                fragment = self.fragments[node.name.value]
                on = self.schema.get_type(fragment.type_condition.name.value)
                yield from self._fields(fragment.selection_set, on)

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
                    if isinstance(asked, int):
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
    cost = measure.cost(operation.selection_set, schema.get_root_type(operation.operation), 0)
    if measure.depth > max_depth:
        raise GraphQLError(
            f"query nests {measure.depth} levels, {max_depth} are allowed", extensions={"code": "too_deep"}
        )
    if cost > max_complexity:
        raise GraphQLError(
            f"query costs {cost}, {max_complexity} are allowed", extensions={"code": "too_complex"}
        )
