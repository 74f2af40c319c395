"""Running one GraphQL request: cached parse and validation, limits, execution, masked failures."""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.utils.translation import gettext
from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    VariableDefinitionNode,
    execute,
    get_operation_ast,
    parse,
    validate,
)

from marketplace.api.context import Context
from marketplace.api.errors import refusal
from marketplace.api.limits import check_limits
from marketplace.kernel.errors import N_, DomainError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Executor:
    """Executes requests against one schema; documents that were seen before skip parsing and validation."""

    schema: GraphQLSchema

    def run(
        self, query: str, variables: Mapping[str, Any], operation_name: str | None, context: Context
    ) -> dict[str, Any]:
        """The response body: `data` and `errors` as the GraphQL specification says."""
        document, errors = _document(self.schema, query)
        if errors or document is None:
            return {"errors": [_unreadable(error) for error in errors]}
        operation = get_operation_ast(document, operation_name)
        if operation is None:
            return {
                "errors": [
                    {"message": "name one operation of the document", "extensions": {"code": "invalid"}}
                ]
            }
        try:
            self._check(document, operation, variables)
        except GraphQLError as error:
            return {"errors": [_formatted(error)]}
        result = execute(
            self.schema,
            document,
            context_value=context,
            variable_values=dict(variables),
            operation_name=operation_name,
            is_awaitable=_never,
        )
        assert isinstance(result, ExecutionResult)
        body: dict[str, Any] = {"data": result.data}
        if result.errors:
            body["errors"] = [_formatted(error) for error in result.errors]
        return body

    def _check(
        self, document: DocumentNode, operation: OperationDefinitionNode, variables: Mapping[str, Any]
    ) -> None:
        check_limits(
            self.schema,
            document,
            operation,
            variables,
            max_depth=settings.GRAPHQL_MAX_DEPTH,
            max_complexity=settings.GRAPHQL_MAX_COMPLEXITY,
        )


def _never(_value: Any) -> bool:
    return False


@lru_cache(maxsize=512)
def _document(schema: GraphQLSchema, query: str) -> tuple[DocumentNode | None, tuple[GraphQLError, ...]]:
    try:
        document = parse(query, max_tokens=4000)
    except GraphQLError as error:
        return None, (error,)
    return document, tuple(validate(schema, document, max_errors=5))


def _unreadable(error: GraphQLError) -> dict[str, Any]:
    """What is wrong with a document, told to who wrote it; a literal too long to be read is his fault too."""
    return {**error.formatted, "extensions": {"code": "invalid"}}


def _formatted(error: GraphQLError) -> dict[str, Any]:
    original = error.original_error
    if isinstance(original, DomainError):
        told = refusal(original)
        return {
            "message": told.message,
            "path": error.path,
            "extensions": {"code": told.code, "field": told.field},
        }
    if original is not None and not isinstance(original, GraphQLError):
        log.error("resolver failed at %s", error.path, exc_info=original)
        return {
            "message": gettext(N_("服务器内部错误，我们已记录")),
            "path": error.path,
            "extensions": {"code": "internal"},
        }
    variable = _mistyped_variable(error)
    if variable is not None:
        extensions = {"code": "invalid", "field": variable, "detail": error.message}
        return {"message": gettext(N_("值的类型不正确，或超出范围")), "extensions": extensions}
    formatted: dict[str, Any] = dict(error.formatted)
    formatted.setdefault("extensions", {"code": "invalid"})
    return formatted


def _mistyped_variable(error: GraphQLError) -> str | None:
    """The variable, and the place in it (`lines[0].quantity`), whose value its type does not take."""
    node = error.nodes[0] if error.nodes else None
    if not isinstance(node, VariableDefinitionNode):
        return None
    name: str = node.variable.name.value
    place = re.search(rf" at '({re.escape(name)}[.\[][^']*)'; ", error.message)
    return place[1] if place else name
