"""Cart, Order, Line, Fulfilment, and what the scales and the money said about them.

Nothing here is deleted but cart lines: orders are trade records, kept for three years (E-commerce Law 31),
and a line keeps a copy of the listing it was bought from.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from farmers.models import Station, Villager
from marketplace.accounts.models import User
from marketplace.database.models import Identified
from marketplace.places.models import Hub, Place
from orders.pricing import Agency
from orders.splitting import Way
from orders.states import FulfilmentStatus, LineStatus, OrderStatus
from orders.weighing import Ordered


class Substitution(models.TextChoices):
    """What to do when a line falls short; never above the agreed maximum."""

    REFUND = "refund", "退款"
    SUBSTITUTE = "substitute", "换同类"
    ASK = "ask", "先问我"


class PaymentMethod(models.TextChoices):
    ALIPAY = "alipay", "支付宝"
    CASH = "cash", "站点现金"


class Cart(Identified):
    """One per buyer; placing an order empties it."""

    buyer = models.OneToOneField(User, on_delete=models.CASCADE, related_name="cart")


class CartLine(Identified):
    """`quantity` in the product's unit: grams or pieces."""

    cart = models.ForeignKey(Cart, on_delete=models.CASCADE, related_name="lines")
    lot = models.ForeignKey("catalog.Lot", on_delete=models.CASCADE, related_name="+")
    quantity = models.PositiveIntegerField()
    substitution = models.CharField(max_length=10, choices=Substitution.choices, default=Substitution.REFUND)
    allergy_lock = models.BooleanField(default=False, help_text="never anything else in its place")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["cart", "lot"], name="cart_line_once_per_lot"),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="cart_line_positive"),
            models.CheckConstraint(
                condition=~Q(substitution="substitute", allergy_lock=True), name="cart_allergy_is_kept"
            ),
        ]


class Order(Identified):
    """What one recipient is to get, and what was agreed about the money.

    The recipient is a user (`buyer`) or a villager whom a station orders for. `agreed_max_fen` is what he
    pays at most and up front: `goods_max_fen` + `delivery_fen`. `attention` names what somebody must look at.
    """

    number = models.CharField(max_length=24, unique=True)
    direction = models.CharField(max_length=4, choices=[("up", "农产品进城"), ("down", "工业品下乡")])
    status = models.CharField(
        max_length=20, choices=[(s.value, s.value) for s in OrderStatus], default=OrderStatus.AWAITING_PAYMENT
    )
    buyer = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="orders")
    villager = models.ForeignKey(Villager, on_delete=models.PROTECT, null=True, related_name="orders")
    agent_station = models.ForeignKey(
        Station, on_delete=models.PROTECT, null=True, related_name="agent_orders", help_text="代买 through it"
    )
    placed_by_uuid = models.UUIDField()
    payment = models.CharField(max_length=10, choices=PaymentMethod.choices)
    placed_at = models.DateTimeField()
    pay_until = models.DateTimeField()
    paid_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    deliver_on = models.DateField()
    cut_off_at = models.DateTimeField()
    goods_max_fen = models.PositiveBigIntegerField()
    delivery_fen = models.PositiveBigIntegerField()
    delivery_intent = models.UUIDField(null=True, help_text="the platform's own payment intent")
    fee_rules = models.JSONField(help_text="orders.pricing.FeeRules on the day of ordering (D4)")
    why_ended = models.CharField(max_length=30, blank=True)
    attention = models.CharField(max_length=30, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(buyer__isnull=False, villager=None)
                | Q(buyer=None, villager__isnull=False, agent_station__isnull=False),
                name="order_has_one_recipient",
            ),
        ]
        indexes = [
            models.Index(
                fields=["pay_until"], condition=Q(status="awaiting_payment"), name="order_awaiting_payment"
            ),
            models.Index(fields=["buyer", "-placed_at"], name="order_of_buyer"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def agreed_max_fen(self) -> int:
        return self.goods_max_fen + self.delivery_fen


class Fulfilment(Identified):
    """One parcel of an order: one zone, one origin hub, one destination. Its uuid is the reference elsewhere.

    `destination` is where it goes now; a planner may move it among `option_uuids` when the buyer chose "any".
    `held` marks goods in a cabinet that got too warm: nobody collects them until somebody decides.
    """

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="fulfilments")
    status = models.CharField(
        max_length=12,
        choices=[(s.value, s.value) for s in FulfilmentStatus],
        default=FulfilmentStatus.RESERVED,
    )
    way = models.CharField(max_length=8, choices=[(way.value, way.value) for way in Way])
    zone = models.CharField(max_length=10)
    category = models.CharField(max_length=12)
    size = models.CharField(max_length=4)
    gross_g = models.PositiveIntegerField(help_text="as ordered; the parcel's own weight stands on its unit")
    volume_ml = models.PositiveIntegerField()
    min_c = models.FloatField()
    max_c = models.FloatField()
    origin_hub = models.ForeignKey(Hub, on_delete=models.PROTECT, related_name="+")
    destination = models.ForeignKey(Place, on_delete=models.PROTECT, related_name="+")
    option_uuids = ArrayField(models.UUIDField(), default=list)
    movable = models.BooleanField(default=False)
    deliver_on = models.DateField()
    postponed = models.PositiveSmallIntegerField(default=0)
    arrives_from = models.DateTimeField(null=True)
    arrives_until = models.DateTimeField(null=True)
    shipment_uuid = models.UUIDField(null=True, unique=True)
    unit_uuid = models.UUIDField(null=True, unique=True)
    pickup_group_uuid = models.UUIDField(null=True)
    compartment = models.CharField(max_length=20, blank=True)
    ready_since = models.DateTimeField(null=True)
    hold_until = models.DateTimeField(null=True)
    collected_at = models.DateTimeField(null=True)
    held = models.BooleanField(default=False)
    held_breach_uuid = models.UUIDField(null=True)
    why_cancelled = models.CharField(max_length=60, blank=True)
    delivery_fen = models.PositiveBigIntegerField(default=0, help_text="its part of the order's delivery fee")
    delivery_settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(status__in=["packed", "ready", "collected"]) | Q(unit_uuid__isnull=False),
                name="packed_fulfilment_has_a_unit",
            ),
        ]
        indexes = [models.Index(fields=["destination", "status"], name="fulfilment_at_place")]


class Line(Identified):
    """One lot of an order. `agency` says for what a station earns its share of it.

    `price_fen` is per kilogram (unit "g") or per piece. `final_amount_fen` is set when the portion was
    weighed; the buyer keeps paying at most `max_amount_fen`. `refunded_fen` counts every way money went back.
    """

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="lines")
    fulfilment = models.ForeignKey(Fulfilment, on_delete=models.PROTECT, related_name="lines")
    lot = models.ForeignKey("catalog.Lot", on_delete=models.PROTECT, related_name="order_lines")
    status = models.CharField(
        max_length=10, choices=[(s.value, s.value) for s in LineStatus], default=LineStatus.RESERVED
    )
    unit = models.CharField(max_length=5)
    quantity = models.PositiveIntegerField()
    price_fen = models.PositiveIntegerField()
    unit_net_g = models.PositiveIntegerField(null=True)
    max_amount_fen = models.PositiveBigIntegerField()
    substitution = models.CharField(max_length=10, choices=Substitution.choices)
    allergy_lock = models.BooleanField(default=False, help_text="never anything else in its place")
    asked_until = models.DateTimeField(null=True, help_text="the buyer is asked about what is missing")
    short_quantity = models.PositiveIntegerField(default=0, help_text="missing, in the line's unit")
    listing = models.JSONField(
        help_text="copy of the listing: product, seller, station, zone, trace code, dates"
    )
    intent_reference = models.UUIDField(help_text="which payment intent of the order paid for it")
    merchant_uuid = models.UUIDField(help_text="whose held money that intent is: the settling merchant")
    seller_uuid = models.UUIDField()
    agent_station_uuid = models.UUIDField(null=True, help_text="the station that earns `agency`'s share")
    origin_station = models.ForeignKey(Station, on_delete=models.PROTECT, null=True, related_name="+")
    agency = models.CharField(
        max_length=15, choices=[(agency.value, agency.value) for agency in Agency], default=Agency.NONE
    )
    actual_weight_g = models.PositiveIntegerField(null=True)
    final_amount_fen = models.PositiveBigIntegerField(null=True)
    refunded_fen = models.PositiveBigIntegerField(default=0)
    settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["order", "lot"], name="order_line_once_per_lot"),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="order_line_positive"),
            models.CheckConstraint(
                condition=Q(final_amount_fen=None) | Q(final_amount_fen__lte=F("max_amount_fen")),
                name="line_never_above_the_agreed_maximum",
            ),
            models.CheckConstraint(
                condition=Q(refunded_fen__lte=F("max_amount_fen")), name="line_refund_within_payment"
            ),
            models.CheckConstraint(
                condition=~Q(substitution="substitute", allergy_lock=True), name="line_allergy_is_kept"
            ),
        ]

    @property
    def kept_fen(self) -> int:
        """What the buyer has paid for this line and not got back."""
        return self.max_amount_fen - self.refunded_fen

    @property
    def ordered(self) -> Ordered:
        return Ordered(
            unit=self.unit, quantity=self.quantity, price_fen=self.price_fen, unit_net_g=self.unit_net_g
        )


class WeighIn(Identified):
    """A crate on the station's scale: what the farmer handed over. `ordered_g` is what was due that day."""

    station = models.ForeignKey(Station, on_delete=models.PROTECT, related_name="weigh_ins")
    lot = models.ForeignKey("catalog.Lot", on_delete=models.PROTECT, related_name="weigh_ins")
    unit_uuid = models.UUIDField(unique=True)
    gross_g = models.PositiveIntegerField()
    tare_g = models.PositiveIntegerField()
    ordered_g = models.PositiveBigIntegerField()
    weighed_before_g = models.PositiveBigIntegerField(help_text="earlier crates of the lot, net")
    temperature_c = models.FloatField(null=True)
    at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    weighed_by_uuid = models.UUIDField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(tare_g__lt=F("gross_g")), name="weigh_in_tare_below_gross")
        ]
        indexes = [models.Index(fields=["station", "at"], name="weigh_in_of_station")]

    @property
    def net_g(self) -> int:
        return self.gross_g - self.tare_g

    @property
    def difference_g(self) -> int:
        """What has been weighed so far less what was ordered; negative while goods are missing."""
        return self.weighed_before_g + self.net_g - self.ordered_g


class PortionWeight(Identified):
    """A portion on the packer's scale: what buyer pays and seller earns for one line out of one crate."""

    line = models.ForeignKey(Line, on_delete=models.PROTECT, related_name="portions")
    lot = models.ForeignKey("catalog.Lot", on_delete=models.PROTECT, related_name="+")
    crate_uuid = models.UUIDField(db_index=True)
    net_g = models.PositiveIntegerField()
    at = models.DateTimeField()
    packed_by_uuid = models.UUIDField()


class RefundReason(models.TextChoices):
    WEIGHT = "weight", _("称重差额")
    CANCELLED = "cancelled", _("订单取消")
    UNSERVED = "unserved", _("无法送达")
    SHORT = "short", _("缺货")
    LATE_PAYMENT = "late_payment", _("付款时订单已关闭")
    CLAIM = "claim", _("售后")
    BREACH = "breach", _("储存超温")
    UNCOLLECTED = "uncollected", _("逾期未取")
    RETURN = "return", _("七天无理由退货")


class LineRefund(Identified):
    """Money that goes back for one line, or for the delivery fee (no line). `key` makes it happen once."""

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="refunds")
    line = models.ForeignKey(Line, on_delete=models.PROTECT, null=True, related_name="refunds")
    reason = models.CharField(max_length=15, choices=RefundReason.choices)
    note = models.CharField(max_length=200, blank=True)
    amount_fen = models.PositiveBigIntegerField()
    key = models.CharField(max_length=120, unique=True)
    refund_uuid = models.UUIDField(unique=True, help_text="the payment app's refund")
    failed_at = models.DateTimeField(null=True, help_text="the provider refused; the money is held again")
    at = models.DateTimeField()
    ordered_by_uuid = models.UUIDField(null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(amount_fen__gt=0), name="refund_positive")]


class Reach(models.Model):
    """Read model: can goods of one hub get to one place that day, and when. Kept by orders.storefront."""

    origin_hub = models.ForeignKey(Hub, on_delete=models.CASCADE, related_name="+")
    place = models.ForeignKey(Place, on_delete=models.CASCADE, related_name="+")
    day = models.DateField()
    feasible = models.BooleanField()
    reason = models.CharField(max_length=40, blank=True)
    arrives_from = models.DateTimeField(null=True)
    arrives_until = models.DateTimeField(null=True)
    co2_g = models.PositiveIntegerField(default=0)
    refreshed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["origin_hub", "place", "day"], name="reach_once"),
        ]
