from django.db import models
from django.db.models import Case, F, Q, When

from lockers.models.cabinets import ZONES, Compartment
from lockers.models.fees import StorageRule
from lockers.protocol.allocation import LIVE, AllocationState
from lockers.protocol.parcel import ParcelState
from marketplace.database.models import Identified

LIVE_ALLOCATION = Q(state__in=sorted(state.value for state in LIVE))


class InspectReason(models.TextChoices):
    """Why a person must look at a parcel before anybody may take it."""

    PUT_BACK = "put_back", "收件人放回"
    GAP = "gap", "温度记录中断"
    SPOILED = "spoiled", "已判变质"


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


class Occupancy(models.Model):
    """The group that has a compartment; the row lives as long as a parcel is named for it or lies in it.

    One group per compartment, several parcels of it: living allocations point here by `occupies` and group
    (a foreign key over both columns, made in migration 0007), so that no code ever opens somebody else's.
    """

    compartment = models.OneToOneField(Compartment, on_delete=models.CASCADE, related_name="occupancy")
    group = models.ForeignKey(PickupGroup, on_delete=models.PROTECT, related_name="occupancies")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["compartment", "group"], name="occupancy_of_compartment_and_group"
            )
        ]


class Allocation(Identified):
    """A named compartment for one unit, with its deposit policy as a snapshot for the door.

    `opening_tx` is the last opening asked for it; its outcome is judged from the device's messages.
    """

    compartment = models.ForeignKey(Compartment, on_delete=models.PROTECT, related_name="allocations")
    group = models.ForeignKey(PickupGroup, on_delete=models.PROTECT, related_name="allocations")
    #: the compartment while this lives: with the group, one of the compartment's Occupancy
    occupies = models.GeneratedField(
        expression=Case(When(LIVE_ALLOCATION, then=F("compartment_id"))),
        output_field=models.BigIntegerField(null=True),
        db_persist=True,
    )
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
    goods = models.CharField(max_length=12, default="general", db_default="general")
    min_c = models.FloatField()
    max_c = models.FloatField()
    policy = models.JSONField()
    measured_c = models.FloatField(null=True, help_text="the courier's probe, before the door opened")
    opening_tx = models.UUIDField(null=True)
    reserved_at = models.DateTimeField()
    deposited_at = models.DateTimeField(null=True)
    collect_until = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    #: the goods themselves are good until then: no storage period goes past it
    keep_until = models.DateTimeField(null=True)
    free_until = models.DateTimeField(null=True, help_text="end of the free storage period")
    #: of the day on which it was left there; None: lockers.fees.OPENING_TERMS
    fee_rule = models.ForeignKey(StorageRule, on_delete=models.PROTECT, null=True, related_name="+")
    fee_paid_fen = models.PositiveIntegerField(default=0, db_default=0)
    extensions = models.PositiveSmallIntegerField(default=0, db_default=0)
    reminded_at = models.DateTimeField(null=True)
    #: the opening after which the recipient says that he leaves the parcel
    put_back_tx = models.UUIDField(null=True)
    put_back_reason = models.CharField(max_length=200, blank=True, db_default="")
    #: who takes it out, when a courier has opened its door for that
    taker_kind = models.CharField(max_length=10, blank=True, db_default="")
    taker_uuid = models.UUIDField(null=True)
    held_breach_uuid = models.UUIDField(null=True)
    inspect_reason = models.CharField(max_length=40, blank=True, choices=InspectReason.choices)
    #: the opening that led to the inspection: told again after the decision, it changes nothing
    inspect_tx = models.CharField(max_length=64, blank=True, db_default="")

    class Meta:
        indexes = [
            models.Index(fields=["occupies"], condition=LIVE_ALLOCATION, name="allocation_by_occupied_cell")
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["unit_uuid"], condition=LIVE_ALLOCATION, name="allocation_one_live_per_unit"
            ),
            models.CheckConstraint(
                condition=LIVE_ALLOCATION & Q(ended_at=None) | Q(state="free", ended_at__isnull=False),
                name="allocation_free_is_ended",
            ),
        ]


class Delegation(Identified):
    """A friend who may collect a group in the recipient's place; one at a time, ended by a new code."""

    group = models.ForeignKey(PickupGroup, on_delete=models.PROTECT, related_name="delegations")
    name = models.CharField(max_length=60)
    phone = models.CharField(max_length=20)
    given_by = models.UUIDField()
    given_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["group"], condition=Q(ended_at=None), name="delegation_one_live_per_group"
            )
        ]
        indexes = [models.Index(fields=["phone"], condition=Q(ended_at=None), name="delegation_by_phone")]
