from django.db import models

from marketplace.database.models import Identified


class OutboxEvent(Identified):
    """One fact. Pending until every handler has run; `set_aside_at` marks a poisonous one."""

    type = models.CharField(max_length=100)
    version = models.PositiveSmallIntegerField(default=1)
    aggregate_kind = models.CharField(max_length=50)
    aggregate_uuid = models.UUIDField()
    seq = models.PositiveIntegerField()
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    actor_uuid = models.UUIDField(null=True)
    correlation_id = models.UUIDField()
    payload = models.JSONField()

    delivered_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    retry_at = models.DateTimeField(null=True)
    set_aside_at = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["aggregate_kind", "aggregate_uuid", "seq"], name="outbox_seq_per_aggregate"
            )
        ]
        indexes = [
            models.Index(
                fields=["id"],
                condition=models.Q(delivered_at=None, set_aside_at=None),
                name="outbox_pending",
            )
        ]


class HandlerRun(models.Model):
    """That this handler has done its work for this event: what makes a second delivery harmless."""

    event = models.ForeignKey(OutboxEvent, on_delete=models.CASCADE, related_name="runs")
    handler = models.CharField(max_length=150)
    ran_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["event", "handler"], name="outbox_handler_once")]
