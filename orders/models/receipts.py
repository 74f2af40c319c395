"""To whom an order's receipts are made out, and the receipts: one per seller, corrected by later ones."""

from django.db import models
from django.db.models import Q

from marketplace.database.models import Identified
from orders.invoices import TITLE_MAX, TaxKind, TitleKind
from orders.models.trade import Order


class ReceiptTitle(Identified):
    """What the buyer last asked for; receipts keep a copy."""

    order = models.OneToOneField(Order, on_delete=models.PROTECT, related_name="receipt_title")
    kind = models.CharField(max_length=10, choices=[(kind.value, kind.value) for kind in TitleKind])
    title = models.CharField(max_length=TITLE_MAX)
    tax_number = models.CharField(max_length=18, blank=True)
    email = models.EmailField(blank=True)
    asked_by_uuid = models.UUIDField()
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="person", tax_number="") | (Q(kind="company") & ~Q(tax_number="")),
                name="companies_have_a_tax_number",
            )
        ]

    def __str__(self) -> str:
        return self.title


class Receipt(Identified):
    """What one seller was paid of an order, as it stood then; never changed, a later revision corrects it.

    `lines`: [{"text", "quantity", "amount_fen"}]; they add up to `total_fen`. Without a merchant it is the
    platform's own, for the delivery. `invoice_number` is what the seller says he issued for it.
    """

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="receipts")
    merchant_uuid = models.UUIDField(null=True, db_index=True)
    number = models.CharField(max_length=40, unique=True)
    revision = models.PositiveSmallIntegerField()
    corrects = models.OneToOneField("self", on_delete=models.PROTECT, null=True, related_name="corrected_by")
    seller_name = models.CharField(max_length=100)
    tax_kind = models.CharField(max_length=15, choices=[(kind.value, kind.value) for kind in TaxKind])
    title_kind = models.CharField(max_length=10)
    title = models.CharField(max_length=TITLE_MAX)
    tax_number = models.CharField(max_length=18, blank=True)
    email = models.EmailField(blank=True)
    lines = models.JSONField()
    total_fen = models.PositiveBigIntegerField()
    issued_at = models.DateTimeField()
    invoice_number = models.CharField(max_length=25, blank=True)
    invoiced_at = models.DateTimeField(null=True)
    invoiced_by_uuid = models.UUIDField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["order", "merchant_uuid", "revision"],
                name="receipt_revision_once",
                nulls_distinct=False,
            )
        ]

    def __str__(self) -> str:
        return self.number
