"""What is agreed about money beside the orders themselves: fees, payouts, claims."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from farmers.models import EvidenceFile, Station
from marketplace.database.models import Identified
from marketplace.kernel import clock
from orders.models.trade import Fulfilment, Line, LineRefund


class FeeRule(Identified):
    """One published version of `orders.pricing.FeeRules`; never changed, only followed by a later one.

    Announced at least seven days before it holds (E-commerce Law 34: changes are published beforehand). Until
    the first row holds, the opening rules do.
    """

    valid_from = models.DateField(unique=True)
    commission_bp = models.PositiveSmallIntegerField()
    station_selling_bp = models.PositiveSmallIntegerField()
    station_buying_bp = models.PositiveSmallIntegerField()
    courier_bp = models.PositiveSmallIntegerField()
    second_leg_fen = models.PositiveIntegerField()
    why = models.CharField(max_length=200)
    announced_at = models.DateTimeField()
    announced_by_uuid = models.UUIDField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    commission_bp__lte=3000 - F("station_selling_bp") - F("station_buying_bp"),
                    courier_bp__lte=10_000,
                ),
                name="fees_within_the_providers_cap",
            )
        ]

    def __str__(self) -> str:
        return f"{self.valid_from}"


class PayoutStatus(models.TextChoices):
    WAITING = "waiting", _("售后期内")
    ORDERED = "ordered", _("已通知支付宝")
    DONE = "done", _("已放款")
    REFUSED = "refused", _("支付宝拒绝")
    CASH = "cash", _("站点现金")
    NOTHING = "nothing", _("已全部退款")


class Payout(Identified):
    """What one seller, and those who served him, are to get of one collected parcel: one row of the run.

    `due_at` is when the claim window ends (business time), `next_try_at` when to try again after an error
    (wire time). The money itself goes by the payments' settlement of the same uuid.
    """

    fulfilment = models.ForeignKey(Fulfilment, on_delete=models.PROTECT, related_name="payouts")
    merchant_uuid = models.UUIDField(null=True, help_text="empty: the platform's own, for the delivery")
    intent_reference = models.UUIDField()
    status = models.CharField(max_length=10, choices=PayoutStatus.choices, default=PayoutStatus.WAITING)
    due_at = models.DateTimeField()
    amount_fen = models.PositiveBigIntegerField(default=0)
    settlement_uuid = models.UUIDField(null=True, unique=True)
    failure = models.CharField(max_length=60, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True)
    ordered_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["fulfilment", "merchant_uuid"], name="payout_once", nulls_distinct=False
            )
        ]
        indexes = [models.Index(fields=["due_at"], condition=Q(status="waiting"), name="payout_due")]


class ClaimStatus(models.TextChoices):
    OPEN = "open", _("等待答复")
    GRANTED = "granted", _("已赔付")
    REFUSED = "refused", _("未通过")
    APPEALED = "appealed", _("平台复核中")


class Claim(Identified):
    """坏果包赔: the buyer says how much of a line was bad, with a photo; `asked_fen` is that share of it.

    Open until somebody answers; unanswered at `answer_by` it is granted. `answered_by_uuid` is empty where
    the rules answered by themselves.
    """

    line = models.ForeignKey(Line, on_delete=models.PROTECT, related_name="claims")
    status = models.CharField(max_length=10, choices=ClaimStatus.choices, default=ClaimStatus.OPEN)
    percent = models.PositiveSmallIntegerField()
    note = models.CharField(max_length=200, blank=True)
    photo = models.ForeignKey(EvidenceFile, on_delete=models.PROTECT, related_name="+")
    asked_fen = models.PositiveBigIntegerField()
    opened_by_uuid = models.UUIDField()
    at = models.DateTimeField()
    answer_by = models.DateTimeField()
    answer = models.CharField(max_length=200, blank=True)
    answered_at = models.DateTimeField(null=True)
    answered_by_uuid = models.UUIDField(null=True)
    refund = models.OneToOneField(LineRefund, on_delete=models.PROTECT, null=True, related_name="claim")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["line"], name="one_claim_per_line"),
            models.CheckConstraint(condition=Q(percent__gte=1, percent__lte=100), name="claim_share"),
            models.CheckConstraint(
                condition=~Q(status="granted") | Q(refund__isnull=False), name="granted_claim_is_paid"
            ),
        ]
        indexes = [
            models.Index(fields=["answer_by"], condition=Q(status="open"), name="claim_to_answer"),
        ]


class FeeStatus(models.TextChoices):
    ASKED = "asked", _("待支付")
    PAID = "paid", _("已支付")
    CLOSED = "closed", _("未支付")
    RETURNED = "returned", _("已退还")
    DEDUCTED = "deducted", _("已从退款中扣除")


class StorageFee(Identified):
    """A fee for a parcel that lay in a cabinet past its free period: paid by itself, or kept from a refund.

    Its uuid is the reference of its payment group; `line` is the one from whose refund it was kept.
    """

    fulfilment = models.ForeignKey(Fulfilment, on_delete=models.PROTECT, related_name="storage_fees")
    line = models.ForeignKey(Line, on_delete=models.PROTECT, null=True, related_name="storage_fees")
    amount_fen = models.PositiveIntegerField()
    status = models.CharField(max_length=10, choices=FeeStatus.choices)
    intent_reference = models.UUIDField()
    asked_at = models.DateTimeField()
    pay_until = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["fulfilment"], condition=Q(status="asked"), name="one_storage_fee_asked"
            ),
            models.UniqueConstraint(
                fields=["line"], condition=Q(status="deducted"), name="one_storage_fee_deducted"
            ),
            models.CheckConstraint(
                condition=Q(amount_fen__gt=0) & (Q(line=None) | Q(status="deducted")), name="storage_fee_sane"
            ),
        ]

    @property
    def payable(self) -> bool:
        in_time = self.pay_until is not None and clock.now() < self.pay_until
        return self.status == FeeStatus.ASKED and in_time


class CashClosing(Identified):
    """The day's end at a station's till: what the books expect, what was counted, why it differs."""

    station = models.ForeignKey(Station, on_delete=models.PROTECT, related_name="cash_closings")
    day = models.DateField()
    expected_fen = models.BigIntegerField()
    counted_fen = models.PositiveBigIntegerField()
    reason = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField()
    closed_by_uuid = models.UUIDField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["station", "day"], name="cash_closed_once_a_day"),
            models.CheckConstraint(
                condition=Q(expected_fen=F("counted_fen")) | ~Q(reason=""),
                name="cash_difference_has_a_reason",
            ),
        ]

    @property
    def difference_fen(self) -> int:
        return self.counted_fen - self.expected_fen
