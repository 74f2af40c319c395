"""All models of payments."""

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

__all__ = [
    "Attempt",
    "CashReceipt",
    "Event",
    "GatewayCall",
    "GatewayNotification",
    "IdempotencyKey",
    "Merchant",
    "PaymentGroup",
    "PaymentIntent",
    "PreAuthorisation",
    "Refund",
    "WebhookDelivery",
    "WebhookEndpoint",
]
