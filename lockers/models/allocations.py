from django.db import models
from django.db.models import Q

from lockers.models.cabinets import ZONES, Compartment
from lockers.protocol.allocation import LIVE, AllocationState
from lockers.protocol.parcel import ParcelState
from marketplace.database.models import Identified

LIVE_ALLOCATION = Q(state__in=sorted(state.value for state in LIVE))


class PickupGroup(Identified):
    """One recipient, one zone, one destination choice: what a code belongs to. The code is stored nowhere.

    `id` and `counter` go into the derivation; raising the counter revokes the code.
    """

    reference = models.UUIDField(unique=True)
    recipient_uuid = models.UUIDField(null=True)
    recipient_label = models.CharField(max_length=80, blank=True)
    zone = models.CharField(max_length=10, choices=ZONES)
    counter = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()


class Allocation(Identified):
    """A named compartment for one unit, with its deposit policy as a snapshot for the door.

    `opening_tx` is the last opening asked for it; its outcome is judged from the device's messages.
    """

    compartment = models.ForeignKey(Compartment, on_delete=models.PROTECT, related_name="allocations")
    group = models.ForeignKey(PickupGroup, on_delete=models.PROTECT, related_name="allocations")
    reference = models.UUIDField(db_index=True)
    unit_uuid = models.UUIDField(db_index=True)
    state = models.CharField(
        max_length=10,
        choices=[(state.value, state.value) for state in AllocationState],
        default=AllocationState.RESERVED.value,
    )
    parcel_state = models.CharField(
        max_length=10,
        choices=[(state.value, state.value) for state in ParcelState],
        default=ParcelState.EXPECTED.value,
    )
    size = models.CharField(max_length=4)
    min_c = models.FloatField()
    max_c = models.FloatField()
    policy = models.JSONField()
    opening_tx = models.UUIDField(null=True)
    reserved_at = models.DateTimeField()
    deposited_at = models.DateTimeField(null=True)
    collect_until = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    held_breach_uuid = models.UUIDField(null=True)
    inspect_reason = models.CharField(max_length=40, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["compartment"], condition=LIVE_ALLOCATION, name="allocation_one_live_per_compartment"
            ),
            models.UniqueConstraint(
                fields=["unit_uuid"], condition=LIVE_ALLOCATION, name="allocation_one_live_per_unit"
            ),
            models.CheckConstraint(
                condition=LIVE_ALLOCATION & Q(ended_at=None) | Q(state="free", ended_at__isnull=False),
                name="allocation_free_is_ended",
            ),
        ]
