from django.db import models
from django.db.models import F, Q

from lockers.models.cabinets import SIZES, ZONES
from marketplace.database.models import Identified


class HoldStatus(models.TextChoices):
    PENDING = "pending", "待付款"
    FIRM = "firm", "已确认"
    USED = "used", "已入柜"
    RELEASED = "released", "已释放"
    EXPIRED = "expired", "已过期"


LIVE_HOLD = Q(status__in=[HoldStatus.PENDING, HoldStatus.FIRM])


class CapacityHold(Identified):
    """A counted place in a pickup point's cells for one arrival day; no door has a name yet.

    `place_uuids` are the choices in the recipient's order; a movable hold may go to another of them.
    """

    reference = models.UUIDField()
    place_uuid = models.UUIDField(db_index=True)
    place_uuids = models.JSONField(default=list)
    movable = models.BooleanField(default=False)
    zone = models.CharField(max_length=10, choices=ZONES)
    size = models.CharField(max_length=4, choices=SIZES)
    min_c = models.FloatField()
    max_c = models.FloatField()
    slot_date = models.DateField()
    status = models.CharField(max_length=10, choices=HoldStatus.choices, default=HoldStatus.PENDING)
    expires_at = models.DateTimeField()
    held_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["reference"], condition=LIVE_HOLD, name="hold_one_live_per_reference"
            ),
            models.CheckConstraint(condition=Q(min_c__lte=F("max_c")), name="hold_band"),
        ]
        indexes = [
            models.Index(fields=["place_uuid", "slot_date"], condition=LIVE_HOLD, name="hold_live_by_slot"),
            models.Index(fields=["expires_at"], condition=Q(status="pending"), name="hold_due"),
        ]


class TurnedAway(models.Model):
    """How many parcels of a class a pickup point was too full for on a day: asked for, and refused there."""

    place_uuid = models.UUIDField()
    zone = models.CharField(max_length=10, choices=ZONES)
    size = models.CharField(max_length=4, choices=SIZES)
    day = models.DateField()
    parcels = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["place_uuid", "zone", "size", "day"], name="turned_away_once_a_day"
            )
        ]
