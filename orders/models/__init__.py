"""All models of orders: what was traded, and the money rules around it."""

from orders.models.money import (
    CashClosing,
    Claim,
    ClaimStatus,
    FeeRule,
    FeeStatus,
    Payout,
    PayoutStatus,
    StorageFee,
)
from orders.models.trade import (
    Cart,
    CartLine,
    Fulfilment,
    Line,
    LineRefund,
    Order,
    PaymentMethod,
    PortionWeight,
    Reach,
    RefundReason,
    Substitution,
    WeighIn,
)

__all__ = [
    "Cart",
    "CartLine",
    "CashClosing",
    "Claim",
    "ClaimStatus",
    "FeeRule",
    "FeeStatus",
    "Fulfilment",
    "Line",
    "LineRefund",
    "Order",
    "PaymentMethod",
    "Payout",
    "PayoutStatus",
    "PortionWeight",
    "Reach",
    "RefundReason",
    "StorageFee",
    "Substitution",
    "WeighIn",
]
