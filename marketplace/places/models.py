"""Places carry WGS-84 points. Township codes: NBS and MCA number differently, so both stand by name."""

from django.contrib.postgres.indexes import GistIndex
from django.db import models
from django.db.models import F, Q

from marketplace.database.models import Identified, Located
from marketplace.kernel.temperature import Band, Zone


class County(Identified):
    code = models.CharField(max_length=6, unique=True)
    name = models.CharField(max_length=40)
    outline = models.JSONField(default=list, help_text="closed ring of [lon, lat], counter-clockwise")


class Township(Identified):
    county = models.ForeignKey(County, on_delete=models.PROTECT, related_name="townships")
    name = models.CharField(max_length=40)
    code_nbs = models.CharField(max_length=12, blank=True)
    code_mca = models.CharField(max_length=12, blank=True)
    lon = models.FloatField(null=True)
    lat = models.FloatField(null=True)


class PlaceKind(models.TextChoices):
    HUB = "hub", "县级共配中心"
    DEPOT = "depot", "乡镇中转站"
    STATION = "station", "益农信息社"
    CABINET_SITE = "cabinet_site", "取货柜点"
    DOOR = "door", "送货上门"
    ROADSIDE = "roadside", "路边"


class Place(Located):
    """A point that vehicles can stop at, with opening hours (Yichun time)."""

    kind = models.CharField(max_length=20, choices=PlaceKind.choices)
    name = models.CharField(max_length=80)
    name_en = models.CharField(max_length=80, blank=True, db_default="")
    address = models.CharField(max_length=200, blank=True)
    county = models.ForeignKey(County, on_delete=models.PROTECT, related_name="places")
    township = models.ForeignKey(Township, on_delete=models.PROTECT, null=True, related_name="places")
    opens = models.TimeField()
    closes = models.TimeField()
    setup_s = models.PositiveIntegerField(default=120, help_text="seconds a stop costs before any parcel")
    synthetic = models.BooleanField(default=False, help_text="scattered by the generator: no surveyed point")

    class Meta:
        indexes = [GistIndex(fields=["point"], name="place_point")]
        constraints = [
            models.CheckConstraint(
                condition=Q(lon__gte=72.004, lon__lte=137.8347, lat__gte=0.8293, lat__lte=55.8271),
                name="place_in_china",
            ),
            models.CheckConstraint(condition=Q(opens__lt=F("closes")), name="place_opens_before_it_closes"),
        ]


class Hub(Identified):
    place = models.OneToOneField(Place, on_delete=models.PROTECT, related_name="hub")
    county = models.ForeignKey(County, on_delete=models.PROTECT, related_name="hubs")
    name = models.CharField(max_length=80)
    is_city = models.BooleanField(default=False, help_text="trunk lines run by this hub")


class Depot(Identified):
    place = models.OneToOneField(Place, on_delete=models.PROTECT, related_name="depot")
    hub = models.ForeignKey(Hub, on_delete=models.PROTECT, related_name="depots")


class SiteKind(models.TextChoices):
    ESTATE = "estate", "小区"
    OFFICE = "office", "写字楼"
    SHOP = "shop", "商店"
    STATION = "station", "信息社"


class Site(Identified):
    """A place with one or more cabinets, and the hub whose vans serve it."""

    place = models.OneToOneField(Place, on_delete=models.PROTECT, related_name="site")
    hub = models.ForeignKey(Hub, on_delete=models.PROTECT, related_name="sites")
    kind = models.CharField(max_length=10, choices=SiteKind.choices)
    code = models.CharField(
        max_length=30, blank=True, db_default="", help_text="the operator's own number of it"
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["code"], condition=~Q(code=""), name="site_code_once")]


class Carrier(Identified):
    name = models.CharField(max_length=80, unique=True)


class Vehicle(Identified):
    """A van with its shift (Yichun time) and its costs."""

    carrier = models.ForeignKey(Carrier, on_delete=models.PROTECT, related_name="vehicles")
    hub = models.ForeignKey(Hub, on_delete=models.PROTECT, related_name="vehicles")
    name = models.CharField(max_length=40)
    plate = models.CharField(max_length=12, unique=True)
    is_trunk = models.BooleanField(default=False)
    shift_start = models.TimeField()
    shift_end = models.TimeField()
    fixed_cost_fen = models.PositiveIntegerField(default=0)
    cost_fen_per_km = models.PositiveIntegerField(default=0)
    cost_fen_per_h = models.PositiveIntegerField(default=0)
    speed_km_h = models.PositiveSmallIntegerField(default=35)
    active = models.BooleanField(default=True)


class VehicleCompartment(Identified):
    """A part of a van that keeps a band of °C."""

    vehicle = models.ForeignKey(Vehicle, on_delete=models.CASCADE, related_name="compartments")
    zone = models.CharField(max_length=10)
    min_c = models.FloatField()
    max_c = models.FloatField()
    volume_ml = models.PositiveBigIntegerField()
    weight_g = models.PositiveBigIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(zone__in=[zone.value for zone in Zone]), name="compartment_zone"
            ),
            models.CheckConstraint(condition=Q(min_c__lte=F("max_c")), name="compartment_band"),
        ]

    @property
    def band(self) -> Band:
        return Band(self.min_c, self.max_c)
