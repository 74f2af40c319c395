"""What makes a repeat harmless. Actors are plain uuids: this app knows no user table."""

from django.db import models

from marketplace.database.models import Identified


class IdempotencyRecord(models.Model):
    """The stored result of one mutation under its client's key."""

    actor_uuid = models.UUIDField()
    operation = models.CharField(max_length=60)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    result = models.JSONField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["actor_uuid", "operation", "key"], name="idempotency_once")
        ]


class OfflineOperation(Identified):
    """An act done without network, as it arrived; the uuid is the client's `opId`."""

    device = models.CharField(max_length=80)
    actor_uuid = models.UUIDField()
    seq = models.PositiveIntegerField()
    type = models.CharField(max_length=60)
    schema_version = models.PositiveSmallIntegerField()
    base_version = models.PositiveIntegerField(null=True)
    event_time = models.DateTimeField()
    received_at = models.DateTimeField()
    payload = models.JSONField()
    outcome = models.CharField(max_length=20)
    truth = models.JSONField(default=dict)
    errors = models.JSONField(default=list)


class RateCounter(models.Model):
    """Hits of one key in one window; counted outside the transaction that they guard."""

    key = models.CharField(max_length=200)
    window = models.BigIntegerField()
    hits = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "window"], name="rate_counter_window")]
