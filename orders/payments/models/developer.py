"""What the payment API keeps for developers: answers by key, events, and where they are sent."""

from django.db import models

from marketplace.database.models import Identified


class IdempotencyKey(Identified):
    """The stored answer of one POST. Without `status_code` the first call is still at work, or died."""

    key = models.CharField(max_length=255, unique=True)
    path = models.CharField(max_length=200)
    body_hash = models.CharField(max_length=64)
    status_code = models.PositiveSmallIntegerField(null=True)
    answer = models.TextField(blank=True)
    request_id = models.CharField(max_length=40)
    started_at = models.DateTimeField(db_index=True)


class Event(Identified):
    """A fact as it looked when it happened; receivers read the object again."""

    type = models.CharField(max_length=50, db_index=True)
    object_id = models.CharField(max_length=40, db_index=True)
    data = models.JSONField()
    request_id = models.CharField(max_length=40, blank=True)
    idempotency_key = models.CharField(max_length=255, blank=True)
    created_at = models.DateTimeField()


class WebhookEndpoint(Identified):
    """`secret` signs what is sent here; it is shown once, when the endpoint is made."""

    url = models.URLField(max_length=500)
    enabled_events = models.JSONField()
    """Event types, or ["*"]."""
    secret = models.CharField(max_length=64)
    description = models.CharField(max_length=200, blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    status = models.CharField(max_length=10, default="enabled")
    created_at = models.DateTimeField()

    def wants(self, event_type: str) -> bool:
        return "*" in self.enabled_events or event_type in self.enabled_events


class WebhookDelivery(Identified):
    """One event on its way to one endpoint: pending until it is answered with 2xx or given up."""

    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="deliveries")
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries")
    status = models.CharField(max_length=10, default="pending")
    tries = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True)
    """Wire time; also the lease of the process that sends."""
    last_result = models.CharField(max_length=100, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["event", "endpoint"], name="payments_delivery_once"),
        ]
        indexes = [
            models.Index(
                fields=["next_try_at"], condition=models.Q(status="pending"), name="payments_delivery_due"
            )
        ]
