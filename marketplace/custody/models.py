"""Units point at things above by kind and uuid, never by foreign key. CustodyEvent rows are append-only."""

from django.db import models
from django.db.models import F, Q

from marketplace.database.models import Identified


class UnitKind(models.TextChoices):
    PARCEL = "parcel", "包裹"
    CRATE = "crate", "周转筐"
    SACK = "sack", "袋"


class UnitStatus(models.TextChoices):
    ACTIVE = "active", "流转中"
    BLOCKED = "blocked", "封存"
    CLOSED = "closed", "已结束"


class HolderKind(models.TextChoices):
    FARMER = "farmer", "农户"
    STATION = "station", "益农信息社"
    VEHICLE = "vehicle", "车辆"
    HUB = "hub", "县级共配中心"
    CABINET = "cabinet", "智能取货柜"
    PERSON = "person", "收件人"


class HandlingUnit(Identified):
    """A parcel, crate or sack that moves as one. `reference` is what it fulfils (a shipment's reference)."""

    code = models.CharField(max_length=40, unique=True)
    kind = models.CharField(max_length=10, choices=UnitKind.choices)
    zone = models.CharField(max_length=10)
    status = models.CharField(max_length=10, choices=UnitStatus.choices, default=UnitStatus.ACTIVE)
    gross_g = models.PositiveIntegerField()
    tare_g = models.PositiveIntegerField(default=0)
    volume_ml = models.PositiveIntegerField()
    size = models.CharField(max_length=4)
    reference = models.UUIDField(null=True, db_index=True)
    holder_kind = models.CharField(max_length=10, choices=HolderKind.choices)
    holder_uuid = models.UUIDField()
    created_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["holder_kind", "holder_uuid"], name="unit_holder")]
        constraints = [
            models.CheckConstraint(condition=Q(tare_g__lte=F("gross_g")), name="unit_tare_in_gross")
        ]


class UnitContent(models.Model):
    """What is in a unit: grams of a thing (`lot`, `line`, `shipment`). Falls when portions are taken."""

    unit = models.ForeignKey(HandlingUnit, on_delete=models.CASCADE, related_name="contents")
    kind = models.CharField(max_length=20)
    content_uuid = models.UUIDField(db_index=True)
    grams = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["unit", "kind", "content_uuid"], name="content_once_per_unit")
        ]


class TransformationKind(models.TextChoices):
    PORTION = "portion", "分装"
    MIX = "mix", "混装"


class Transformation(Identified):
    """Goods taken out of units into another unit, by weight."""

    kind = models.CharField(max_length=10, choices=TransformationKind.choices)
    output = models.ForeignKey(HandlingUnit, on_delete=models.PROTECT, related_name="made_by")
    at = models.DateTimeField()
    actor_uuid = models.UUIDField(null=True)


class TransformationInput(models.Model):
    transformation = models.ForeignKey(Transformation, on_delete=models.PROTECT, related_name="inputs")
    unit = models.ForeignKey(HandlingUnit, on_delete=models.PROTECT, related_name="used_by")
    content_kind = models.CharField(max_length=20)
    content_uuid = models.UUIDField()
    grams = models.PositiveIntegerField()


class CustodyEvent(Identified):
    """One hand-over. `hash` covers the row and the hash before it, so that no event changes unseen."""

    unit = models.ForeignKey(HandlingUnit, on_delete=models.PROTECT, related_name="custody")
    seq = models.PositiveIntegerField()
    from_kind = models.CharField(max_length=10, blank=True)
    from_uuid = models.UUIDField(null=True)
    to_kind = models.CharField(max_length=10, choices=HolderKind.choices)
    to_uuid = models.UUIDField()
    place_uuid = models.UUIDField(null=True)
    at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    actor_uuid = models.UUIDField(null=True)
    temperature_c = models.FloatField(null=True)
    proof = models.JSONField(default=dict)
    prev_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["unit", "seq"], name="custody_seq_per_unit")]
