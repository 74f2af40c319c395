"""The platform's own money on its way to somebody whom it owes: a courier's firm, for its deliveries."""

from django.db import models
from django.db.models import Q

from marketplace.database.models import Identified
from orders.ledger.accounts import AccountKind
from orders.payments.states import TransferStatus


class Transfer(Identified):
    """Its uuid makes the provider's number: repeated as often as needed, moving money once."""

    owner_uuid = models.UUIDField(db_index=True)
    account = models.CharField(max_length=30, choices=[(kind.value, kind.value) for kind in AccountKind])
    amount_fen = models.BigIntegerField()
    key = models.CharField(max_length=120, unique=True)
    """The caller's: the same key is the same transfer."""
    payee_name = models.CharField(max_length=100)
    memo = models.CharField(max_length=100, blank=True)
    status = models.CharField(
        max_length=10,
        choices=[(state.value, state.value) for state in TransferStatus],
        default=TransferStatus.ORDERED,
    )
    failure = models.CharField(max_length=60, blank=True)
    next_try_at = models.DateTimeField(null=True)
    """Wire time of the next try; also the lease of the process that tries."""
    tries = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="payments_transfer_positive")
        ]
        indexes = [
            models.Index(fields=["next_try_at"], condition=Q(status="ordered"), name="payments_transfer_due")
        ]

    @property
    def number(self) -> str:
        return "T" + self.uuid.hex
