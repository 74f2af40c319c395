"""GET /plans/<id>.<csv|xlsx|gpx|pdf> for the staff of the plan's hub."""

from typing import Any
from urllib.parse import quote
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import translation
from django.views.decorators.http import require_GET

from marketplace.accounts.services.sign_in import authenticate
from marketplace.api import ratelimit
from marketplace.api.errors import refusal
from marketplace.api.view import bearer_token
from marketplace.kernel import clock
from marketplace.kernel.errors import DomainError
from routing.services.access import plan_for
from routing.services.reports.plan_files import FILES

_STATUS = {"unauthenticated": 401, "forbidden": 403, "not_found": 404, "rate_limited": 429}
#: files of one user in an hour
MAX_FILES = 200


@require_GET
def plan_file(request: HttpRequest, plan_uuid: UUID, extension: str) -> HttpResponse:
    clock.refresh()
    with translation.override(translation.get_language_from_request(request)):
        try:
            principal = authenticate(bearer_token(request))
            principal.require_signed_in()
            ratelimit.hit(f"plan_file:{principal.user_uuid}", limit=MAX_FILES, per_s=3600)
            plan = plan_for(principal=principal, plan_uuid=plan_uuid)
            make, media_type = FILES[extension]
            content = make(plan)
        except DomainError as error:
            body: dict[str, Any] = {"errors": [refusal(error).as_json()]}
            return JsonResponse(body, status=_STATUS.get(error.error_code, 400))
    name = quote(f"{plan.hub.name}_{plan.date}_{plan.wave}_v{plan.version}.{extension}")
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{name}",
        "Cache-Control": "private, no-store",
    }
    return HttpResponse(content, content_type=media_type, headers=headers)
