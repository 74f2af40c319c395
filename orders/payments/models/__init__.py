"""All models of payments."""

from orders.payments.models.bills import BillFile, BillRow, ReconciliationItem
from orders.payments.models.developer import Event, IdempotencyKey, WebhookDelivery, WebhookEndpoint
from orders.payments.models.payments import (
    Attempt,
    CashReceipt,
    GatewayCall,
    GatewayNotification,
    Merchant,
    PaymentGroup,
    PaymentIntent,
    PreAuthorisation,
    Refund,
)
from orders.payments.models.settlements import (
    RoyaltyReceiver,
    SettlementInstruction,
    SettlementLine,
    SettlementReturn,
)
from orders.payments.models.transfers import Transfer

__all__ = [
    "Attempt",
    "BillFile",
    "BillRow",
    "CashReceipt",
    "Event",
    "GatewayCall",
    "GatewayNotification",
    "IdempotencyKey",
    "Merchant",
    "PaymentGroup",
    "PaymentIntent",
    "PreAuthorisation",
    "ReconciliationItem",
    "Refund",
    "RoyaltyReceiver",
    "SettlementInstruction",
    "SettlementLine",
    "SettlementReturn",
    "Transfer",
    "WebhookDelivery",
    "WebhookEndpoint",
]
