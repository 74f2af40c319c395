"""Vans that stand by the road."""

from django.db import models
from django.db.models import Q

from marketplace.database.models import Identified
from marketplace.places.models import Hub, Place, Vehicle
from routing.models.plans import Plan


class Breakdown(Identified):
    """A van that drives no more until `ended_at`, and where it stands: there others take over its load."""

    hub = models.ForeignKey(Hub, on_delete=models.CASCADE, related_name="breakdowns")
    vehicle = models.ForeignKey(Vehicle, on_delete=models.PROTECT, related_name="breakdowns")
    place = models.OneToOneField(Place, on_delete=models.PROTECT, related_name="breakdown")
    plan = models.ForeignKey(Plan, on_delete=models.SET_NULL, null=True, related_name="+")
    actor_uuid = models.UUIDField(null=True)
    reported_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["vehicle"], condition=Q(ended_at__isnull=True), name="one_live_breakdown"
            )
        ]
