"""What a courier's firm is paid, week by week."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from marketplace.database.models import Identified
from marketplace.places.models import Carrier


class CarrierPayoutStatus(models.TextChoices):
    ORDERED = "ordered", _("已通知支付宝")
    DONE = "done", _("已付款")
    REFUSED = "refused", _("支付宝拒绝")
    NOTHING = "nothing", _("本期无应付")


class CarrierPayout(Identified):
    """What was owed to a firm for its deliveries before `until`, less what it was taken back since."""

    carrier = models.ForeignKey(Carrier, on_delete=models.PROTECT, related_name="payouts")
    until = models.DateField(help_text="a Monday; that day is not included")
    amount_fen = models.PositiveBigIntegerField()
    status = models.CharField(max_length=10, choices=CarrierPayoutStatus.choices)
    transfer_uuid = models.UUIDField(null=True, unique=True)
    failure = models.CharField(max_length=60, blank=True)
    ordered_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["carrier", "until"], name="carrier_paid_once_a_week"),
            models.CheckConstraint(
                condition=Q(status="nothing", amount_fen=0)
                | Q(transfer_uuid__isnull=False, amount_fen__gt=0),
                name="carrier_payout_has_a_transfer",
            ),
        ]
