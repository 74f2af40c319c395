from django.db import models
from django.db.models import F, Q

from lockers.models.cabinets import ZONES
from marketplace.database.models import Identified


class StorageRule(Identified):
    """One published version of a zone's free period and overdue fee; never changed, only followed.

    Without a place it holds wherever no place has its own. Announced seven days before it holds.
    """

    place_uuid = models.UUIDField(null=True)
    zone = models.CharField(max_length=10, choices=ZONES)
    valid_from = models.DateField()
    free_h = models.PositiveSmallIntegerField()
    step_h = models.PositiveSmallIntegerField()
    step_fen = models.PositiveIntegerField()
    cap_fen = models.PositiveIntegerField()
    stay_h = models.PositiveSmallIntegerField()
    free_days = models.JSONField(default=list, help_text="ISO dates on which nothing is charged")
    announced_at = models.DateTimeField()
    announced_by = models.UUIDField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["place_uuid", "zone", "valid_from"], name="storage_rule_once", nulls_distinct=False
            ),
            models.CheckConstraint(
                condition=Q(step_h__gt=0, free_h__gt=0, step_fen__lte=F("cap_fen")), name="storage_rule_sane"
            ),
        ]
