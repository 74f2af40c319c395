from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from lockers.models.allocations import Allocation
from lockers.models.cabinets import Cabinet, Compartment
from lockers.protocol.messages import Result
from marketplace.database.models import Identified
from marketplace.telemetry.models import AssetKind


class Device(Identified):
    """The controller of a cabinet, or (without one) a temperature recorder (温度记录仪) of a van, a station's
    fridge or a cold room. Its key is derived from root keys that no database holds.

    `config_version` grows with every change that the cabinet must hear of; it confirms `config_applied`.
    (`handled_boot`, `handled_seq`): all its messages up to here have had their effect.
    (`request_boot`, `request_number`): of its last request over HTTPS; a later one has a higher number.
    """

    device = models.CharField(max_length=32, unique=True)
    cabinet = models.OneToOneField(Cabinet, on_delete=models.PROTECT, null=True, related_name="device")
    asset_kind = models.CharField(max_length=10, choices=AssetKind.choices, blank=True)
    asset_uuid = models.UUIDField(null=True, db_index=True, help_text="what a recorder measures")
    generation = models.PositiveIntegerField(default=1)
    registered_at = models.DateTimeField(null=True, help_text="it fetched the key of this generation itself")
    root_mark = models.CharField(
        max_length=8, blank=True, help_text="names the root key that its key comes from, once it has moved"
    )
    simulated = models.BooleanField(default=False)
    carrier = models.CharField(
        max_length=20, blank=True, help_text="a maker's platform that it is reached through; empty: our wire"
    )
    revoked_at = models.DateTimeField(null=True)
    online = models.BooleanField(default=False)
    last_seen = models.DateTimeField(null=True, help_text="wire time")
    boot = models.BigIntegerField(default=0)
    boot_start = models.CharField(max_length=64, blank=True, help_text="drawn by the device at that power-up")
    firmware = models.CharField(max_length=40, blank=True)
    outbox = models.PositiveIntegerField(default=0, help_text="unacknowledged messages it reported last")
    battery_pct = models.PositiveSmallIntegerField(null=True, help_text="None: it has no battery to report")
    on_mains = models.BooleanField(null=True)
    request_boot = models.BigIntegerField(default=0)
    request_number = models.BigIntegerField(default=0)
    clock_boot = models.BigIntegerField(null=True)
    clock_mono = models.FloatField(null=True)
    clock_received = models.DateTimeField(null=True)
    clock_error_s = models.FloatField(null=True)
    config_version = models.PositiveBigIntegerField(default=1)
    config_applied = models.PositiveBigIntegerField(default=0)
    handled_boot = models.BigIntegerField(default=0)
    handled_seq = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(cabinet__isnull=False, asset_uuid=None, asset_kind="")
                | Q(cabinet=None, asset_uuid__isnull=False),
                name="device_measures_one_thing",
            )
        ]

    @property
    def unconfirmed(self) -> bool:
        """It has not said yet that it holds what it was told last: codes, recalls, rules."""
        return self.config_applied < self.config_version

    @property
    def housing(self) -> Cabinet:
        """The cabinet it controls; asked of cabinets' controllers only."""
        if self.cabinet is None:
            raise ValueError(f"{self.device} is a recorder and has no cabinet")
        return self.cabinet


class RegistrationToken(Identified):
    """Lets a device fetch the key of `generation` once. Only an HMAC of the token is kept (root_keys)."""

    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="registration_tokens")
    digest = models.BinaryField(max_length=32, unique=True)
    generation = models.PositiveIntegerField()
    issued_at = models.DateTimeField()
    issued_by = models.UUIDField(null=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)


class DeviceMark(models.Model):
    """Which messages of one boot are committed: all of 1..upto, and a few ahead of it."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="marks")
    boot = models.BigIntegerField()
    upto = models.BigIntegerField(default=0)
    ahead = ArrayField(models.BigIntegerField(), default=list)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["device", "boot"], name="mark_once_per_boot")]


class DeviceMessage(models.Model):
    """A message that is no reading, as it was sent; unknown types are kept. `at`: where it was placed."""

    id = models.BigAutoField(primary_key=True)
    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="messages")
    boot = models.BigIntegerField()
    seq = models.BigIntegerField()
    mid = models.CharField(max_length=64)
    ts = models.DateTimeField()
    mono = models.FloatField()
    at = models.DateTimeField()
    trust = models.CharField(max_length=8)
    type = models.CharField(max_length=40)
    tx = models.CharField(max_length=64, null=True)
    body = models.JSONField()
    received_at = models.DateTimeField()
    handled_at = models.DateTimeField(null=True)
    failed = models.TextField(blank=True, help_text="why handling was given up")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["device", "boot", "seq"], name="message_once_per_seq")]
        indexes = [
            models.Index(fields=["device", "tx"], name="message_by_tx"),
            models.Index(
                fields=["device", "boot", "seq"], condition=Q(handled_at=None), name="message_unhandled"
            ),
        ]


class CommandStatus(models.TextChoices):
    PENDING = "pending", "待发送"
    SENT = "sent", "已发送"
    ENDED = "ended", "已结束"
    EXPIRED = "expired", "未答复"


class Command(Identified):
    """An order to a device. `uuid` is its tx; who, why and until when (wire time) go with it."""

    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="commands")
    compartment = models.ForeignKey(Compartment, on_delete=models.PROTECT, null=True, related_name="commands")
    allocation = models.ForeignKey(Allocation, on_delete=models.PROTECT, null=True, related_name="commands")
    action = models.CharField(max_length=12)
    purpose = models.CharField(max_length=10, blank=True)
    args = models.JSONField(default=dict)
    actor_uuid = models.UUIDField(null=True)
    actor_label = models.CharField(max_length=60)
    reason = models.CharField(max_length=200)
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    business_at = models.DateTimeField()
    status = models.CharField(max_length=10, choices=CommandStatus.choices, default=CommandStatus.PENDING)
    sent_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    result = models.CharField(
        max_length=15, choices=[(result.value, result.value) for result in Result], blank=True
    )
    result_reason = models.CharField(max_length=60, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["id"], condition=Q(status__in=["pending", "sent"]), name="command_unresolved"
            )
        ]


class AlarmKind(models.TextChoices):
    FORCED = "forced", "柜门被撬"
    JAMMED = "jammed", "柜门卡住"
    AJAR = "ajar", "柜门未关"
    UNREADABLE = "unreadable", "门传感器失灵"
    REFUSED_MESSAGE = "refused_message", "指令被拒"
    CLOCK = "clock", "时钟偏差"
    CONFLICT = "conflict", "格口冲突"
    LOCKED_OUT = "locked_out", "键盘锁定"
    DUPLICATE = "duplicate", "设备身份重复"
    SILENT = "silent", "设备失联"
    POWER = "power", "外部断电"
    BATTERY = "battery", "电池电量低"
    VERSION = "version", "协议版本不识别"
    GARBLED = "garbled", "消息无法读取"
    UNSETTLED = "unsettled", "消息未能处理"
    WARM = "warm", "入柜时偏温"


class DeviceAlarm(Identified):
    """Something a person must look at; one open row per (device, door, kind)."""

    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="alarms")
    compartment = models.ForeignKey(Compartment, on_delete=models.PROTECT, null=True, related_name="alarms")
    kind = models.CharField(max_length=16, choices=AlarmKind.choices)
    detail = models.JSONField(default=dict)
    raised_at = models.DateTimeField()
    cleared_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["device", "compartment", "kind"],
                condition=Q(cleared_at=None),
                name="alarm_once_while_open",
                nulls_distinct=False,
            )
        ]
