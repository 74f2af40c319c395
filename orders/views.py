"""Files for who may read them: statements, photos of claims, labels (see urls.py)."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import quote
from uuid import UUID

from django.core.files.storage import default_storage
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import translation
from django.views.decorators.http import require_GET

from marketplace.accounts.services.sign_in import authenticate
from marketplace.api import ratelimit
from marketplace.api.arguments import check_value
from marketplace.api.errors import refusal
from marketplace.api.view import bearer_token
from marketplace.kernel import clock
from marketplace.kernel.errors import N_, DomainError, InvalidInput
from orders.services.documents.receipt_files import receipt_pdf
from orders.services.documents.receipts import receipt_for
from orders.services.documents.statement_files import FILES
from orders.services.documents.statements import statement
from orders.services.fulfilment import labels
from orders.services.redress.claims import claim_for

_STATUS = {"unauthenticated": 401, "forbidden": 403, "not_found": 404, "rate_limited": 429}
#: files of one user in an hour
MAX_FILES = 200
MAX_LABELS = 2_000


@require_GET
def claim_photo(request: HttpRequest, claim_uuid: UUID) -> HttpResponse:
    """The picture of a claim, for its recipient and for who answers it."""
    clock.refresh()
    with translation.override(translation.get_language_from_request(request)):
        try:
            claim = claim_for(principal=authenticate(bearer_token(request)), claim_uuid=claim_uuid)
        except DomainError as error:
            return _refused(error)
        with default_storage.open(claim.photo.name) as stored:
            return HttpResponse(
                stored.read(), content_type="image/jpeg", headers={"Cache-Control": "private, max-age=3600"}
            )


@require_GET
def statement_file(request: HttpRequest, owner_kind: str, owner_uuid: UUID, extension: str) -> HttpResponse:
    clock.refresh()
    with translation.override(translation.get_language_from_request(request)):
        try:
            principal = authenticate(bearer_token(request))
            principal.require_signed_in()
            ratelimit.hit(f"statement:{principal.user_uuid}", limit=MAX_FILES, per_s=3600)
            found = statement(
                principal=principal,
                owner_kind=owner_kind,
                owner_uuid=owner_uuid,
                start=_day(request.GET, "start"),
                end=_day(request.GET, "end"),
            )
            make, media_type = FILES[extension]
            content = make(found)
        except DomainError as error:
            return _refused(error)
    name = quote(f"{found.owner_name}_{found.start}_{found.end}.{extension}")
    return HttpResponse(
        content,
        content_type=media_type,
        headers={
            "Content-Disposition": f"attachment; filename*=UTF-8''{name}",
            "Cache-Control": "private, no-store",
        },
    )


@require_GET
def receipt_file(request: HttpRequest, receipt_uuid: UUID) -> HttpResponse:
    """A receipt for its buyer, its seller and the platform."""
    clock.refresh()
    with translation.override(translation.get_language_from_request(request)):
        try:
            principal = authenticate(bearer_token(request))
            principal.require_signed_in()
            ratelimit.hit(f"statement:{principal.user_uuid}", limit=MAX_FILES, per_s=3600)
            found = receipt_for(principal=principal, receipt_uuid=receipt_uuid)
            content = receipt_pdf(found)
        except DomainError as error:
            return _refused(error)
    return HttpResponse(
        content,
        content_type="application/pdf",
        headers={
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(found.number)}.pdf",
            "Cache-Control": "private, no-store",
        },
    )


@require_GET
def label_file(request: HttpRequest, kind: str, thing_uuid: UUID, extension: str) -> HttpResponse:
    """A label to print: a unit's, a lot's, or the shelf places (`names`) of a station."""
    clock.refresh()
    with translation.override(translation.get_language_from_request(request)):
        try:
            principal = authenticate(bearer_token(request))
            principal.require_signed_in()
            ratelimit.hit(f"label:{principal.user_uuid}", limit=MAX_LABELS, per_s=3600)
            if kind == "unit":
                found = labels.unit_labels(principal=principal, unit_uuid=thing_uuid)
            elif kind == "lot":
                found = labels.lot_labels(principal=principal, lot_uuid=thing_uuid)
            else:
                names = request.GET.get("names", "")
                check_value(names, "names")
                found = labels.shelf_labels(principal=principal, station_uuid=thing_uuid, names=names)
            make, media_type = labels.FORMATS[extension]
            content = make(found)
        except DomainError as error:
            return _refused(error)
    name = quote(f"{found[0].code}.{extension}")
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{name}",
        "Cache-Control": "private, no-store",
    }
    return HttpResponse(content, content_type=media_type, headers=headers)


def _day(given: Mapping[str, Any], name: str) -> date | None:
    text = given.get(name)
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise InvalidInput(N_("日期格式应为 2026-11-12"), field=name) from None
    check_value(day, name)
    return day


def _refused(error: DomainError) -> HttpResponse:
    body: dict[str, Any] = {"errors": [refusal(error).as_json()]}
    return JsonResponse(body, status=_STATUS.get(error.error_code, 400))
