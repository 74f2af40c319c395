"""Stations and the people around them. Nothing here is deleted: consents are revoked, certificates
replaced.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from farmers.kinds import (
    CertificateBasis,
    ConsentKind,
    EvidenceKind,
    FieldWork,
    Grade,
    LicenceKind,
    SellerKind,
    ServiceKind,
)
from marketplace.accounts.models import User
from marketplace.database.models import Identified, Located
from marketplace.places.models import County, Hub, Place


class Station(Identified):
    """A village information and service point (益农信息社); `hub` is the one whose vans serve it."""

    code = models.CharField(max_length=20, unique=True)
    name = models.CharField(max_length=80)
    grade = models.CharField(max_length=12, choices=Grade.choices, default=Grade.STANDARD)
    place = models.OneToOneField(Place, on_delete=models.PROTECT, related_name="station")
    county = models.ForeignKey(County, on_delete=models.PROTECT, related_name="stations")
    hub = models.ForeignKey(Hub, on_delete=models.PROTECT, related_name="stations")
    services = ArrayField(models.CharField(max_length=12, choices=ServiceKind.choices), default=list)
    phone = models.CharField(max_length=20, blank=True)
    has_fridge = models.BooleanField(default=False)
    has_freezer = models.BooleanField(default=False)
    active = models.BooleanField(default=True)

    def __str__(self) -> str:
        return f"{self.code} {self.name}"


class Farmer(Identified):
    """A seller of any kind. Those who grow stand at a station; those who sell goods down stand at a hub."""

    name = models.CharField(max_length=60)
    phone = models.CharField(max_length=20)
    seller_kind = models.CharField(max_length=12, choices=SellerKind.choices)
    station = models.ForeignKey(Station, on_delete=models.PROTECT, null=True, related_name="farmers")
    hub = models.ForeignKey(Hub, on_delete=models.PROTECT, null=True, related_name="sellers")
    user = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="farmers")
    own_produce_declared_at = models.DateTimeField(null=True, help_text="households: 自产声明")
    attested_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    trace_subject_code = models.CharField(max_length=40, blank=True, help_text="追溯主体码")
    registered_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(station__isnull=False, hub=None) | Q(station=None, hub__isnull=False),
                name="farmer_stands_at_one_place",
            ),
            models.CheckConstraint(
                condition=~Q(seller_kind=SellerKind.HOUSEHOLD) | Q(own_produce_declared_at__isnull=False),
                name="household_declares_own_produce",
            ),
            models.UniqueConstraint(
                fields=["station", "phone", "name"], name="farmer_once_per_station", nulls_distinct=False
            ),
        ]

    def __str__(self) -> str:
        return self.name


class SellerLicence(Identified):
    """A licence on file; `valid_until` is the last good day, None for those without an end."""

    farmer = models.ForeignKey(Farmer, on_delete=models.CASCADE, related_name="licences")
    kind = models.CharField(max_length=12, choices=LicenceKind.choices)
    number = models.CharField(max_length=60)
    valid_until = models.DateField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["farmer", "kind"], name="one_licence_of_a_kind")]


class Villager(Identified):
    """Somebody the station orders for; needs no phone and no account."""

    name = models.CharField(max_length=60)
    phone = models.CharField(max_length=20, blank=True)
    station = models.ForeignKey(Station, on_delete=models.PROTECT, related_name="villagers")
    user = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="villagers")
    registered_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["station", "phone", "name"], name="villager_once_per_station")
        ]

    def __str__(self) -> str:
        return self.name


class Plot(Located):
    """A field (地块). Its exact point is never public: the trace page names the village."""

    farmer = models.ForeignKey(Farmer, on_delete=models.PROTECT, related_name="plots")
    name = models.CharField(max_length=60)
    village = models.CharField(max_length=60, blank=True)
    area_m2 = models.PositiveIntegerField(null=True)
    synthetic = models.BooleanField(default=False)


class FieldRecord(Identified):
    """One line of the field log (农事记录). Spraying names the day from which harvest is safe again."""

    plot = models.ForeignKey(Plot, on_delete=models.PROTECT, related_name="records")
    work = models.CharField(max_length=12, choices=FieldWork.choices)
    done_on = models.DateField()
    substance = models.CharField(max_length=80, blank=True)
    safe_from = models.DateField(null=True, help_text="spraying: first day after the withdrawal period")
    recorded_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(work=FieldWork.SPRAYING)
                | Q(safe_from__isnull=False, safe_from__gte=models.F("done_on")),
                name="spraying_names_its_withdrawal_period",
            )
        ]


class EvidenceFile(Identified):
    """A picture that proves something, as it lies in the storage: re-encoded, without EXIF."""

    name = models.CharField(max_length=200, unique=True)
    purpose = models.CharField(max_length=20)
    sha256 = models.CharField(max_length=64)
    uploaded_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="evidence_files")
    uploaded_at = models.DateTimeField()


class Certificate(Identified):
    """承诺达标合格证, a record of its own: never edited, only replaced; kept over the legal six months.

    `quantity` counts grams ("g") or pieces ("piece"). `sha256` is `certificate_rules.fingerprint` of
    the fields.
    """

    farmer = models.ForeignKey(Farmer, on_delete=models.PROTECT, related_name="certificates")
    number = models.CharField(max_length=60)
    commitment = models.CharField(max_length=300)
    basis = models.CharField(max_length=20, choices=CertificateBasis.choices)
    product_name = models.CharField(max_length=80)
    quantity = models.PositiveBigIntegerField()
    unit = models.CharField(max_length=5)
    origin = models.CharField(max_length=120)
    issued_on = models.DateField()
    issuer = models.CharField(max_length=80)
    contact = models.CharField(max_length=80)
    file = models.ForeignKey(EvidenceFile, on_delete=models.PROTECT, null=True, related_name="+")
    sha256 = models.CharField(max_length=64)
    parents = models.ManyToManyField("self", symmetrical=False, related_name="children", blank=True)
    replaced_by = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="replaces")
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["farmer", "number"], name="certificate_number_once")]


class AgentConsent(Identified):
    """代办授权: a farmer lets the station sell, or a villager lets it buy, in his name. Revocable."""

    kind = models.CharField(max_length=20, choices=ConsentKind.choices)
    station = models.ForeignKey(Station, on_delete=models.PROTECT, related_name="consents")
    farmer = models.ForeignKey(Farmer, on_delete=models.PROTECT, null=True, related_name="consents")
    villager = models.ForeignKey(Villager, on_delete=models.PROTECT, null=True, related_name="consents")
    evidence_kind = models.CharField(max_length=20, choices=EvidenceKind.choices)
    evidence_file = models.ForeignKey(EvidenceFile, on_delete=models.PROTECT, null=True, related_name="+")
    recorded_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    recorded_at = models.DateTimeField()
    revoked_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind=ConsentKind.AGENT_SALE, farmer__isnull=False, villager=None)
                | Q(kind=ConsentKind.AGENT_PURCHASE, farmer=None, villager__isnull=False),
                name="consent_names_the_right_party",
            ),
            models.UniqueConstraint(
                fields=["station", "farmer"],
                condition=Q(revoked_at=None, farmer__isnull=False),
                name="one_living_sale_consent",
            ),
            models.UniqueConstraint(
                fields=["station", "villager"],
                condition=Q(revoked_at=None, villager__isnull=False),
                name="one_living_purchase_consent",
            ),
        ]

    @property
    def party(self) -> Farmer | Villager:
        party = self.farmer or self.villager
        assert party is not None  # held by consent_names_the_right_party
        return party


class ServiceRecord(Identified):
    """One use of one of the four services; totals by village and county come from here."""

    station = models.ForeignKey(Station, on_delete=models.PROTECT, related_name="service_records")
    kind = models.CharField(max_length=12, choices=ServiceKind.choices)
    what = models.CharField(max_length=120)
    villager = models.ForeignKey(Villager, on_delete=models.PROTECT, null=True, related_name="+")
    fee_fen = models.PositiveIntegerField(default=0)
    done_at = models.DateTimeField()
    recorded_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        indexes = [models.Index(fields=["station", "kind", "done_at"], name="service_totals")]
