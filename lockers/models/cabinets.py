from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from lockers.protocol.allocation import Cell
from lockers.protocol.doors import DoorState
from marketplace.database.models import Identified
from marketplace.kernel.temperature import Band, Zone
from marketplace.kernel.units import Size
from marketplace.places.models import Site

DOOR_STATES = [(state.value, state.value) for state in DoorState]
SIZES = [(size.value, size.value) for size in (Size.S, Size.M, Size.L)]
ZONES = [(zone.value, zone.value) for zone in Zone]


class CabinetKind(models.TextChoices):
    PARCEL = "parcel", "智能快件箱"
    COLD = "cold", "冷链储藏柜"


class SiteImport(Identified):
    """One table of sites and cabinets, undone as a whole. `site_uuids` are those that it put up."""

    name = models.CharField(max_length=120, blank=True, help_text="of the file")
    county_uuids = ArrayField(models.UUIDField(), help_text="where its cabinets stand")
    site_uuids = ArrayField(models.UUIDField())
    cabinets = models.PositiveIntegerField()
    actor_uuid = models.UUIDField(null=True)
    imported_at = models.DateTimeField()
    undone_at = models.DateTimeField(null=True)


class Cabinet(Identified):
    """A cabinet at a site; the site's place is the pickup point, which may have several."""

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="cabinets")
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=10, choices=CabinetKind.choices)
    locked_out_until = models.DateTimeField(
        null=True, help_text="keypad and phone; QR and couriers still open"
    )
    withdrawn_at = models.DateTimeField(null=True, help_text="offered no longer")
    camera = models.CharField(max_length=60, blank=True, db_default="", help_text="the recorder's channel")
    operator = models.CharField(max_length=60, blank=True, db_default="", help_text="the firm that keeps it")
    batch = models.ForeignKey(
        SiteImport, on_delete=models.PROTECT, null=True, related_name="made", help_text="the table it came in"
    )


class CabinetZone(Identified):
    """A cooled part of a cabinet and its set point; its probe watches the cells' band."""

    cabinet = models.ForeignKey(Cabinet, on_delete=models.CASCADE, related_name="zones")
    zone = models.CharField(max_length=10, choices=ZONES)
    set_c = models.FloatField()
    min_c = models.FloatField()
    max_c = models.FloatField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["cabinet", "zone"], name="cabinet_zone_once"),
            models.CheckConstraint(
                condition=Q(min_c__lt=F("max_c"), set_c__gt=F("min_c"), set_c__lt=F("max_c")),
                name="cabinet_zone_band",
            ),
        ]


class Compartment(Identified):
    """A cell behind one door. `door_state` is what the device said last, as of message (boot, seq)."""

    cabinet = models.ForeignKey(Cabinet, on_delete=models.CASCADE, related_name="compartments")
    door = models.PositiveSmallIntegerField()
    label = models.CharField(max_length=10)
    zone = models.CharField(max_length=10, choices=ZONES)
    size = models.CharField(max_length=4, choices=SIZES)
    min_c = models.FloatField()
    max_c = models.FloatField()
    accessible = models.BooleanField(default=False, help_text="at a height for wheelchair users")
    door_state = models.CharField(max_length=15, choices=DOOR_STATES, default=DoorState.UNKNOWN.value)
    door_boot = models.BigIntegerField(default=0)
    door_seq = models.BigIntegerField(default=0)
    blocked_at = models.DateTimeField(null=True)
    blocked_reason = models.CharField(max_length=60, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["cabinet", "door"], name="compartment_door_once"),
            models.UniqueConstraint(fields=["cabinet", "label"], name="compartment_label_once"),
            models.CheckConstraint(condition=Q(min_c__lte=F("max_c")), name="cell_band"),
        ]

    @property
    def cell(self) -> Cell:
        return Cell(door=self.door, size=Size(self.size), zone=self.zone, band=Band(self.min_c, self.max_c))
