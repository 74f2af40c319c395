"""Shipments with their legs, and the plans that carry them. A shipment knows a reference, never an order."""

from datetime import date

from django.db import models
from django.db.models import Q

from marketplace.database.models import Identified
from marketplace.kernel.temperature import Band
from marketplace.places.models import Hub, Place, Vehicle
from routing import states


def _choices(kind: type) -> list[tuple[str, str]]:
    return [(state.value, state.value) for state in kind]  # type: ignore[attr-defined]


class Shipment(Identified):
    """One parcel's journey on one day, from its origin hub's county to one of its options.

    `reference` is what it fulfils; a shipment that is tried again another day is another row.
    """

    reference = models.UUIDField(db_index=True)
    #: whose consent a cabinet needs; None: the sender named the address
    recipient_uuid = models.UUIDField(null=True)
    #: fresh and valuable goods need it (domain rule 5)
    sender_agreement = models.BooleanField(default=True)
    direction = models.CharField(max_length=4)
    origin_hub = models.ForeignKey(Hub, on_delete=models.PROTECT, related_name="shipments_out")
    destination_hub = models.ForeignKey(Hub, on_delete=models.PROTECT, related_name="shipments_in")
    status = models.CharField(
        max_length=10, choices=_choices(states.ShipmentStatus), default=states.ShipmentStatus.REQUESTED
    )
    deliver_on = models.DateField()
    zone = models.CharField(max_length=10)
    size = models.CharField(max_length=4)
    weight_g = models.PositiveIntegerField()
    volume_ml = models.PositiveIntegerField()
    min_c = models.FloatField()
    max_c = models.FloatField()
    category = models.CharField(max_length=12, default="general")
    cold_budget_min = models.PositiveIntegerField(null=True)
    value_fen = models.PositiveBigIntegerField(default=0)
    keep_until = models.DateTimeField(
        null=True, help_text="end of the goods' life: no cell keeps them past it"
    )
    #: where the published plan takes it
    place = models.ForeignKey(Place, on_delete=models.PROTECT, null=True, related_name="+")
    requested_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["reference", "deliver_on"],
                condition=~Q(status="cancelled"),
                name="one_live_shipment_a_day",
            )
        ]
        indexes = [models.Index(fields=["deliver_on", "status"], name="shipment_day")]

    @property
    def band(self) -> Band:
        return Band(self.min_c, self.max_c)


class ShipmentOption(models.Model):
    """A place that the recipient agreed to; a lower `preference` is liked better."""

    shipment = models.ForeignKey(Shipment, on_delete=models.CASCADE, related_name="options")
    place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=20)
    preference = models.PositiveSmallIntegerField(default=0)
    compensation_fen = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["shipment", "place"], name="option_once")]


class Leg(Identified):
    """One ride of a shipment: a collection or direct ride starts at `place`, a delivery ends at an option."""

    shipment = models.ForeignKey(Shipment, on_delete=models.CASCADE, related_name="legs")
    seq = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=8, choices=_choices(states.LegKind))
    wave = models.CharField(max_length=14, choices=_choices(states.Wave))
    hub = models.ForeignKey(Hub, on_delete=models.PROTECT, related_name="+")
    to_hub = models.ForeignKey(Hub, on_delete=models.PROTECT, null=True, related_name="+")
    place = models.ForeignKey(Place, on_delete=models.PROTECT, null=True, related_name="+")
    weight_g = models.PositiveIntegerField()
    volume_ml = models.PositiveIntegerField()
    status = models.CharField(
        max_length=10, choices=_choices(states.LegStatus), default=states.LegStatus.OPEN
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["shipment", "seq"], name="leg_seq_per_shipment")]
        indexes = [models.Index(fields=["hub", "wave", "status"], name="leg_of_wave")]


class Plan(Identified):
    """The answer for one hub, day and wave. At most one is published; the others are drafts or history."""

    hub = models.ForeignKey(Hub, on_delete=models.PROTECT, related_name="plans")
    date = models.DateField()
    wave = models.CharField(max_length=14, choices=_choices(states.Wave))
    version = models.PositiveIntegerField()
    status = models.CharField(
        max_length=10, choices=_choices(states.PlanStatus), default=states.PlanStatus.DRAFT
    )
    #: why this version exists; the version before it can be looked at and restored
    cause = models.CharField(
        max_length=10, choices=_choices(states.PlanCause), default=states.PlanCause.PLANNED
    )
    actor_uuid = models.UUIDField(null=True)
    engine = models.CharField(max_length=20)
    seed = models.IntegerField(default=0)
    distance_m = models.PositiveBigIntegerField(default=0)
    cost_fen = models.PositiveBigIntegerField(default=0)
    co2_g = models.PositiveBigIntegerField(default=0)
    options_saved_fen = models.BigIntegerField(default=0)
    metrics = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    published_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["hub", "date", "wave", "version"], name="plan_version"),
            models.UniqueConstraint(
                fields=["hub", "date", "wave"], condition=Q(status="published"), name="one_published_plan"
            ),
        ]


class PlanPicture(models.Model):
    """A published plan as quotes read it (routing.services.quotes.picture_bytes), drawn once for all."""

    plan = models.OneToOneField(Plan, on_delete=models.CASCADE, related_name="picture")
    form = models.PositiveSmallIntegerField(help_text="layout of the bytes")
    own_day = models.BinaryField()
    pattern = models.BinaryField()


class Route(Identified):
    """One vehicle's loop. `courier_uuid` is who started it."""

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="routes")
    vehicle = models.ForeignKey(Vehicle, on_delete=models.PROTECT, related_name="routes")
    seq = models.PositiveSmallIntegerField()
    status = models.CharField(
        max_length=10, choices=_choices(states.RouteStatus), default=states.RouteStatus.PLANNED
    )
    distance_m = models.PositiveIntegerField()
    departs_at = models.DateTimeField()
    returns_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    courier_uuid = models.UUIDField(null=True)
    metrics = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["plan", "seq"], name="route_seq_per_plan")]


class Stop(Identified):
    route = models.ForeignKey(Route, on_delete=models.CASCADE, related_name="stops")
    seq = models.PositiveSmallIntegerField()
    place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="+")
    arrives_at = models.DateTimeField()
    departs_at = models.DateTimeField()
    status = models.CharField(
        max_length=10, choices=_choices(states.StopStatus), default=states.StopStatus.PENDING
    )
    arrived_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=60, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["route", "seq"], name="stop_seq_per_route")]


class StopTask(Identified):
    """What the stop does for one leg: `collect` takes it into the van, `drop` gives it out of the van."""

    stop = models.ForeignKey(Stop, on_delete=models.CASCADE, related_name="tasks")
    leg = models.ForeignKey(Leg, on_delete=models.PROTECT, related_name="tasks")
    kind = models.CharField(max_length=8, choices=[("collect", "揽收"), ("drop", "投递")])
    cold_minutes = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["stop", "leg", "kind"], name="task_once_per_stop")]


class RouteChange(Identified):
    """What a new version changed on a tour, for the one who drives it; `seen_at`: he has read it."""

    route = models.ForeignKey(Route, on_delete=models.CASCADE, related_name="changes")
    version = models.PositiveIntegerField()
    kind = models.CharField(max_length=8, choices=_choices(states.ChangeKind))
    place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="+")
    cause = models.CharField(max_length=10, choices=_choices(states.PlanCause))
    was_at = models.DateTimeField(null=True)
    now_at = models.DateTimeField(null=True)
    made_at = models.DateTimeField()
    seen_at = models.DateTimeField(null=True)


class UnservedLeg(models.Model):
    """Why a plan does not carry a leg; `reason` is one of routing.solver.terms.Reason."""

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="unserved")
    leg = models.ForeignKey(Leg, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=30)


class WaveRun(models.Model):
    """That somebody plans a wave now. A planner that died is known by its lease (wire time) running out."""

    hub = models.ForeignKey(Hub, on_delete=models.CASCADE, related_name="+")
    date = models.DateField()
    wave = models.CharField(max_length=14, choices=_choices(states.Wave))
    lease_until = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)
    last_error = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["hub", "date", "wave"], name="one_run_per_wave")]


class RoadPair(models.Model):
    """What a road server told about the way between two positions; null: no road leads there.

    `origin` and `target` are keys of routing.services.waves.distances.key_of.
    """

    server = models.CharField(max_length=10)
    origin = models.BigIntegerField()
    target = models.BigIntegerField()
    distance_m = models.PositiveIntegerField(null=True)
    time_s = models.PositiveIntegerField(null=True)
    measured_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["server", "origin", "target"], name="one_row_per_road_pair")
        ]


class RoadClosure(Identified):
    """A road between two places, or everything within a circle, where no van may drive for a time.

    A road has `place` and `other`; an area has `place` as its middle and `radius_m`.
    """

    hub = models.ForeignKey(Hub, on_delete=models.CASCADE, related_name="closures")
    place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="+")
    other = models.ForeignKey(Place, on_delete=models.PROTECT, null=True, related_name="+")
    radius_m = models.PositiveIntegerField(null=True)
    why = models.CharField(max_length=60)
    from_at = models.DateTimeField()
    until_at = models.DateTimeField()
    actor_uuid = models.UUIDField(null=True)
    made_at = models.DateTimeField()
    lifted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(other__isnull=True, radius_m__isnull=False)
                | Q(other__isnull=False, radius_m__isnull=True),
                name="closure_is_road_or_area",
            ),
            models.CheckConstraint(condition=Q(until_at__gt=models.F("from_at")), name="closure_ends_later"),
        ]


class FixedTour(Identified):
    """A tour that a van drives every week on the same days: the wave's plan starts from it."""

    hub = models.ForeignKey(Hub, on_delete=models.CASCADE, related_name="fixed_tours")
    wave = models.CharField(max_length=14, choices=_choices(states.Wave))
    name = models.CharField(max_length=40)
    vehicle = models.ForeignKey(Vehicle, on_delete=models.PROTECT, related_name="+")
    weekdays = models.PositiveSmallIntegerField(help_text="bit 0 is Monday")
    from_day = models.DateField()
    #: the last day; a tour that is changed ends, and another begins
    until_day = models.DateField(null=True)
    actor_uuid = models.UUIDField(null=True)

    def runs_on(self, day: date) -> bool:
        return bool(self.weekdays >> day.weekday() & 1)


class FixedStop(models.Model):
    tour = models.ForeignKey(FixedTour, on_delete=models.CASCADE, related_name="stops")
    seq = models.PositiveSmallIntegerField()
    place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tour", "seq"], name="fixed_stop_seq_per_tour")]


class CityRun(Identified):
    """The plans of one wave of all hubs, asked for at once."""

    date = models.DateField()
    wave = models.CharField(max_length=14, choices=_choices(states.Wave))
    actor_uuid = models.UUIDField(null=True)
    asked_at = models.DateTimeField(help_text="wire time")


class CityPart(models.Model):
    """One hub of a city run: one task on the queue. Times are wire time."""

    run = models.ForeignKey(CityRun, on_delete=models.CASCADE, related_name="parts")
    hub = models.ForeignKey(Hub, on_delete=models.CASCADE, related_name="+")
    legs = models.PositiveIntegerField()
    seconds = models.FloatField(help_text="what the search may take")
    status = models.CharField(
        max_length=10, choices=_choices(states.PartStatus), default=states.PartStatus.WAITING
    )
    stage = models.CharField(max_length=20, blank=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    plan = models.ForeignKey(Plan, on_delete=models.SET_NULL, null=True, related_name="+")
    why = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "hub"], name="one_part_per_hub")]


class PlanInsight(models.Model):
    """The same wave solved without one thing. `base_fen`: with it, in the same small time."""

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="insights")
    kind = models.CharField(max_length=20, choices=_choices(states.Without))
    cost_fen = models.PositiveBigIntegerField()
    unserved = models.PositiveIntegerField()
    base_fen = models.PositiveBigIntegerField()
    base_unserved = models.PositiveIntegerField()
    tours = models.PositiveIntegerField()
    base_tours = models.PositiveIntegerField()
    #: the whole plan, where it can be looked at and chosen
    draft = models.ForeignKey(Plan, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["plan", "kind"], name="one_insight_per_kind")]


class WaybillBatch(Identified):
    """One file of other carriers' parcels that ride along; undone as a whole."""

    hub = models.ForeignKey(Hub, on_delete=models.PROTECT, related_name="+")
    firm = models.CharField(max_length=40, help_text="the courier firm whose parcels they are")
    deliver_on = models.DateField()
    actor_uuid = models.UUIDField(null=True)
    imported_at = models.DateTimeField()
    undone_at = models.DateTimeField(null=True)


class Waybill(Identified):
    """Another carrier's parcel with that firm's own number; its uuid is the shipment's reference."""

    batch = models.ForeignKey(WaybillBatch, on_delete=models.PROTECT, related_name="waybills")
    firm = models.CharField(max_length=40)
    number = models.CharField(max_length=40)
    place = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="+")
    shipment = models.OneToOneField(Shipment, on_delete=models.PROTECT, related_name="waybill")
    #: what the firm pays for the last miles
    fee_fen = models.PositiveIntegerField(default=0)
    #: as the label shows it: masked
    recipient = models.CharField(max_length=40, blank=True)
    live = models.BooleanField(default=True, help_text="false: its import was undone")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["firm", "number"], condition=Q(live=True), name="one_live_waybill"
            )
        ]
