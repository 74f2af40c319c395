"""Readings are kept as they came; everything computed from them can be computed again."""

from datetime import datetime

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q

from marketplace.database.models import Identified


class AssetKind(models.TextChoices):
    CABINET = "cabinet", "智能取货柜"
    VEHICLE = "vehicle", "车辆"
    FRIDGE = "fridge", "站点冰箱"
    HUB_ROOM = "hub_room", "共配中心冷间"


class Probe(Identified):
    """One thermometer. `min_c`..`max_c` is the band its zone must keep; `offset_c` is added to raw values."""

    asset_kind = models.CharField(max_length=10, choices=AssetKind.choices)
    asset_uuid = models.UUIDField(db_index=True)
    county_uuid = models.UUIDField(null=True, help_text="whose people watch over it; None: the platform's")
    zone = models.CharField(max_length=10)
    device = models.CharField(max_length=32)
    label = models.CharField(max_length=40)
    min_c = models.FloatField()
    max_c = models.FloatField()
    offset_c = models.FloatField(default=0)
    certificate = models.CharField(max_length=60, blank=True)
    valid_from = models.DateTimeField(null=True)
    valid_to = models.DateTimeField(null=True)
    alarm_after_s = models.PositiveIntegerField(
        default=900, help_text="people are told after so long outside the band"
    )
    outside_at = models.DateTimeField(null=True, help_text="its latest reading outside the band")
    review_since = models.DateTimeField(null=True, help_text="readings from here on are not yet judged")
    ice_point_at = models.DateTimeField(null=True, help_text="last check at 0 ± 0.5 °C")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["device", "label"], name="probe_once_per_device"),
            models.CheckConstraint(condition=Q(min_c__lt=F("max_c")), name="probe_band"),
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(review_since__isnull=False), name="probe_to_review")
        ]

    def calibrated_at(self, at: datetime) -> bool:
        """A probe without any certificate proves nothing."""
        started = self.valid_from is not None and self.valid_from <= at
        return started and (self.valid_to is None or at < self.valid_to)


class ClockTrust(models.TextChoices):
    GOOD = "good", "可信"
    BY_MONO = "by_mono", "按单调时钟推算"
    UNPLACED = "unplaced", "无法校准"


class Reading(models.Model):
    """One row per message; `at` is business time, `received_at` wire time.

    (device, boot, seq) is the identity on the wire. `ts`, the device's clock as the message says it, never
    differs between repeats of one message: so it can part the table by weeks, and the key still holds.
    Readings are never changed, and go only with their partition (services/partitions.py).
    """

    pk = models.CompositePrimaryKey("device", "boot", "seq", "ts")
    # No constraint in the database: probes are never deleted, and the check would cost more than the insert.
    probe = models.ForeignKey(
        Probe, on_delete=models.PROTECT, related_name="readings", db_constraint=False, db_index=False
    )
    ts = models.DateTimeField()
    at = models.DateTimeField()
    c = models.FloatField()
    raw_c = models.FloatField()
    door_open = models.BooleanField(default=False)
    trust = models.CharField(max_length=8, choices=ClockTrust.choices, default=ClockTrust.GOOD)
    device = models.CharField(max_length=32)
    boot = models.BigIntegerField()
    seq = models.BigIntegerField()
    received_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["probe", "at"], name="reading_by_time"),
            BrinIndex(fields=["received_at"], name="reading_by_arrival"),
        ]


class ReadingHour(models.Model):
    """One hour of one probe, recomputed whole from its readings while they are there; kept for years.

    `known_s` + `unknown_s` fill the hour up to its last reading; means are weighted by duration (cold.py).
    """

    pk = models.CompositePrimaryKey("probe_id", "hour")
    probe = models.ForeignKey(Probe, on_delete=models.PROTECT, related_name="hours", db_index=False)
    hour = models.DateTimeField()
    readings = models.PositiveIntegerField()
    lowest_c = models.FloatField()
    highest_c = models.FloatField()
    mean_c = models.FloatField(null=True)
    mkt_c = models.FloatField(null=True)
    known_s = models.FloatField()
    unknown_s = models.FloatField()
    outside_s = models.FloatField(help_text="outside the band of the probe")
    unverified = models.PositiveIntegerField(help_text="readings without a valid certificate")


class RollUpMark(models.Model):
    """Up to which moment of arrival (wire time) readings are in the hours. One row."""

    upto = models.DateTimeField()


class BreachSide(models.TextChoices):
    ABOVE = "above", "超温"
    BELOW = "below", "低温"


class Breach(Identified):
    """A run outside the band of at least 30 minutes. Open while `ended_at` is null.

    `withdrawn_at`: readings that came late show that it was none. `held_references` is written by who holds
    goods because of it.
    """

    probe = models.ForeignKey(Probe, on_delete=models.PROTECT, related_name="breaches")
    asset_kind = models.CharField(max_length=10, choices=AssetKind.choices)
    asset_uuid = models.UUIDField(db_index=True)
    zone = models.CharField(max_length=10)
    side = models.CharField(max_length=5, choices=BreachSide.choices)
    limit_c = models.FloatField()
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    peak_c = models.FloatField()
    minutes = models.FloatField()
    noticed_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)
    held_references = models.JSONField(default=list)
    decision = models.CharField(max_length=20, blank=True)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.UUIDField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["probe", "side"],
                condition=Q(ended_at=None, withdrawn_at=None),
                name="breach_one_open_per_probe",
            )
        ]


class AlarmKind(models.TextChoices):
    HIGH = "high", "温度过高"
    LOW = "low", "温度过低"
    SILENT = "silent", "没有读数"


class Alarm(Identified):
    """People must look at a probe: too long outside its band, or silent. One open row per (probe, kind)."""

    probe = models.ForeignKey(Probe, on_delete=models.PROTECT, related_name="alarms")
    kind = models.CharField(max_length=6, choices=AlarmKind.choices)
    since = models.DateTimeField(help_text="when the excursion or the silence began")
    worst_c = models.FloatField(null=True)
    raised_at = models.DateTimeField()
    cleared_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["probe", "kind"], condition=Q(cleared_at=None), name="cold_alarm_once_while_open"
            )
        ]


class ShelfLifeFigure(Identified):
    """How fast one product ages: `days` at a steady `reference_c`, `q10` times as fast 10 °C above it."""

    product_uuid = models.UUIDField(unique=True)
    q10 = models.FloatField()
    days = models.FloatField()
    reference_c = models.FloatField()
    source = models.CharField(max_length=200)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(q10__gte=1, q10__lte=10, days__gt=0) & ~Q(source=""), name="shelf_life_figure"
            )
        ]
