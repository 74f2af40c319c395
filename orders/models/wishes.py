"""What a buyer wants of every order of his."""

from django.db import models

from marketplace.accounts.models import User
from marketplace.database.models import Identified


class AllergyLock(Identified):
    """While the row stands, nothing of the buyer's is ever replaced by another lot. What he is allergic to is
    not asked: that would be health data which nobody here needs.
    """

    buyer = models.OneToOneField(User, on_delete=models.CASCADE, related_name="allergy_lock")
    since = models.DateTimeField()

    def __str__(self) -> str:
        return f"since {self.since:%Y-%m-%d}"
