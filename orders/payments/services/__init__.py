"""The verbs of payments. Locks: payment group -> (intent, attempt, refund under it) -> ledger accounts."""

from orders.payments.services.cash import record_cash
from orders.payments.services.confirming import NextAction, confirm_group, own_path
from orders.payments.services.counter import offer_code, pay_with_code
from orders.payments.services.due import dispatch_due, in_flight, work_due
from orders.payments.services.groups import (
    IntentSpec,
    cancel_group,
    expire_due_groups,
    open_group,
    payment_of,
)
from orders.payments.services.merchants import register_merchant
from orders.payments.services.notifications import receive_notification
from orders.payments.services.queries import query_group, query_unknown
from orders.payments.services.receivers import bind_receiver
from orders.payments.services.reconciling import reconcile_day
from orders.payments.services.refunds import refund, refunded_fen, send_refund
from orders.payments.services.settlements import PartSpec, order_settlement
from orders.payments.services.settling import send_settlement
from orders.payments.services.transfers import order_transfer, send_transfer

__all__ = [
    "IntentSpec",
    "NextAction",
    "PartSpec",
    "bind_receiver",
    "cancel_group",
    "confirm_group",
    "dispatch_due",
    "expire_due_groups",
    "in_flight",
    "offer_code",
    "open_group",
    "order_settlement",
    "order_transfer",
    "own_path",
    "pay_with_code",
    "payment_of",
    "query_group",
    "query_unknown",
    "receive_notification",
    "reconcile_day",
    "record_cash",
    "refund",
    "refunded_fen",
    "register_merchant",
    "send_refund",
    "send_settlement",
    "send_transfer",
    "work_due",
]
