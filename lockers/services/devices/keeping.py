"""Devices as the people who keep them see them: who they are, a token for the next start, the end of one.

A cabinet's controller is of the county where it stands, a reader of its hub's or station's, a recorder of
the county that watches its probes. Whoever operates cabinets elsewhere sees none of it.
"""

from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from lockers.errors import ReasonMissing
from lockers.events import DeviceRevoked
from lockers.models import Device
from lockers.services.access import counties_of
from lockers.services.devices import registration
from marketplace.kernel.errors import Forbidden, NotFound
from marketplace.kernel.principal import Principal
from marketplace.outbox.publishing import publish
from marketplace.telemetry.models import Probe


def kept_devices(*, principal: Principal) -> QuerySet[Device]:
    """By device id."""
    devices: QuerySet[Device] = Device.objects.select_related(
        "cabinet__site__place__county", "reader"
    ).order_by("device")
    counties = counties_of(principal)
    return devices if counties is None else devices.filter(_of(counties))


def issue_device_token(*, principal: Principal, device_uuid: UUID) -> str:
    """Shown once, to whoever puts the device up. Raises NotFound, Forbidden."""
    device = _kept(principal, device_uuid)
    return registration.issue_token(device=device, issued_by=principal.user_uuid)


def revoke_device(*, principal: Principal, device_uuid: UUID, reason: str) -> Device:
    """It is thrown out at once and needs a new token. Raises NotFound, Forbidden, ReasonMissing."""
    if not reason.strip():
        raise ReasonMissing(field="reason")
    device = _kept(principal, device_uuid)
    with transaction.atomic():
        registration.revoke(device=device)
        publish(
            DeviceRevoked(device=device.device, reason=reason.strip()[:200]),
            aggregate_kind="device",
            aggregate_uuid=device.uuid,
            actor_uuid=principal.user_uuid,
        )
    device.refresh_from_db()
    return device


def _kept(principal: Principal, device_uuid: UUID) -> Device:
    found: Device | None = Device.objects.filter(uuid=device_uuid).first()
    if found is None:
        raise NotFound(field="device_id")
    if not kept_devices(principal=principal).filter(pk=found.pk).exists():
        raise Forbidden()
    return found


def _of(counties: frozenset[UUID]) -> Q:
    watched = Probe.objects.filter(device=OuterRef("device"), county_uuid__in=counties)
    return (
        Q(cabinet__site__place__county__uuid__in=counties)
        | Q(reader__county_uuid__in=counties)
        | Q(Exists(watched), cabinet=None)
    )
