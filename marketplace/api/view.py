"""POST /graphql: a lean view over the executor. No middleware but Django's, no batching, JSON only."""

from collections.abc import Callable
from typing import Any

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.views.decorators.csrf import csrf_exempt

from marketplace.api.context import Context
from marketplace.api.errors import refusal
from marketplace.api.execution import Executor
from marketplace.kernel import clock, ids
from marketplace.kernel.correlation import correlation_id
from marketplace.kernel.errors import DomainError
from marketplace.kernel.principal import Principal

Authenticate = Callable[[str | None], Principal]


def graphql_view(executor: Executor, authenticate: Authenticate) -> Callable[[HttpRequest], HttpResponse]:
    """The view; `authenticate` turns a bearer token (or None) into a Principal or raises a DomainError.

    Cross-site requests carry no token, and a form cannot send JSON with one, so no CSRF token is needed.
    """

    @csrf_exempt
    def view(request: HttpRequest) -> HttpResponse:
        if request.method != "POST":
            return _json({"errors": [{"message": "POST JSON here"}]}, 405)
        if int(request.META.get("CONTENT_LENGTH") or 0) > settings.GRAPHQL_MAX_BYTES:
            return _json({"errors": [{"message": "request too large"}]}, 413)
        query, variables, operation_name = _request_parts(request)
        if query is None:
            return _json({"errors": [{"message": "JSON with a text `query` is expected"}]}, 400)
        language = _language(request)
        clock.refresh()
        token = correlation_id.set(ids.uuid7())
        try:
            with translation.override(language):
                response = _answer(
                    executor, authenticate, request, language, query, variables, operation_name
                )
                # Devices time their offline acts by it: a tablet's own clock may be wrong, ours may be moved.
                response["Yinong-Time"] = clock.now().isoformat()
                return response
        finally:
            correlation_id.reset(token)

    return view


def _answer(
    executor: Executor,
    authenticate: Authenticate,
    request: HttpRequest,
    language: str,
    query: str,
    variables: dict[str, Any],
    operation_name: str | None,
) -> HttpResponse:
    try:
        principal = authenticate(bearer_token(request))
    except DomainError as error:
        told = refusal(error)
        return _json({"errors": [{"message": told.message, "extensions": {"code": told.code}}]}, 401)
    context = Context(
        principal=principal, language=language, request=request, client=request.META.get("REMOTE_ADDR", "")
    )
    return _json(executor.run(query, variables, operation_name, context), 200)


def bearer_token(request: HttpRequest) -> str | None:
    scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token else None


def _request_parts(request: HttpRequest) -> tuple[str | None, dict[str, Any], str | None]:
    try:
        body = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        return None, {}, None
    if not isinstance(body, dict) or not isinstance(body.get("query"), str):
        return None, {}, None
    variables, name = body.get("variables") or {}, body.get("operationName")
    if not isinstance(variables, dict) or not (name is None or isinstance(name, str)):
        return None, {}, None
    return body["query"], variables, name


def _language(request: HttpRequest) -> str:
    return translation.get_language_from_request(request)


def _json(body: dict[str, Any], status: int) -> HttpResponse:
    return HttpResponse(orjson.dumps(body, default=str), content_type="application/json", status=status)
