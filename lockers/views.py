"""The device wire over HTTPS (docs/devices.md): registration, and the fallback for messages.

POST /devices/register  {"token"} -> {"device", "generation", "key", "broker_password"}
POST /devices/messages  signed, {"messages", "config"} -> {"acks", "down"}
POST /devices/rfid      signed, {"reads"} -> {"sightings"}: a reader's webhook
"""

from typing import Any

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from lockers.models import Reader
from lockers.protocol import requests as wire
from lockers.protocol.errors import Malformed
from lockers.services.devices.registration import register
from lockers.services.messages.presence import note_presence
from lockers.services.messages.requests import answer, as_json, authenticate, read_body
from lockers.services.messages.rfid import read_reads, take_reads
from marketplace.api import ratelimit
from marketplace.kernel import clock
from marketplace.kernel.errors import DomainError, Forbidden, RateLimited

#: registrations tried from one address in an hour; a token has 160 bits, so this only keeps noise away
MAX_REGISTRATIONS = 30
#: batches of one reader in a minute, of at most services.rfid.MOST_READS reads each
MAX_BATCHES = 120


@csrf_exempt  # the token is the proof
@require_POST
def register_device(request: HttpRequest) -> HttpResponse:
    """Once per token: the answer that got lost is not given again, a person issues another token."""
    if not _is_private(request):
        return _refused(403, "tls_required")
    try:
        ratelimit.hit(f"register:{request.META.get('REMOTE_ADDR', '')}", limit=MAX_REGISTRATIONS, per_s=3600)
        plain = _object(request.body)
        identity = register(str(plain.get("token", "")))
    except Malformed as error:
        return _refused(400, error.code)
    except RateLimited as error:
        return _refused(429, error.error_code)
    except DomainError as error:
        return _refused(403, error.error_code)
    answered = {
        "device": identity.device,
        "generation": identity.generation,
        "key": identity.key.hex(),
        "broker_password": identity.broker_password,
    }
    return JsonResponse(answered, headers={"Cache-Control": "no-store"})


@csrf_exempt  # the signature is the proof
@require_POST
def messages(request: HttpRequest) -> HttpResponse:
    clock.refresh()
    if int(request.META.get("CONTENT_LENGTH") or 0) > wire.BODY_LIMIT_BYTES:
        return _refused(413, "too_large")
    body = request.body
    try:
        device = authenticate(request.headers.get(wire.HEADER, ""), body)
        arrived, config = read_body(device, body)
    except Malformed as error:
        return _refused(400, error.code)
    except Forbidden as error:
        return _refused(403, error.error_code)
    return HttpResponse(
        orjson.dumps(as_json(answer(device, arrived, config=config))), content_type="application/json"
    )


@csrf_exempt  # the signature is the proof
@require_POST
def rfid_reads(request: HttpRequest) -> HttpResponse:
    """Taken when answered with 200; the same reads sent again, under a new number, change nothing."""
    clock.refresh()
    if int(request.META.get("CONTENT_LENGTH") or 0) > wire.BODY_LIMIT_BYTES:
        return _refused(413, "too_large")
    body = request.body
    try:
        device = authenticate(request.headers.get(wire.HEADER, ""), body)
        ratelimit.hit(f"rfid:{device.device}", limit=MAX_BATCHES, per_s=60)
        reader = Reader.objects.select_related("device").filter(device=device).first()
        if reader is None:
            return _refused(403, "not_a_reader")
        counts = take_reads(reader=reader, reads=read_reads(body))
    except Malformed as error:
        return _refused(400, error.code)
    except RateLimited as error:
        return _refused(429, error.error_code)
    except Forbidden as error:
        return _refused(403, error.error_code)
    note_presence([device])
    return JsonResponse({"sightings": {outcome or "weak": count for outcome, count in counts.items()}})


def _is_private(request: HttpRequest) -> bool:
    """A key travels in TLS only, except where testers run everything on one machine."""
    return request.is_secure() or settings.DEBUG or settings.TESTER_CONSOLE


def _object(body: bytes) -> dict[str, Any]:
    try:
        plain = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"not JSON: {error}") from None
    if not isinstance(plain, dict):
        raise Malformed("not an object")
    return plain


def _refused(status: int, code: str) -> HttpResponse:
    return JsonResponse({"code": code}, status=status)
