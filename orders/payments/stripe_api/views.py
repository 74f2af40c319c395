"""The one view of the API: key, form, Idempotency-Key, address, answer."""

import base64
import hashlib
import hmac
import logging
from collections.abc import Callable
from functools import partial

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from marketplace.kernel import clock
from marketplace.kernel.errors import DomainError
from marketplace.kernel.ids import uuid7
from orders.payments.services.developer_events import ApiRequest, current_request
from orders.payments.stripe_api import developer, resources
from orders.payments.stripe_api import endpoints as api
from orders.payments.stripe_api.balance import list_balance_transactions, retrieve_balance_transaction
from orders.payments.stripe_api.errors import ApiError, invalid, translated
from orders.payments.stripe_api.expanding import check_paths, expand
from orders.payments.stripe_api.forms import Reader, parse_form
from orders.payments.stripe_api.idempotency import KEY_MAX, Stored, begin, forget, keep
from orders.payments.stripe_api.resources import CHARGES, ENDPOINTS, EVENTS, INTENTS, METHODS, REFUNDS
from orders.payments.stripe_objects import API_VERSION, Json

log = logging.getLogger(__name__)
BODY_MAX = 256 * 1024

LISTS: dict[str, Callable[[Reader], Json]] = {
    "payment_intents": api.list_intents,
    "refunds": api.list_refunds,
    "charges": api.list_charges,
    "events": developer.list_events,
    "webhook_endpoints": developer.list_endpoints,
    "balance_transactions": list_balance_transactions,
}
ONE: dict[str, Callable[[str], Json]] = {
    "payment_intents": partial(api.retrieve, INTENTS),
    "payment_methods": partial(api.retrieve, METHODS),
    "refunds": partial(api.retrieve, REFUNDS),
    "charges": partial(api.retrieve, CHARGES),
    "events": partial(api.retrieve, EVENTS),
    "webhook_endpoints": partial(api.retrieve, ENDPOINTS),
    "balance_transactions": retrieve_balance_transaction,
}
CREATE: dict[str, Callable[[Reader, str], Json]] = {
    "payment_intents": api.create_intent,
    "refunds": api.create_refund,
    "webhook_endpoints": developer.create_endpoint,
}
CHANGE: dict[tuple[str, str], Callable[[str, Reader, str], Json]] = {
    ("payment_intents", ""): api.update_intent,
    ("payment_intents", "confirm"): api.confirm_intent,
    ("payment_intents", "capture"): api.capture_intent,
    ("payment_intents", "cancel"): api.cancel_intent,
    ("refunds", ""): api.update_refund,
    ("refunds", "cancel"): api.cancel_refund,
    ("webhook_endpoints", ""): developer.update_endpoint,
    ("events", "retry"): developer.retry_event,
}


@csrf_exempt
def elsewhere(request: HttpRequest, path: str) -> HttpResponse:
    """Other versions of the API: refused as JSON, which a client can read."""
    error = ApiError(404, f"Unrecognized request URL ({request.method}: /{path}).", code="url_unknown")
    body = orjson.dumps(error.body)
    return HttpResponse(body, status=error.status, content_type="application/json")


@csrf_exempt
def stripe_v1(request: HttpRequest, path: str) -> HttpResponse:
    """Everything under `/stripe/v1/`."""
    clock.refresh()
    request_id = "req_" + uuid7().hex
    key = request.headers.get("Idempotency-Key", "") if request.method == "POST" else ""
    call = ApiRequest(request_id=request_id, idempotency_key=key)
    token = current_request.set(call)
    try:
        stored = _answer(request, path, call)
    except ApiError as error:
        stored = Stored(status=error.status, body=orjson.dumps(error.body).decode())
    except Exception:
        log.exception("payment API failed: %s %s", request.method, path)
        body = {"error": {"type": "api_error", "message": "An unexpected error occurred; you may retry."}}
        stored = Stored(status=500, body=orjson.dumps(body).decode())
    finally:
        current_request.reset(token)
    response = HttpResponse(stored.body, status=stored.status, content_type="application/json")
    response["Request-Id"] = request_id
    response["Stripe-Version"] = API_VERSION
    if key:
        response["Idempotency-Key"] = key[:KEY_MAX]
    if stored.replayed:
        response["Idempotent-Replayed"] = "true"
    return response


def _answer(request: HttpRequest, path: str, call: ApiRequest) -> Stored:
    _authenticate(request)
    if int(request.META.get("CONTENT_LENGTH") or 0) > BODY_MAX:
        raise ApiError(413, "The request is too large.")
    parts = path.strip("/").split("/")
    if request.method == "GET":
        return _dumped(_read(parts, parse_form(request.META.get("QUERY_STRING", ""))))
    if request.method == "DELETE" and len(parts) == 2 and parts[0] == "webhook_endpoints":
        return _dumped(developer.delete_endpoint(parts[1]))
    if request.method != "POST":
        raise _unknown(request.method or "", path)
    body = request.body
    if not call.idempotency_key:
        return _dumped(_write(parts, body, call))
    return _once(parts, body, call, path=path)


def _once(parts: list[str], body: bytes, call: ApiRequest, *, path: str) -> Stored:
    """The stored answer if there is one. A refusal before anything was done does not use the key up."""
    key, body_hash = call.idempotency_key, hashlib.sha256(body).hexdigest()
    earlier = begin(key=key, path=path, body_hash=body_hash, request_id=call.request_id)
    if earlier is not None:
        return earlier
    try:
        stored = _dumped(_write(parts, body, call))
        if call.kept is not None:
            return stored
    except ApiError as error:
        if not error.burns_key:
            forget(key=key)
            raise
        stored = Stored(status=error.status, body=orjson.dumps(error.body).decode())
    except BaseException:
        forget(key=key)
        raise
    keep(key=key, stored=stored)
    return stored


def _read(parts: list[str], params: Json) -> Json:
    paths = Reader({"expand": params.pop("expand", {})}).texts("expand")
    kind = parts[0].removesuffix("s")
    if len(parts) == 1 and parts[0] in LISTS:
        check_paths(kind, paths, many=True)
        return expand(LISTS[parts[0]](Reader(params)), paths)
    if parts[1:] == ["search"] and parts[0] in LISTS:
        raise ApiError(404, f"Search is not offered here: list {parts[0]} with filters.", code="url_unknown")
    if len(parts) == 2 and parts[0] in ONE:
        check_paths(kind, paths)
        secret = params.pop("client_secret", None) if parts[0] == "payment_intents" else None
        Reader(params).finish()
        shown = ONE[parts[0]](parts[1])
        if secret is not None and secret != shown["client_secret"]:
            raise invalid("The client_secret is not that of this PaymentIntent.", param="client_secret")
        return expand(shown, paths)
    if len(parts) == 3 and (parts[0], parts[2]) == ("charges", "refunds"):
        check_paths("refund", paths, many=True)
        return expand(api.list_charge_refunds(parts[1], Reader(params)), paths)
    raise _unknown("GET", "/".join(parts))


def _write(parts: list[str], body: bytes, call: ApiRequest) -> Json:
    try:
        params = parse_form(body.decode("utf-8"))
    except UnicodeDecodeError:
        raise ApiError(400, "The body is not UTF-8.") from None
    paths = Reader({"expand": params.pop("expand", {})}).texts("expand")
    check_paths(parts[0].removesuffix("s"), paths)
    reader, key = Reader(params), call.idempotency_key or call.request_id
    call.plain = bool(call.idempotency_key) and not paths
    try:
        if len(parts) == 1 and parts[0] in CREATE:
            shown = CREATE[parts[0]](reader, key)
        elif len(parts) in (2, 3) and (parts[0], (*parts, "")[2]) in CHANGE:
            shown = CHANGE[parts[0], (*parts, "")[2]](parts[1], reader, key)
        else:
            raise _unknown("POST", "/".join(parts))
    except DomainError as error:
        raise translated(error, intent=_intent_now(parts)) from error
    return expand(shown, paths)


def _intent_now(parts: list[str]) -> Json | None:
    if parts[0] != "payment_intents" or len(parts) < 2:
        return None
    return INTENTS.show(resources.find(INTENTS, parts[1]))


def _authenticate(request: HttpRequest) -> None:
    """`Authorization: Bearer sk_...`, or the key as the user of `Basic`, as `curl -u sk_...:` sends it.

    Without a key in the settings nobody comes in.
    """
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if not given.strip():
        raise ApiError(401, "You did not provide an API key.", code="api_key_missing")
    key = _user(given) if scheme.lower() == "basic" else given.strip().encode()
    keys = [key.strip().encode() for key in str(settings.STRIPE_API_KEY).split(",") if key.strip()]
    fits = [hmac.compare_digest(key, known) for known in keys]
    if scheme.lower() not in ("bearer", "basic") or not any(fits):
        raise ApiError(401, "Invalid API Key provided.", code="api_key_invalid")
    if request.headers.get("Stripe-Account"):
        raise ApiError(
            400, "Stripe-Account is not supported: name the settling seller with on_behalf_of.",
            code="account_invalid", param="on_behalf_of",
        )  # fmt: skip


def _user(given: str) -> bytes:
    try:
        return base64.b64decode(given.strip(), validate=True).partition(b":")[0]
    except ValueError:
        return b""


def _unknown(method: str, path: str) -> ApiError:
    return ApiError(404, f"Unrecognized request URL ({method}: /v1/{path}).", code="url_unknown")


def _dumped(shown: Json) -> Stored:
    return Stored(status=200, body=orjson.dumps(shown).decode())
