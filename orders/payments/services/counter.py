"""Paying face to face: the buyer shows a code that is scanned, or scans one that is shown to him.

One trade at a time: a code pays one merchant, so a group of several intents is paid by its link.
"""

from datetime import timedelta

from django.conf import settings

from marketplace.kernel import clock
from marketplace.kernel.errors import N_, InvalidInput
from orders.payments.errors import ProviderAway
from orders.payments.gateways.base import GatewayError, TradeState, TradeStatus
from orders.payments.gateways.registry import gateway
from orders.payments.models import Attempt, PaymentGroup
from orders.payments.services.calls import record_call
from orders.payments.services.confirming import Started, start_attempts
from orders.payments.services.outcomes import record_closed
from orders.payments.services.queries import CODE_QUERY_S, believe
from orders.payments.states import AttemptStatus

CODE_MAX = 64
#: from the scan to the cancelling of a payment that nobody finished
CODE_LIFE = timedelta(seconds=60)


def pay_with_code(*, group: PaymentGroup, auth_code: str) -> TradeState:
    """Charges the code that the buyer shows. Never inside a transaction; a repeat keeps the number.

    PAID: done. ABSENT: refused, with the reason; another code may be tried. Anything else: the buyer types
    his password, or the answer is unclear; it is asked for every 4 s, and cancelled after a minute.
    Raises InvalidInput, NotPayable, MerchantNotRegistered.
    """
    if not auth_code.isdigit() or len(auth_code) > CODE_MAX:
        raise InvalidInput(N_("付款码格式不正确"), field="authCode")
    [order] = _one_trade(group).orders
    attempt: Attempt = Attempt.objects.get(out_trade_no=order.out_trade_no)
    now = clock.wall()
    Attempt.objects.filter(pk=attempt.pk, status=AttemptStatus.OPEN).update(
        cancel_at=now + CODE_LIFE, next_query_at=now + timedelta(seconds=CODE_QUERY_S)
    )
    state = gateway().pay_with_code(trade=order, auth_code=auth_code, notify_url=_notify_url())
    record_call(operation="pay_code", number=order.out_trade_no, result=state.status, reason=state.reason)
    if state.status is TradeStatus.ABSENT:
        record_closed(attempt.pk, why=state.reason or "refused")
    else:
        believe(attempt, state)
    return state


def offer_code(*, group: PaymentGroup) -> str:
    """The text of a QR code that the buyer scans. Never inside a transaction; repeating it is safe.

    A code is no trade: until it is scanned a query finds nothing, and it can still be paid after a close.
    Raises InvalidInput, NotPayable, ProviderAway, MerchantNotRegistered.
    """
    started = _one_trade(group)
    [order] = started.orders
    try:
        code = gateway().qr_code(trade=order, notify_url=_notify_url(), expires_at=started.expires_at)
    except GatewayError as error:
        record_call(operation="qr_code", number=order.out_trade_no, result="unknown", reason=str(error))
        raise ProviderAway from error
    record_call(operation="qr_code", number=order.out_trade_no, result="done")
    return code


def _one_trade(group: PaymentGroup) -> Started:
    if group.intents.count() != 1:
        raise InvalidInput(N_("付款码一次只能付给一个商家"), field="group")
    return start_attempts(group, return_to=group.return_url)


def _notify_url() -> str:
    return f"{settings.PUBLIC_URL}/payments/alipay/notify"
