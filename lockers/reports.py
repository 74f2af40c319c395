"""GET /devices/siting.csv?days=28 with the bearer token of who operates cabinets."""

from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import translation
from django.views.decorators.http import require_GET

from lockers.services.siting import siting_csv
from marketplace.accounts.services.sign_in import authenticate
from marketplace.api import ratelimit
from marketplace.api.errors import refusal
from marketplace.api.view import bearer_token
from marketplace.kernel import clock
from marketplace.kernel.errors import N_, DomainError, Forbidden, InvalidInput

_STATUS = {"unauthenticated": 401, "forbidden": 403, "rate_limited": 429}
#: files of one user in an hour
MAX_FILES = 60


@require_GET
def siting_file(request: HttpRequest) -> HttpResponse:
    clock.refresh()
    with translation.override(translation.get_language_from_request(request)):
        try:
            principal = authenticate(bearer_token(request))
            principal.require_signed_in()
            if not (principal.has("platform") or principal.scopes("cabinet_operator")):
                raise Forbidden()
            ratelimit.hit(f"siting_file:{principal.user_uuid}", limit=MAX_FILES, per_s=3600)
            end = clock.now()
            start = end - timedelta(days=_days(request.GET.get("days", "28")))
            content = siting_csv(principal=principal, start=start, end=end)
        except DomainError as error:
            body: dict[str, Any] = {"errors": [refusal(error).as_json()]}
            return JsonResponse(body, status=_STATUS.get(error.error_code, 400))
    headers = {
        "Content-Disposition": f'attachment; filename="siting-{end:%Y-%m-%d}.csv"',
        "Cache-Control": "private, no-store",
    }
    return HttpResponse(content, content_type="text/csv; charset=utf-8", headers=headers)


def _days(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 3):
        raise InvalidInput(N_("应为整数天数"), field="days")
    return int(text)
