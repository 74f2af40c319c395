"""Readers of crate tags, the tags, and what was sighted. A tag is an opaque number, resolved here only."""

from django.db import models

from lockers.models.devices import Device
from marketplace.custody.models import CustodyEvent, HandlingUnit, HolderKind
from marketplace.database.models import Identified


class Reader(Identified):
    """An RFID reader at the door of a hub or a station: what it sights is there. Its key is its device's."""

    device = models.OneToOneField(Device, on_delete=models.PROTECT, related_name="reader")
    holder_kind = models.CharField(max_length=10, choices=HolderKind.choices)
    holder_uuid = models.UUIDField()
    place_uuid = models.UUIDField()
    county_uuid = models.UUIDField(db_index=True, help_text="whose people keep it")


class CrateTag(Identified):
    """A tag on a crate. `unit` is what the crate is at present; None: it waits for its next load."""

    epc = models.CharField(max_length=24, unique=True)
    unit = models.ForeignKey(HandlingUnit, on_delete=models.PROTECT, null=True, related_name="tags")
    bound_at = models.DateTimeField()
    bound_by = models.UUIDField(null=True)


class Sighting(models.Model):
    """Reads of one tag at one aerial in ten seconds (lockers/protocol/rfid.py). `outcome`: what followed."""

    id = models.BigAutoField(primary_key=True)
    reader = models.ForeignKey(Reader, on_delete=models.PROTECT, related_name="sightings")
    epc = models.CharField(max_length=24)
    antenna = models.PositiveSmallIntegerField()
    window = models.DateTimeField()
    seconds = models.PositiveSmallIntegerField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    dbm = models.SmallIntegerField()
    outcome = models.CharField(max_length=20, blank=True)
    custody = models.ForeignKey(CustodyEvent, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["reader", "epc", "antenna", "window"], name="sighted_once")
        ]
        indexes = [
            models.Index(
                fields=["reader", "-last_at"], name="sighting_unknown", condition=models.Q(outcome="unknown")
            )
        ]
