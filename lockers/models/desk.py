from django.db import models

from lockers.models.allocations import Allocation
from lockers.models.cabinets import Cabinet, Compartment
from marketplace.database.models import Identified


class DeskAction(models.TextChoices):
    OPEN = "open", "开门"
    BLOCK = "block", "停用格口"
    UNBLOCK = "unblock", "恢复格口"
    ASSIST = "assist", "协助取件"
    REISSUE = "reissue", "重发取件码"
    RECALL = "recall", "召回"
    INSPECT = "inspect", "查验结论"
    DECIDE = "decide", "超温处置"
    CAMERA = "camera", "设置摄像头"
    ALARM = "alarm", "结束告警"


class DeskEntry(Identified):
    """What a person did at a cabinet or about a parcel in it, and why. Rows are only added."""

    cabinet = models.ForeignKey(Cabinet, on_delete=models.PROTECT, related_name="desk_entries")
    compartment = models.ForeignKey(Compartment, on_delete=models.PROTECT, null=True, related_name="+")
    allocation = models.ForeignKey(
        Allocation, on_delete=models.PROTECT, null=True, related_name="desk_entries"
    )
    action = models.CharField(max_length=10, choices=DeskAction.choices)
    reason = models.CharField(max_length=200, blank=True)
    actor_uuid = models.UUIDField(null=True)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["cabinet", "-id"], name="desk_by_cabinet")]
