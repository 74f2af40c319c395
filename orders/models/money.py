"""What is agreed about money beside the orders themselves: published fees."""

from django.db import models
from django.db.models import F, Q

from marketplace.database.models import Identified


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
