"""The provider's notifications, checked in one order, kept once, believed only then."""

from django.db import IntegrityError, transaction

from marketplace.kernel import clock
from orders.payments.errors import NotificationRefused
from orders.payments.gateways.base import BadSignature, Notification, NotificationKind, TradeStatus
from orders.payments.gateways.registry import gateway
from orders.payments.models import Attempt, GatewayNotification, PreAuthorisation, Refund
from orders.payments.services.freezes import hear_of_freeze
from orders.payments.services.outcomes import record_closed, record_paid
from orders.payments.states import AttemptStatus, RefundStatus


def receive_notification(raw: bytes) -> None:
    """Returns once everything is committed: only then may the reply be `success`. A repeat changes nothing.

    Checks in this order: signature, app, seller, number known, amount equal, then the state.
    Raises NotificationRefused naming the first check that failed.
    """
    try:
        note = gateway().read_notification(raw)
    except BadSignature as error:
        raise NotificationRefused("signature") from error
    _check_sender(note)
    if note.kind is NotificationKind.FREEZE:
        freeze = _freeze_of(note)
        with transaction.atomic():
            if _keep(note, raw):
                hear_of_freeze(freeze)
        return
    attempt = _attempt_of(note)
    with transaction.atomic():
        if _keep(note, raw):
            _act(note, attempt)


def _check_sender(note: Notification) -> None:
    if not note.notify_id:
        raise NotificationRefused("notify_id")
    if note.app_id != gateway().app_id:
        raise NotificationRefused("app_id")


def _freeze_of(note: Notification) -> PreAuthorisation:
    """The amount is judged by the query that follows: an unfreezing names another one."""
    freeze: PreAuthorisation | None = PreAuthorisation.objects.filter(freeze_no=note.out_trade_no).first()
    if note.seller_id != (freeze.payee_id if freeze else gateway().seller_id):
        raise NotificationRefused("seller_id")
    if freeze is None:
        raise NotificationRefused("out_trade_no")
    return freeze


def _attempt_of(note: Notification) -> Attempt:
    attempt: Attempt | None = Attempt.objects.filter(out_trade_no=note.out_trade_no).first()
    if note.seller_id != (attempt.seller_id if attempt else gateway().seller_id):
        raise NotificationRefused("seller_id")
    if attempt is None:
        raise NotificationRefused("out_trade_no")
    if note.amount_fen != attempt.amount_fen:
        raise NotificationRefused("total_amount")
    return attempt


def _keep(note: Notification, raw: bytes) -> bool:
    """False if this notification has been acted on before. Eight at once: the unique key lets one through."""
    try:
        with transaction.atomic():
            GatewayNotification.objects.create(
                provider=gateway().name,
                notify_id=note.notify_id,
                kind=note.kind,
                out_trade_no=note.out_trade_no,
                raw=raw.decode(),
                received_at=clock.wall(),
            )
    except IntegrityError:
        return False
    return True


def _act(note: Notification, attempt: Attempt) -> None:
    """A refund's notification is never a payment: it only makes queries due: of that refund, and
    of the payment if its own notification was lost."""
    if note.kind is NotificationKind.REFUND:
        Refund.objects.filter(
            attempt=attempt, uuid__in=_uuids(note.refund_no), status=RefundStatus.PENDING
        ).update(next_try_at=clock.wall())
        Attempt.objects.filter(pk=attempt.pk, status=AttemptStatus.OPEN).update(next_query_at=clock.wall())
    elif note.status in (TradeStatus.PAID, TradeStatus.FINISHED):
        record_paid(attempt.pk, trade_no=note.trade_no, paid_at=note.paid_at, buyer_id=note.buyer_id)
    elif note.status is TradeStatus.CLOSED and note.paid_at is None:
        record_closed(attempt.pk, why="closed")


def _uuids(refund_no: str) -> list[str]:
    return [refund_no] if len(refund_no) == 32 and all(c in "0123456789abcdef" for c in refund_no) else []
