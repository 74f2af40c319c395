"""Finding due rows, leasing them, and working on them here or in Celery."""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from celery import current_app
from django.db import models, transaction
from kombu.exceptions import OperationalError

from marketplace.kernel import clock
from orders.payments.models import (
    Attempt,
    BillFile,
    PaymentGroup,
    PreAuthorisation,
    Refund,
    SettlementInstruction,
    Transfer,
    WebhookDelivery,
)
from orders.payments.services.freezes import query_freeze
from orders.payments.services.groups import close_group, expire_due_groups
from orders.payments.services.queries import query_attempt
from orders.payments.services.reconciling import fetch_bill, want_bills
from orders.payments.services.refunds import send_refund
from orders.payments.services.settling import send_settlement
from orders.payments.services.transfers import send_transfer
from orders.payments.services.webhooks import send_webhook
from orders.payments.states import (
    AttemptStatus,
    FreezeStatus,
    GroupStatus,
    RefundStatus,
    SettlementStatus,
    TransferStatus,
)

log = logging.getLogger(__name__)
LEASE = timedelta(seconds=30)
AT_ONCE = 100


def claim_attempts() -> list[int]:
    return _claim(Attempt.objects.filter(status=AttemptStatus.OPEN), "next_query_at")


def claim_refunds() -> list[int]:
    return _claim(Refund.objects.filter(status=RefundStatus.PENDING), "next_try_at")


def claim_closing() -> list[int]:
    return _claim(PaymentGroup.objects.filter(status=GroupStatus.CLOSING), "next_try_at")


def claim_freezes() -> list[int]:
    live = [FreezeStatus.WAITING, FreezeStatus.RELEASING]
    return _claim(PreAuthorisation.objects.filter(status__in=live), "next_try_at")


def claim_settlements() -> list[int]:
    live = [SettlementStatus.ORDERED, SettlementStatus.CONFIRMED]
    return _claim(SettlementInstruction.objects.filter(status__in=live), "next_try_at")


def claim_transfers() -> list[int]:
    return _claim(Transfer.objects.filter(status=TransferStatus.ORDERED), "next_try_at")


def claim_webhooks() -> list[int]:
    return _claim(WebhookDelivery.objects.filter(status="pending"), "next_try_at")


def claim_bills() -> list[int]:
    want_bills()
    return _claim(BillFile.objects.filter(status="wanted"), "next_try_at")


#: (claim, work here, name of the task that does the same work)
WORK: tuple[tuple[Callable[[], list[int]], Callable[[int], object], str], ...] = (
    (claim_closing, close_group, "close_payment_group"),
    (claim_attempts, query_attempt, "query_payment_attempt"),
    (claim_refunds, send_refund, "send_payment_refund"),
    (claim_freezes, query_freeze, "query_payment_freeze"),
    (claim_settlements, send_settlement, "send_payment_settlement"),
    (claim_transfers, send_transfer, "send_payment_transfer"),
    (claim_webhooks, send_webhook, "send_payment_webhook"),
    (claim_bills, fetch_bill, "fetch_payment_bill"),
)


def work_due() -> int:
    """Everything due, in this process; returns how much was done. Never inside a transaction."""
    count = expire_due_groups()
    for claim, work, _ in WORK:
        ids = claim()
        for row_id in ids:
            work(row_id)
        count += len(ids)
    return count


def dispatch_due() -> int:
    """Hands everything due to the workers: the drain polls this. A lost task is due again after its lease."""
    count = expire_due_groups()
    for claim, _, task in WORK:
        for row_id in claim():
            count += _send(task, row_id)
    return count


def in_flight() -> int:
    """Refunds and closings that the provider has not settled yet: business time should wait for them."""
    return int(
        Refund.objects.filter(status=RefundStatus.PENDING).count()
        + PaymentGroup.objects.filter(status=GroupStatus.CLOSING).count()
    )


def _send(task: str, row_id: int) -> bool:
    try:
        current_app.send_task(f"orders.payments.tasks.{task}", args=[row_id])
    except OperationalError as error:
        log.warning("queue away, %s %s waits for its lease: %s", task, row_id, error)
        return False
    return True


def _claim(rows: "models.QuerySet[Any]", field: str) -> list[int]:
    """Ids of due rows, leased: whoever dies with them leaves them due again half a minute later."""
    now = clock.wall()
    with transaction.atomic():
        due = rows.filter(**{f"{field}__lte": now}).order_by(field).select_for_update(skip_locked=True)
        ids = list(due.values_list("pk", flat=True)[:AT_ONCE])
        if ids:
            rows.model._default_manager.filter(pk__in=ids).update(**{field: now + LEASE})
    return ids
