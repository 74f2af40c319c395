"""What buyers pay, how it was tried, what came back, and what the provider said. Knows no order.

References are the caller's UUIDs: a group's is what is paid at once, an intent's is one seller's part of it.
All amounts are fen.
"""

from enum import StrEnum

from django.db import models
from django.db.models import F, Q

from marketplace.database.models import Identified
from orders.payments.states import AttemptStatus, FreezeStatus, GroupStatus, IntentStatus, RefundStatus

#: of one trade, by default (分账): fees, never the seller's part
ROYALTY_CAP_PERCENT = 30


def _choices(states: type[StrEnum]) -> list[tuple[str, str]]:
    return [(state.value, state.value) for state in states]


class Merchant(Identified):
    """A seller as the provider knows him. Without `sub_merchant_id` he cannot be paid: no pooling (二清)."""

    owner_uuid = models.UUIDField(unique=True)
    name = models.CharField(max_length=100)
    sub_merchant_id = models.CharField(max_length=32, blank=True)
    registered_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class PaymentGroup(Identified):
    """What the buyer pays in one act: all of its intents or none."""

    reference = models.UUIDField(db_index=True)
    label = models.CharField(max_length=100, blank=True, db_index=True)
    """A developer's own name for it: `transfer_group` of the payment API."""
    status = models.CharField(max_length=10, choices=_choices(GroupStatus), default=GroupStatus.OPEN)
    currency = models.CharField(max_length=3, default="cny")
    provider = models.CharField(max_length=10, default="alipay")
    expires_at = models.DateTimeField()
    """Business time."""
    link_expires_at = models.DateTimeField(null=True)
    """Wire time: when the provider itself gives the payment up."""
    return_url = models.TextField(blank=True)
    pay_url = models.TextField(blank=True)
    why_closed = models.CharField(max_length=20, blank=True)
    next_try_at = models.DateTimeField(null=True)
    """Wire time of the next try to close; also the lease of the process that tries."""
    tries = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["reference"],
                condition=Q(status__in=[GroupStatus.OPEN, GroupStatus.CLOSING]),
                name="payments_one_open_group",
            )
        ]
        indexes = [
            models.Index(fields=["expires_at"], condition=Q(status="open"), name="payments_group_expiry"),
            models.Index(
                fields=["next_try_at"], condition=Q(status="closing"), name="payments_group_closing"
            ),
        ]


class PaymentIntent(Identified):
    """One settling merchant's part. `merchant_uuid` is empty for the platform's own part (delivery, fees)."""

    group = models.ForeignKey(PaymentGroup, on_delete=models.PROTECT, related_name="intents")
    reference = models.UUIDField(db_index=True)
    merchant_uuid = models.UUIDField(null=True)
    amount_fen = models.BigIntegerField()
    captured_fen = models.BigIntegerField(default=0)
    refunded_fen = models.BigIntegerField(default=0)
    """Ordered and not failed. With `settled_fen` never more than was captured: the database holds it."""
    settled_fen = models.BigIntegerField(default=0)
    """Ordered to be settled and not refused, less what refunds took back of it."""
    shared_fen = models.BigIntegerField(default=0)
    """The fees among `settled_fen`: the provider's cap is 30 % of the trade."""
    description = models.CharField(max_length=200)
    status = models.CharField(
        max_length=25, choices=_choices(IntentStatus), default=IntentStatus.REQUIRES_CONFIRMATION
    )
    payment_method = models.CharField(max_length=10, blank=True, default="alipay")
    confirmed_at = models.DateTimeField(null=True)
    capture_method = models.CharField(max_length=20, default="automatic")
    metadata = models.JSONField(default=dict, blank=True)
    cancellation_reason = models.CharField(max_length=30, blank=True)
    last_payment_error = models.CharField(max_length=100, blank=True)
    created_at = models.DateTimeField()
    succeeded_at = models.DateTimeField(null=True)
    canceled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="payments_intent_positive"),
            models.CheckConstraint(
                condition=Q(captured_fen__gte=0, captured_fen__lte=F("amount_fen")),
                name="payments_captured_within",
            ),
            models.CheckConstraint(
                condition=Q(
                    refunded_fen__gte=0,
                    settled_fen__gte=0,
                    captured_fen__gte=F("refunded_fen") + F("settled_fen"),
                ),
                name="payments_given_within_captured",
            ),
            models.CheckConstraint(
                condition=Q(
                    shared_fen__gte=0,
                    settled_fen__gte=F("shared_fen"),
                    shared_fen__lte=F("captured_fen") * ROYALTY_CAP_PERCENT / 100,
                ),
                name="payments_shared_within_cap",
            ),
            models.UniqueConstraint(fields=["group", "reference"], name="payments_intent_in_group"),
        ]

    @property
    def subject(self) -> str:
        """What the buyer reads at the provider, which takes no empty subject."""
        return self.description or f"订单 {self.reference.hex[-8:]}"


class Attempt(Identified):
    """One number at the provider, never used again with another amount."""

    intent = models.ForeignKey(PaymentIntent, on_delete=models.PROTECT, related_name="attempts")
    out_trade_no = models.CharField(max_length=64, unique=True)
    amount_fen = models.BigIntegerField()
    seller_id = models.CharField(max_length=32)
    """The account that the provider must name as the receiver."""
    sub_merchant_id = models.CharField(max_length=32, blank=True)
    status = models.CharField(max_length=10, choices=_choices(AttemptStatus), default=AttemptStatus.OPEN)
    trade_no = models.CharField(max_length=64, blank=True)
    paid_at = models.DateTimeField(null=True)
    """The provider's time."""
    buyer_id = models.CharField(max_length=64, blank=True)
    next_query_at = models.DateTimeField(null=True)
    """Wire time of the next query; also the lease of the process that asks."""
    queries = models.PositiveSmallIntegerField(default=0)
    cancel_at = models.DateTimeField(null=True)
    """Wire time after which a payment by code that is still without an answer is cancelled."""
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["intent"], condition=Q(status="open"), name="payments_one_open_attempt"
            ),
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="payments_attempt_positive"),
        ]
        indexes = [
            models.Index(fields=["next_query_at"], condition=Q(status="open"), name="payments_attempt_due"),
        ]


class PreAuthorisation(Identified):
    """Money frozen for a weighed sale: captured once, at most the frozen sum, the rest released."""

    intent = models.OneToOneField(PaymentIntent, on_delete=models.PROTECT, related_name="pre_authorisation")
    freeze_no = models.CharField(max_length=64, unique=True)
    request_no = models.CharField(max_length=64, unique=True)
    auth_no = models.CharField(max_length=64, blank=True)
    payee_id = models.CharField(max_length=32)
    status = models.CharField(max_length=10, choices=_choices(FreezeStatus), default=FreezeStatus.WAITING)
    frozen_fen = models.BigIntegerField(default=0)
    captured_fen = models.BigIntegerField(default=0)
    released_fen = models.BigIntegerField(default=0)
    link = models.TextField(blank=True)
    next_try_at = models.DateTimeField(null=True)
    """Wire time of the next question or release; also the lease of the process that tries."""
    tries = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(frozen_fen__gte=F("captured_fen") + F("released_fen")),
                name="payments_freeze_adds_up",
            )
        ]
        indexes = [
            models.Index(
                fields=["next_try_at"],
                condition=Q(status__in=["waiting", "releasing"]),
                name="payments_freeze_due",
            )
        ]


class Refund(Identified):
    """Its uuid is the provider's request number: repeated as often as needed, moving money once."""

    attempt = models.ForeignKey(Attempt, on_delete=models.PROTECT, null=True, related_name="refunds")
    """Empty for cash."""
    intent = models.ForeignKey(PaymentIntent, on_delete=models.PROTECT, related_name="refunds")
    key = models.CharField(max_length=120, unique=True)
    """The caller's: the same key is the same refund."""
    amount_fen = models.BigIntegerField()
    reason = models.CharField(max_length=100)
    lines = models.JSONField(default=list)
    """What the caller wants to find on statements: [{"reference": ..., "amount_fen": ...}]."""
    metadata = models.JSONField(default=dict, blank=True)
    status = models.CharField(max_length=10, choices=_choices(RefundStatus), default=RefundStatus.PENDING)
    failure = models.CharField(max_length=60, blank=True)
    next_try_at = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    moved_at = models.DateTimeField(null=True)
    """Wire time at which the provider said that the money has moved."""

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(amount_fen__gt=0), name="payments_refund_positive")]
        indexes = [
            models.Index(fields=["next_try_at"], condition=Q(status="pending"), name="payments_refund_due")
        ]

    @property
    def request_no(self) -> str:
        return self.uuid.hex


class GatewayNotification(Identified):
    """A believed notification, once per `notify_id`, exactly as it came."""

    provider = models.CharField(max_length=10, default="alipay")
    notify_id = models.CharField(max_length=128)
    kind = models.CharField(max_length=10)
    out_trade_no = models.CharField(max_length=64, db_index=True)
    raw = models.TextField()
    received_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["provider", "notify_id"], name="payments_notification_once")
        ]


class GatewayCall(Identified):
    """What was asked of the provider about one number, how often, and what it said last."""

    operation = models.CharField(max_length=20)
    number = models.CharField(max_length=64)
    attempts = models.PositiveIntegerField(default=0)
    last_result = models.CharField(max_length=20)
    last_reason = models.CharField(max_length=200, blank=True)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["operation", "number"], name="payments_call_per_number")
        ]


class CashReceipt(Identified):
    """Cash that a station took for a group: it owes it to the platform until it is handed over."""

    group = models.OneToOneField(PaymentGroup, on_delete=models.PROTECT, related_name="cash_receipt")
    station_uuid = models.UUIDField(db_index=True)
    amount_fen = models.BigIntegerField()
    taken_by_uuid = models.UUIDField()
    taken_at = models.DateTimeField()
