"""All models of orders: what was traded, and the money rules around it."""

from orders.models.carriers import CarrierPayout, CarrierPayoutStatus
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
from orders.models.receipts import Receipt, ReceiptTitle
from orders.models.returns import GoodsReturn, ReturnStatus
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
from orders.models.wishes import AllergyLock

__all__ = [
    "AllergyLock",
    "CarrierPayout",
    "CarrierPayoutStatus",
    "Cart",
    "CartLine",
    "CashClosing",
    "Claim",
    "ClaimStatus",
    "FeeRule",
    "FeeStatus",
    "Fulfilment",
    "GoodsReturn",
    "Line",
    "LineRefund",
    "Order",
    "PaymentMethod",
    "Payout",
    "PayoutStatus",
    "PortionWeight",
    "Reach",
    "Receipt",
    "ReceiptTitle",
    "RefundReason",
    "ReturnStatus",
    "StorageFee",
    "Substitution",
    "WeighIn",
]
