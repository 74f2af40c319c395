"""Products, lots, stock. Quantities count the product's unit: grams ("g") or pieces ("piece")."""

import secrets
from datetime import date

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import F, Q

from catalog import freshness
from catalog.bands import UNLIMITED
from catalog.kinds import Cargo, Direction, LotStatus, ReservationStatus, Unit
from farmers.kinds import LicenceKind
from farmers.models import AgentConsent, Certificate, Farmer, Plot, Station
from marketplace.accounts.models import User
from marketplace.database.models import Identified
from marketplace.kernel.temperature import Band, Zone
from marketplace.kernel.units import Size
from marketplace.places.models import County, Hub, Place

ZONES = [(zone.value, zone.value) for zone in Zone]
SIZES = [(size.value, size.value) for size in Size]


class Product(Identified):
    """Something that can be sold. `min_c`, `max_c` bound what it may meet on its way; None: no limit.

    `volume_ml` is per piece, or per kilogram when sold by weight. `fresh` and `valuable` goods enter a locker
    only by agreement with the sender (rule 5 of domain.md); `required_licence` is the seller's.
    """

    name = models.CharField(max_length=80, unique=True)
    name_en = models.CharField(max_length=120, blank=True)
    category = models.CharField(max_length=40)
    direction = models.CharField(max_length=4, choices=Direction.choices)
    county = models.ForeignKey(County, on_delete=models.PROTECT, null=True, related_name="products")
    zone = models.CharField(max_length=10, choices=ZONES)
    min_c = models.FloatField(null=True)
    max_c = models.FloatField(null=True)
    shelf_life_days = models.PositiveIntegerField(null=True)
    unit = models.CharField(max_length=5, choices=Unit.choices)
    unit_net_g = models.PositiveIntegerField(null=True)
    unit_gross_g = models.PositiveIntegerField(null=True)
    volume_ml = models.PositiveIntegerField()
    size_class = models.CharField(max_length=4, choices=SIZES)
    cargo = models.CharField(max_length=10, choices=Cargo.choices)
    needs_certificate = models.BooleanField(default=False, help_text="a category of the certificate rule")
    required_licence = models.CharField(max_length=12, choices=LicenceKind.choices, blank=True)
    fresh = models.BooleanField(default=False)
    valuable = models.BooleanField(default=False)
    restricted = models.BooleanField(default=False, help_text="限制使用农药: never sold online")
    locker_allowed = models.BooleanField(default=True)
    returnable = models.BooleanField(default=False, help_text="七日无理由退货")
    typical_price_fen = models.PositiveIntegerField(null=True)
    season = models.CharField(max_length=80, blank=True)
    note = models.CharField(max_length=200, blank=True)
    sort_key = models.CharField(max_length=300, help_text="pinyin")
    search_tokens = ArrayField(models.TextField(), default=list)
    search = models.GeneratedField(
        expression=models.Func(F("search_tokens"), function="array_to_tsvector"),
        output_field=SearchVectorField(),
        db_persist=True,
    )

    class Meta:
        indexes = [GinIndex(fields=["search"], name="product_search")]
        constraints = [
            models.CheckConstraint(
                condition=Q(unit=Unit.GRAM, unit_net_g=None, unit_gross_g=None)
                | Q(unit=Unit.PIECE, unit_net_g__gt=0, unit_gross_g__gte=F("unit_net_g")),
                name="product_pieces_have_weights",
            ),
            models.CheckConstraint(
                condition=Q(min_c=None, max_c=None) | Q(min_c__lte=F("max_c")), name="product_band"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def band(self) -> Band:
        if self.min_c is None or self.max_c is None:
            return UNLIMITED
        return Band(self.min_c, self.max_c)

    @property
    def needs_sender_agreement(self) -> bool:
        return self.locker_allowed and (self.fresh or self.valuable)


def _trace_code() -> str:
    """128 random bits: who has not read the label cannot guess the page."""
    return secrets.token_hex(16)


class LotImport(Identified):
    """One CSV that became lots; undone as a whole."""

    station = models.ForeignKey(Station, on_delete=models.PROTECT, related_name="imports")
    imported_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    imported_at = models.DateTimeField()
    undone_at = models.DateTimeField(null=True)


class Lot(Identified):
    """One harvest of one seller (or one delivery of a good that goes down), as it is offered.

    `place` is where the goods lie, `hub` whose vans fetch them. `available_quantity` repeats what the stock
    rows say (on hand less reserved less the offline quota): every service that moves stock rewrites it in the
    same transaction, so that lists need no sums.
    """

    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="lots")
    seller = models.ForeignKey(Farmer, on_delete=models.PROTECT, related_name="lots")
    station = models.ForeignKey(Station, on_delete=models.PROTECT, null=True, related_name="lots")
    place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="lots")
    hub = models.ForeignKey(Hub, on_delete=models.PROTECT, related_name="lots")
    plot = models.ForeignKey(Plot, on_delete=models.PROTECT, null=True, related_name="lots")
    listed_by_user = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    agent_consent = models.ForeignKey(AgentConsent, on_delete=models.PROTECT, null=True, related_name="lots")
    batch = models.ForeignKey(LotImport, on_delete=models.PROTECT, null=True, related_name="lots")
    certificates = models.ManyToManyField(Certificate, related_name="lots")

    status = models.CharField(max_length=10, choices=LotStatus.choices, default=LotStatus.LISTED)
    zone = models.CharField(max_length=10, choices=ZONES)
    listed_quantity = models.PositiveBigIntegerField()
    available_quantity = models.PositiveBigIntegerField()
    price_fen = models.PositiveIntegerField(help_text="per kilogram (unit g) or per piece")
    harvested_on = models.DateField(null=True)
    expires_on = models.DateField(null=True)
    sender_agreement_at = models.DateTimeField(null=True, help_text="寄件人入柜约定")
    returns_granted = models.BooleanField(
        default=False, help_text="七天无理由: granted by the seller where the law does not ask it"
    )
    trace_code = models.CharField(max_length=32, unique=True, default=_trace_code)
    listed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(price_fen__gt=0), name="lot_price_positive"),
            models.CheckConstraint(
                condition=Q(available_quantity__lte=F("listed_quantity")), name="lot_available_within_listed"
            ),
            models.CheckConstraint(
                condition=Q(expires_on=None) | Q(harvested_on=None) | Q(expires_on__gt=F("harvested_on")),
                name="lot_expires_after_harvest",
            ),
        ]
        indexes = [
            models.Index(fields=["station", "status"], name="lot_of_station"),
            models.Index(fields=["-id"], condition=Q(status="listed"), name="lot_listed"),
            models.Index(fields=["expires_on"], condition=Q(status="listed"), name="lot_to_expire"),
        ]

    @property
    def unit(self) -> str:
        return self.product.unit

    @property
    def price_basis(self) -> str:
        """What `price_fen` counts: "kg" or "piece"."""
        return "kg" if self.product.unit == Unit.GRAM else "piece"

    @property
    def sender_agreement(self) -> bool:
        return self.sender_agreement_at is not None

    def days_left(self, today: date) -> int | None:
        return freshness.days_left(expires_on=self.expires_on, today=today)


class Stock(Identified):
    """How much of a lot lies at a place. Held by the database: on_hand >= reserved >= 0.

    `offline_quota` is kept back from the shop for what the station sells while it has no network.
    """

    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, related_name="stocks")
    place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="stocks")
    on_hand = models.BigIntegerField()
    reserved = models.BigIntegerField(default=0)
    offline_quota = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["lot", "place"], name="stock_once_per_lot_and_place"),
            models.CheckConstraint(
                condition=Q(reserved__gte=0, on_hand__gte=F("reserved")), name="stock_never_oversold"
            ),
            models.CheckConstraint(condition=Q(offline_quota__gte=0), name="stock_quota_positive"),
        ]

    @property
    def sellable(self) -> int:
        """What the shop may still promise."""
        return max(self.on_hand - self.reserved - self.offline_quota, 0)


class Reservation(Identified):
    """Part of a stock row promised under a reference (an order). Held ones run out at `expires_at`."""

    reference = models.UUIDField(db_index=True)
    stock = models.ForeignKey(Stock, on_delete=models.PROTECT, related_name="reservations")
    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, related_name="reservations")
    quantity = models.PositiveBigIntegerField()
    status = models.CharField(
        max_length=10, choices=ReservationStatus.choices, default=ReservationStatus.HELD
    )
    expires_at = models.DateTimeField()
    reserved_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["reference", "stock"],
                condition=~Q(status=ReservationStatus.RELEASED),
                name="reservation_once_per_reference",
            ),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="reservation_positive"),
        ]
        indexes = [
            models.Index(fields=["expires_at"], condition=Q(status="held"), name="reservation_to_expire")
        ]


class Shortage(Identified):
    """A physical fact that broke a promise: reserved goods are not there. A person settles it."""

    stock = models.ForeignKey(Stock, on_delete=models.PROTECT, related_name="shortages")
    quantity = models.PositiveBigIntegerField()
    why = models.CharField(max_length=40)
    noticed_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)


class OrderCycle(Identified):
    """The orders of one delivery day of one hub (预售期). Closes once, by a conditional UPDATE."""

    hub = models.ForeignKey(Hub, on_delete=models.PROTECT, related_name="cycles")
    delivery_date = models.DateField()
    closes_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["hub", "delivery_date"], name="one_cycle_per_hub_and_day")
        ]
        indexes = [models.Index(fields=["closes_at"], condition=Q(closed_at=None), name="cycle_to_close")]
