"""七天无理由退货: goods that a buyer sends back without a reason."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from farmers.models import Station
from marketplace.database.models import Identified
from orders.models.trade import Line, LineRefund


class ReturnStatus(models.TextChoices):
    ASKED = "asked", _("等待交回")
    DISPUTED = "disputed", _("平台复核中")
    REFUNDED = "refunded", _("已退款")
    REFUSED = "refused", _("未通过")
    ENDED = "ended", _("未交回，已取消")


class GoodsReturn(Identified):
    """One line, or a part of it, on its way back: to a station's counter, or to the courier's firm.

    `bring_by` is the end of the time to hand it back, `refund_by` the seller's refund clock once it is here.
    `unit_uuid` is the parcel that it came back in.
    """

    line = models.OneToOneField(Line, on_delete=models.PROTECT, related_name="goods_return")
    status = models.CharField(max_length=10, choices=ReturnStatus.choices, default=ReturnStatus.ASKED)
    quantity = models.PositiveIntegerField(help_text="in the line's unit")
    station = models.ForeignKey(
        Station,
        on_delete=models.PROTECT,
        null=True,
        related_name="goods_returns",
        help_text="empty: the courier",
    )
    carrier_uuid = models.UUIDField(null=True, db_index=True, help_text="the courier's firm")
    asked_by_uuid = models.UUIDField()
    asked_at = models.DateTimeField()
    bring_by = models.DateTimeField()
    unit_uuid = models.UUIDField(null=True, unique=True)
    received_at = models.DateTimeField(null=True)
    received_by_uuid = models.UUIDField(null=True)
    refund_by = models.DateTimeField(null=True)
    note = models.CharField(max_length=200, blank=True, help_text="what is wrong with what came back")
    decided_by_uuid = models.UUIDField(null=True)
    ended_at = models.DateTimeField(null=True)
    refund = models.OneToOneField(
        LineRefund, on_delete=models.PROTECT, null=True, related_name="goods_return"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gt=0), name="return_positive"),
            models.CheckConstraint(
                condition=Q(station__isnull=False, carrier_uuid=None)
                | Q(station=None, carrier_uuid__isnull=False),
                name="return_has_one_receiver",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["disputed", "refunded"]) | Q(received_at__isnull=False),
                name="return_is_refunded_after_receipt",
            ),
        ]
        indexes = [
            models.Index(fields=["bring_by"], condition=Q(status="asked"), name="return_to_bring"),
            models.Index(fields=["refund_by"], condition=Q(status="disputed"), name="return_to_refund"),
        ]
