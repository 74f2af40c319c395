"""Double entry, append-only: the database itself refuses a change, an imbalance and a late entry."""

from django.db import models
from django.db.models import Q

from marketplace.database.models import Identified
from orders.ledger.accounts import AccountKind


class LedgerAccount(Identified):
    """One kind of balance of one owner; `owner_uuid` is empty for the platform and for the provider."""

    kind = models.CharField(max_length=30, choices=[(kind.value, kind.value) for kind in AccountKind])
    owner_uuid = models.UUIDField(null=True)
    currency = models.CharField(max_length=3, default="cny")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "owner_uuid", "currency"], name="ledger_one_account", nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind}:{self.owner_uuid}" if self.owner_uuid else self.kind


class LedgerTransaction(Identified):
    """One external fact, posted once: (`provider`, `kind`, `external_id`) is its identity.

    `entry_count` seals it: a deferred trigger compares it with the entries that stand at the commit.
    """

    provider = models.CharField(max_length=30)
    kind = models.CharField(max_length=40)
    external_id = models.CharField(max_length=120)
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    currency = models.CharField(max_length=3, default="cny")
    reference = models.CharField(max_length=64, blank=True, db_index=True)
    memo = models.CharField(max_length=200, blank=True)
    entry_count = models.PositiveSmallIntegerField()
    reverses = models.OneToOneField("self", on_delete=models.PROTECT, null=True, related_name="reversed_by")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["provider", "kind", "external_id"], name="ledger_fact_once"),
            models.CheckConstraint(condition=Q(entry_count__gte=2), name="ledger_two_entries"),
        ]

    def __str__(self) -> str:
        return f"{self.provider}/{self.kind}/{self.external_id}"


class LedgerEntry(models.Model):
    """`amount_fen`: debit positive, credit negative, never zero."""

    id = models.BigAutoField(primary_key=True)
    transaction = models.ForeignKey(LedgerTransaction, on_delete=models.PROTECT, related_name="entries")
    account = models.ForeignKey(LedgerAccount, on_delete=models.PROTECT, related_name="entries")
    amount_fen = models.BigIntegerField()
    occurred_at = models.DateTimeField()
    """The transaction's, repeated so that a balance at a date is one index scan."""

    class Meta:
        constraints = [models.CheckConstraint(condition=~Q(amount_fen=0), name="ledger_entry_not_zero")]
        indexes = [
            models.Index(fields=["account", "occurred_at"], include=["amount_fen"], name="ledger_balance"),
        ]
