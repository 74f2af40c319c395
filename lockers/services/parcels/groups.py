"""Pickup groups and their codes. The digits are derived when somebody may see them, and kept nowhere."""

from collections.abc import Iterable
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from lockers.errors import NotCollectable
from lockers.models import Allocation, Cabinet, Device, PickupGroup
from lockers.models.allocations import LIVE_ALLOCATION
from lockers.protocol import codes, keys, qr
from lockers.services.devices.root_keys import locker_of, root_keys
from lockers.services.sites.cabinets import touch_config
from marketplace.kernel import clock


def open_pickup_group(
    *, reference: UUID, recipient_uuid: UUID | None, recipient_label: str, zone: str
) -> PickupGroup:
    """The group of this reference, made once; who collects may become known later than the first parcel."""
    group = group_of(reference)
    if group is None:
        group, _ = PickupGroup.objects.get_or_create(
            reference=reference,
            defaults={
                "recipient_uuid": recipient_uuid,
                "recipient_label": recipient_label,
                "zone": zone,
                "created_at": clock.now(),
            },
        )
    new_name = bool(recipient_label) and not group.recipient_label
    if recipient_uuid is not None and (group.recipient_uuid is None or new_name):
        group.recipient_uuid = group.recipient_uuid or recipient_uuid
        group.recipient_label = group.recipient_label or recipient_label
        group.save(update_fields=["recipient_uuid", "recipient_label"])
    return group


def group_of(reference: UUID) -> PickupGroup | None:
    """Whose code opens this parcel's door: that of its last cell, where it may lie beside others."""
    last = Allocation.objects.filter(reference=reference).order_by("-pk").values("group")[:1]
    groups = list(PickupGroup.objects.filter(Q(pk__in=last) | Q(reference=reference)))
    # Its own group, made for a station's counter, yields to the one of its cell.
    return min(groups, key=lambda group: group.reference == reference, default=None)


def pickup_code(group: PickupGroup) -> str:
    """The eight digits of the present counter."""
    return codes.pickup_code(root_keys().code, group=group.pk, counter=group.counter)


def pickup_qr(group: PickupGroup) -> str:
    """The token to draw as QR, for the cabinet where the group lies now. Raises NotCollectable."""
    allocation = (
        group.allocations.filter(state="loaded").select_related("compartment__cabinet__device").first()
    )
    if allocation is None:
        raise NotCollectable()
    token = qr.PickupToken(group=group.pk, counter=group.counter, expires_at=allocation.collect_until)
    return qr.sign_pickup(root_keys().qr, device=allocation.compartment.cabinet.device.device, token=token)


def live_group(group: PickupGroup, *, device: Device) -> codes.LiveGroup:
    """The tag by which that device checks the code offline."""
    tag = codes.pickup_tag(
        keys.tag_key(locker_of(device)), code=pickup_code(group), group=group.pk, counter=group.counter
    )
    return codes.LiveGroup(group=group.pk, counter=group.counter, tag=tag)


def reissue_code(*, reference: UUID) -> PickupGroup:
    """Revoke the code: the next one works, the old one not, from the cabinet's next contact on."""
    with transaction.atomic():
        known = group_of(reference)
        if known is None:
            raise NotCollectable()
        group: PickupGroup = PickupGroup.objects.select_for_update().get(pk=known.pk)
        group.counter += 1
        group.save(update_fields=["counter"])
        touch_config(_cabinets_of(group))
    return group


def avoid_clash(group: PickupGroup, cabinet: Cabinet) -> PickupGroup:
    """Two live codes of one cabinet must differ (probability 2e-5 for 60 doors): raise the counter until
    so.
    """
    here = Allocation.objects.filter(LIVE_ALLOCATION, compartment__cabinet=cabinet).exclude(group=group)
    taken = {pickup_code(each.group) for each in here.select_related("group")}
    while pickup_code(group) in taken:
        group.counter += 1
        group.save(update_fields=["counter"])
    return group


def _cabinets_of(group: PickupGroup) -> Iterable[int]:
    live = Allocation.objects.filter(LIVE_ALLOCATION, group=group)
    return live.values_list("compartment__cabinet_id", flat=True)
