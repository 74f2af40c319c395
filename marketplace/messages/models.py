from django.db import models

from marketplace.database.models import Identified


class Channel(models.TextChoices):
    INBOX = "inbox", "站内信"
    SMS = "sms", "短信"
    WECHAT = "wechat", "微信"
    VOICE = "voice", "语音"


class Notice(Identified):
    """One message to one person (a user, or a phone number of somebody without an account)."""

    to_user_uuid = models.UUIDField(null=True, db_index=True)
    to_phone = models.CharField(max_length=20, blank=True)
    template = models.CharField(max_length=60)
    params = models.JSONField(default=dict)
    reference = models.UUIDField(null=True, db_index=True)
    created_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)


class Receipt(models.Model):
    """That a notice went out on a channel, and what the channel answered."""

    notice = models.ForeignKey(Notice, on_delete=models.CASCADE, related_name="receipts")
    channel = models.CharField(max_length=10, choices=Channel.choices)
    sent_at = models.DateTimeField()
    partner_id = models.CharField(max_length=80, blank=True)
    failed = models.CharField(max_length=200, blank=True)
