"""The provider's daily bill as it came, and where it differs from our books."""

from django.db import models

from marketplace.database.models import Identified


class BillFile(Identified):
    """One day's bill. `wanted` until it is there; then its rows never change."""

    provider = models.CharField(max_length=10, default="alipay")
    day = models.DateField()
    """The provider's day (Asia/Shanghai, wire time)."""
    status = models.CharField(max_length=10, default="wanted")
    sha256 = models.CharField(max_length=64, blank=True)
    next_try_at = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)
    fetched_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["provider", "day"], name="payments_bill_once")]


class BillRow(Identified):
    """A payment, or a refund with its number and a negative amount."""

    file = models.ForeignKey(BillFile, on_delete=models.CASCADE, related_name="rows")
    kind = models.CharField(max_length=10)
    trade_no = models.CharField(max_length=64)
    out_trade_no = models.CharField(max_length=64, db_index=True)
    refund_no = models.CharField(max_length=64, blank=True)
    amount_fen = models.BigIntegerField()
    fee_fen = models.BigIntegerField()
    """What the provider kept: zero or positive."""
    finished_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["file", "out_trade_no", "kind", "refund_no"], name="payments_bill_row_once"
            )
        ]


class ReconciliationItem(Identified):
    """One difference, found once; `resolved_at` when a later run no longer finds it."""

    day = models.DateField(db_index=True)
    difference = models.CharField(max_length=15)
    """missing_here, missing_there, amount, status, fee, date_boundary."""
    kind = models.CharField(max_length=10)
    out_trade_no = models.CharField(max_length=64)
    refund_no = models.CharField(max_length=64, blank=True)
    ours_fen = models.BigIntegerField(null=True)
    theirs_fen = models.BigIntegerField(null=True)
    found_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["day", "difference", "kind", "out_trade_no", "refund_no"], name="payments_item_once"
            )
        ]
