from django.db import models


class DwellShares(models.Model):
    """How long parcels stay at a pickup point: the share still there n days after they came, as measured."""

    place_uuid = models.UUIDField(unique=True)
    shares = models.JSONField()
    parcels = models.PositiveIntegerField()
    measured_on = models.DateField()
