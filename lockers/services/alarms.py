"""What a person must look at: one open row per device, door and kind."""

from datetime import datetime
from typing import Any

from lockers.events import AlarmRaised, RecorderAlarmRaised
from lockers.models import Compartment, Device, DeviceAlarm
from marketplace.kernel import clock
from marketplace.outbox.publishing import publish


def raise_alarm(
    *,
    device: Device,
    kind: str,
    at: datetime,
    compartment: Compartment | None = None,
    detail: dict[str, Any] | None = None,
) -> None:
    """Open an alarm and publish it, unless the same one is open; a recorder's is about what it measures."""
    _, made = DeviceAlarm.objects.get_or_create(
        device=device,
        compartment=compartment,
        kind=kind,
        cleared_at=None,
        defaults={"detail": detail or {}, "raised_at": at},
    )
    if not made:
        return
    if device.cabinet is None:
        recorder = RecorderAlarmRaised(
            device=device.device, asset_kind=device.asset_kind, asset=device.asset_uuid, kind=kind, at=at
        )
        publish(recorder, aggregate_kind="recorder", aggregate_uuid=device.uuid)
        return
    label = compartment.label if compartment else None
    raised = AlarmRaised(cabinet=device.cabinet.uuid, compartment=label, kind=kind, at=at)
    publish(raised, aggregate_kind="cabinet", aggregate_uuid=device.cabinet.uuid)


def clear_alarm(*, device: Device, kind: str, compartment: Compartment | None = None) -> None:
    DeviceAlarm.objects.filter(device=device, compartment=compartment, kind=kind, cleared_at=None).update(
        cleared_at=clock.now()
    )
