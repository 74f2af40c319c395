"""The two addresses that Alipay and the returning buyer call."""

import logging
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from marketplace.kernel import clock
from marketplace.kernel.errors import InvalidInput
from marketplace.kernel.ids import parse_uuid
from orders.payments.errors import NotificationRefused
from orders.payments.models import PaymentGroup
from orders.payments.services import query_group, receive_notification
from orders.payments.states import GroupStatus
from orders.payments.stripe_objects import outside_id

log = logging.getLogger(__name__)
NOTIFICATION_MAX = 64 * 1024


@csrf_exempt
@require_POST
def notify(request: HttpRequest) -> HttpResponse:
    """Replies `success` only after the commit; anything else makes Alipay come again."""
    clock.refresh()
    if int(request.META.get("CONTENT_LENGTH") or 0) > NOTIFICATION_MAX:
        return HttpResponse("fail", status=413, content_type="text/plain")
    try:
        receive_notification(request.body)
    except NotificationRefused as refusal:
        log.warning("notification refused: %s", refusal.reason)
        return HttpResponse("fail", status=400, content_type="text/plain")
    return HttpResponse("success", content_type="text/plain")


@require_GET
def returned(request: HttpRequest) -> HttpResponse:
    """The buyer is back, which proves nothing: ask the provider, then show him his page."""
    clock.refresh()
    try:
        group = PaymentGroup.objects.filter(uuid=parse_uuid(request.GET.get("group"), "group")).first()
    except InvalidInput:
        group = None
    if group is None:
        return HttpResponseRedirect("/")
    query_group(group=group)
    return HttpResponseRedirect(_page_of(group))


def _page_of(group: PaymentGroup) -> str:
    """Our own page, or the developer's with the intent's id as Stripe adds it; neither proves a payment."""
    if not group.return_url.startswith(("http://", "https://")):
        return group.return_url or "/"
    group.refresh_from_db()
    intent = group.intents.order_by("pk").first()
    ended = {GroupStatus.SUCCEEDED: "succeeded", GroupStatus.CLOSED: "failed"}
    added = {
        "payment_intent": outside_id("pi", intent.uuid) if intent else "",
        "redirect_status": ended.get(GroupStatus(group.status), "pending"),
    }
    return group.return_url + ("&" if "?" in group.return_url else "?") + urlencode(added)
