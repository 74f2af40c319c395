"""Money on its way from the provider to those who earned it: what was ordered, and what refunds took back."""

from django.db import models
from django.db.models import F, Q

from marketplace.database.models import Identified
from orders.ledger.accounts import AccountKind
from orders.payments.models.payments import Attempt, PaymentIntent, Refund
from orders.payments.states import SettlementStatus


class RoyaltyReceiver(Identified):
    """An account that fees may be shared to; the provider wants it bound first. No owner: the platform."""

    owner_uuid = models.UUIDField(null=True)
    account = models.CharField(max_length=32)
    name = models.CharField(max_length=100, blank=True)
    bound_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner_uuid"], name="payments_one_receiver", nulls_distinct=False)
        ]

    def __str__(self) -> str:
        return self.name or self.account


class SettlementInstruction(Identified):
    """One release of a trade's money to its merchant, and the fees shared out of it.

    Its uuid makes the provider's request numbers: repeated with the same amounts as often as needed.
    """

    intent = models.ForeignKey(PaymentIntent, on_delete=models.PROTECT, related_name="settlements")
    attempt = models.ForeignKey(Attempt, on_delete=models.PROTECT, related_name="settlements")
    key = models.CharField(max_length=120, unique=True)
    """The caller's: the same key is the same settlement."""
    amount_fen = models.BigIntegerField()
    memo = models.CharField(max_length=100, blank=True)
    status = models.CharField(
        max_length=10,
        choices=[(state.value, state.value) for state in SettlementStatus],
        default=SettlementStatus.ORDERED,
    )
    failure = models.CharField(max_length=60, blank=True)
    confirmed_at = models.DateTimeField(null=True)
    """Wire time at which the provider said that the money is released."""
    asked_at = models.DateTimeField(null=True)
    """Wire time of the last sharing request: those of one trade stay three seconds apart."""
    next_try_at = models.DateTimeField(null=True)
    """Wire time of the next step; also the lease of the process that takes it."""
    tries = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="payments_settlement_positive")
        ]
        indexes = [
            models.Index(
                fields=["next_try_at"],
                condition=Q(status__in=["ordered", "confirmed"]),
                name="payments_settlement_due",
            )
        ]

    @property
    def confirm_no(self) -> str:
        return "C" + self.uuid.hex

    def share_no(self, batch: int) -> str:
        return f"S{batch:02d}{self.uuid.hex}"


class SettlementLine(Identified):
    """What one party gets: released with the merchant's money, or a fee shared out of it (`royalty`)."""

    instruction = models.ForeignKey(SettlementInstruction, on_delete=models.PROTECT, related_name="lines")
    account = models.CharField(max_length=30, choices=[(kind.value, kind.value) for kind in AccountKind])
    owner_uuid = models.UUIDField(null=True)
    amount_fen = models.BigIntegerField()
    royalty = models.BooleanField(default=False)
    batch = models.PositiveSmallIntegerField(default=0)
    """The sharing request that carries it: at most five receivers each."""
    paid_at = models.DateTimeField(null=True)
    """Wire time at which the provider said that it has moved."""
    returned_fen = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_fen__gt=0, returned_fen__gte=0, returned_fen__lte=F("amount_fen")),
                name="payments_settlement_line_adds_up",
            ),
        ]


class SettlementReturn(Identified):
    """What a refund takes back of a settlement line."""

    refund = models.ForeignKey(Refund, on_delete=models.PROTECT, related_name="returns")
    line = models.ForeignKey(SettlementLine, on_delete=models.PROTECT, related_name="returns")
    amount_fen = models.BigIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="payments_return_positive"),
            models.UniqueConstraint(fields=["refund", "line"], name="payments_return_once"),
        ]
