"""POST /files (multipart: file, purpose) -> {"id"}; GET /files/<id> for who uploaded it."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import translation
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from farmers.services.files import read_evidence, upload_evidence
from marketplace.accounts.services.sign_in import authenticate
from marketplace.api import ratelimit
from marketplace.api.errors import refusal
from marketplace.api.view import bearer_token
from marketplace.kernel import clock
from marketplace.kernel.errors import N_, DomainError, InvalidInput

_STATUS = {"unauthenticated": 401, "forbidden": 403, "not_found": 404, "rate_limited": 429}
#: uploads of one user in an hour
MAX_UPLOADS = 300


@csrf_exempt  # the bearer token is the proof: no cross-site form carries it
@require_POST
def upload_file(request: HttpRequest) -> HttpResponse:
    clock.refresh()
    with translation.override(translation.get_language_from_request(request)):
        try:
            principal = authenticate(bearer_token(request))
            principal.require_signed_in()
            ratelimit.hit(f"upload:{principal.user_uuid}", limit=MAX_UPLOADS, per_s=3600)
            upload = request.FILES.get("file")
            if upload is None:
                raise InvalidInput(N_("请选择图片"), field="file")
            purpose = request.POST.get("purpose", "consent")
            file = upload_evidence(principal=principal, upload=upload, purpose=purpose)
        except DomainError as error:
            return _refused(error)
        return JsonResponse({"id": str(file.uuid)}, status=201)


@require_GET
def download_file(request: HttpRequest, file_uuid: UUID) -> HttpResponse:
    with translation.override(translation.get_language_from_request(request)):
        try:
            picture = read_evidence(principal=authenticate(bearer_token(request)), file_uuid=file_uuid)
        except DomainError as error:
            return _refused(error)
        return HttpResponse(
            picture, content_type="image/jpeg", headers={"Cache-Control": "private, max-age=3600"}
        )


def _refused(error: DomainError) -> HttpResponse:
    body: dict[str, Any] = {"errors": [refusal(error).as_json()]}
    return JsonResponse(body, status=_STATUS.get(error.error_code, 400))
