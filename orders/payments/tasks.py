"""Calls to the provider, away from the drain. Every task may run twice."""

from celery import shared_task

from orders.payments.services.freezes import query_freeze
from orders.payments.services.groups import close_group
from orders.payments.services.queries import query_attempt
from orders.payments.services.reconciling import fetch_bill
from orders.payments.services.refunds import send_refund
from orders.payments.services.settling import send_settlement
from orders.payments.services.transfers import send_transfer
from orders.payments.services.webhooks import send_webhook


@shared_task
def close_payment_group(group_id: int) -> None:
    close_group(group_id)


@shared_task
def query_payment_attempt(attempt_id: int) -> None:
    query_attempt(attempt_id)


@shared_task
def send_payment_refund(refund_id: int) -> None:
    send_refund(refund_id)


@shared_task
def send_payment_settlement(instruction_id: int) -> None:
    send_settlement(instruction_id)


@shared_task
def send_payment_transfer(transfer_id: int) -> None:
    send_transfer(transfer_id)


@shared_task
def query_payment_freeze(freeze_id: int) -> None:
    query_freeze(freeze_id)


@shared_task
def send_payment_webhook(delivery_id: int) -> None:
    send_webhook(delivery_id)


@shared_task
def fetch_payment_bill(file_id: int) -> None:
    fetch_bill(file_id)
