"""Files for who operates cabinets, with his bearer token.

GET /devices/siting.csv?days=28, /devices/sites.csv, /devices/sites.xlsx
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import translation
from django.views.decorators.http import require_GET

from lockers.services.oversight.siting import siting_csv
from lockers.services.sites.site_template import sites_template
from marketplace.accounts.services.sign_in import authenticate
from marketplace.api import ratelimit
from marketplace.api.errors import refusal
from marketplace.api.view import bearer_token
from marketplace.kernel import clock
from marketplace.kernel.errors import N_, DomainError, InvalidInput
from marketplace.kernel.principal import Principal

_STATUS = {"unauthenticated": 401, "forbidden": 403, "rate_limited": 429}
#: files of one user in an hour
MAX_FILES = 60
SITING_READERS = ("cabinet_operator", "county_reviewer")


_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@require_GET
def siting_file(request: HttpRequest) -> HttpResponse:
    def content(principal: Principal) -> bytes:
        end = clock.now()
        start = end - timedelta(days=_days(request.GET.get("days", "28")))
        return siting_csv(principal=principal, start=start, end=end)

    return _file(request, f"siting-{clock.now():%Y-%m-%d}.csv", SITING_READERS, content)


@require_GET
def sites_template_file(request: HttpRequest, kind: str) -> HttpResponse:
    """The table to fill in for importSites."""

    def content(principal: Principal) -> bytes:
        return sites_template(principal=principal, kind=kind, english=translation.get_language() == "en")

    return _file(request, f"sites.{kind}", ("cabinet_operator",), content)


def _file(
    request: HttpRequest, name: str, roles: tuple[str, ...], content: Callable[[Principal], bytes]
) -> HttpResponse:
    clock.refresh()
    with translation.override(translation.get_language_from_request(request)):
        try:
            principal = authenticate(bearer_token(request))
            principal.require(roles)
            ratelimit.hit(f"siting_file:{principal.user_uuid}", limit=MAX_FILES, per_s=3600)
            body = content(principal)
        except DomainError as error:
            told: dict[str, Any] = {"errors": [refusal(error).as_json()]}
            return JsonResponse(told, status=_STATUS.get(error.error_code, 400))
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "private, no-store",
    }
    return HttpResponse(body, content_type=_TYPES[name.rpartition(".")[2]], headers=headers)


def _days(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 3):
        raise InvalidInput(N_("应为整数天数"), field="days")
    return int(text)
