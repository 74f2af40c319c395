"""Asking the product's own schema, as the web process would, without HTTP."""

from base64 import b64encode
from typing import Any

from django.utils import translation

from marketplace.api.context import Context
from marketplace.api.execution import Executor
from marketplace.kernel.principal import Principal
from marketplace.schema import schema

EXECUTOR = Executor(schema.graphql_schema)


def ask(
    query: str, principal: Principal | None = None, language: str = "zh-hans", **variables: Any
) -> dict[str, Any]:
    """The response body."""
    context = Context(principal=principal or Principal(), language=language)
    with translation.override(language):
        return EXECUTOR.run(query, variables, None, context)


def data_of(query: str, principal: Principal | None = None, **variables: Any) -> Any:
    """The data of a request that must not fail; of a single root field, its value."""
    body = ask(query, principal, **variables)
    assert "errors" not in body, body["errors"]
    data = body["data"]
    return next(iter(data.values())) if len(data) == 1 else data


def as_file(text: str) -> str:
    """As an argument takes a file: base64."""
    return b64encode(text.encode()).decode()
