"""The support desk and the operator's queue: every act has a reason and leaves an entry."""

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from lockers.errors import NotCollectable, NothingToInspect, ReasonMissing, UnknownDecision
from lockers.events import InspectionDecided
from lockers.models import Allocation, Cabinet, Command, Compartment, DeskAction, DeskEntry, DeviceAlarm
from lockers.models.allocations import LIVE_ALLOCATION, InspectReason
from lockers.protocol.allocation import AllocationState
from lockers.protocol.commands import Action
from lockers.protocol.messages import Purpose
from lockers.protocol.parcel import IN_CABINET, MOVES, ParcelState
from lockers.services.access import counties_of, operated_cabinet, operated_cabinets
from lockers.services.devices.commands import Actor, send_command
from lockers.services.parcels.groups import reissue_code
from lockers.services.parcels.recipients import is_collectable
from lockers.services.parcels.removal import TO_TAKE_OUT
from lockers.services.sites.cabinets import touch_config
from marketplace.custody.services import block_units, unblock_units
from marketplace.kernel import clock
from marketplace.kernel.errors import NotFound
from marketplace.kernel.principal import Principal
from marketplace.kernel.texts import require_text
from marketplace.outbox.publishing import publish

DECISIONS = ("release", "return")


def overdue_parcels(*, principal: Principal) -> QuerySet[Allocation]:
    """What lies in the asker's cabinets and must be taken out, longest first."""
    return _lying(principal).filter(parcel_state__in=TO_TAKE_OUT).order_by("collect_until", "pk")


def inspection_queue(*, principal: Principal) -> QuerySet[Allocation]:
    """Parcels that wait for a person's decision: put back, unknown for an hour, or in a cell too warm."""
    waits = Q(inspect_reason__in=[InspectReason.PUT_BACK, InspectReason.GAP], state=AllocationState.BLOCKED)
    warm = Q(held_breach_uuid__isnull=False, state=AllocationState.BLOCKED)
    return _lying(principal).filter(waits | warm).exclude(parcel_state__in=TO_TAKE_OUT).order_by("pk")


def lying_parcels(*, principal: Principal, cabinet_uuid: UUID) -> QuerySet[Allocation]:
    """All that lies in one cabinet, for the support desk. Raises NotFound, Forbidden."""
    cabinet = operated_cabinet(principal=principal, cabinet_uuid=cabinet_uuid)
    return _lying(principal).filter(compartment__cabinet=cabinet).order_by("compartment__door")


def decide_inspection(
    *, principal: Principal, allocation_uuid: UUID, decision: str, reason: str
) -> Allocation:
    """`release`: the recipient may collect it again. `return`: the courier takes it out, it stays shut.

    A repeat of the same decision changes nothing. Raises Forbidden, NotFound, UnknownDecision,
    NothingToInspect; parcels held by a breach are decided with the breach.
    """
    if decision not in DECISIONS:
        raise UnknownDecision(field="decision")
    with transaction.atomic():
        allocation = _operated(principal, allocation_uuid)
        if allocation.inspect_reason not in (InspectReason.PUT_BACK, InspectReason.GAP):
            raise NothingToInspect(field="allocation_id")
        why = allocation.inspect_reason
        if decision == "release":
            unblock_units(uuids=[allocation.unit_uuid])
            allocation.state = AllocationState.LOADED
        else:
            MOVES.check(allocation.parcel_state, ParcelState.RECALLED)
            allocation.parcel_state = ParcelState.RECALLED
        allocation.inspect_reason = ""
        allocation.save(update_fields=["state", "parcel_state", "inspect_reason"])
        touch_config([allocation.compartment.cabinet_id])
        note_act(principal, DeskAction.INSPECT, f"{decision}: {reason}", allocation=allocation)
        publish(
            InspectionDecided(
                allocation=allocation.uuid, reference=allocation.reference, reason=why, decision=decision
            ),
            aggregate_kind="allocation",
            aggregate_uuid=allocation.uuid,
            actor_uuid=principal.user_uuid,
        )
    return allocation


def recall_parcel(*, principal: Principal, allocation_uuid: UUID, reason: str) -> Allocation:
    """Nobody is to collect it any more: the courier takes it out. Twice is the same.

    A cabinet without network cannot know: a code that still opened it there is recorded as it happened.
    """
    with transaction.atomic():
        allocation = _operated(principal, allocation_uuid)
        if allocation.parcel_state in TO_TAKE_OUT and allocation.parcel_state != ParcelState.EXPIRED:
            return allocation
        MOVES.check(allocation.parcel_state, ParcelState.RECALLED)
        allocation.parcel_state, allocation.state = ParcelState.RECALLED, AllocationState.BLOCKED
        allocation.save(update_fields=["parcel_state", "state"])
        block_units(uuids=[allocation.unit_uuid])
        touch_config([allocation.compartment.cabinet_id])
        note_act(principal, DeskAction.RECALL, reason, allocation=allocation)
    return allocation


def reissue_for_recipient(*, principal: Principal, allocation_uuid: UUID, reason: str) -> Allocation:
    """A new code, which the recipient reads at his order; the desk never sees one. Raises NotCollectable."""
    with transaction.atomic():
        allocation = _operated(principal, allocation_uuid)
        if not is_collectable(allocation):
            raise NotCollectable(field="allocation_id")
        reissue_code(reference=allocation.group.reference)
        note_act(principal, DeskAction.REISSUE, reason, allocation=allocation)
    return allocation


def assist_recipient(*, principal: Principal, allocation_uuid: UUID, reason: str) -> Command:
    """Open for a recipient who stands there and cannot: the closed door collects. Raises NotCollectable."""
    with transaction.atomic():
        allocation = _operated(principal, allocation_uuid)
        if not is_collectable(allocation):
            raise NotCollectable(field="allocation_id")
        note_act(principal, DeskAction.ASSIST, reason, allocation=allocation)
        command = send_command(
            device=allocation.compartment.cabinet.device,
            action=Action.OPEN,
            actor=Actor.user(principal.user_uuid),
            reason=reason.strip(),
            compartment=allocation.compartment,
            allocation=allocation,
            purpose=Purpose.ASSIST,
        )
        allocation.opening_tx = command.uuid
        allocation.save(update_fields=["opening_tx"])
    return command


def set_camera(*, principal: Principal, cabinet_uuid: UUID, camera: str) -> Cabinet:
    """Which channel of which recorder looks at the doors; empty for none."""
    channel = require_text(camera, most=60, field="camera") if camera.strip() else ""
    with transaction.atomic():
        cabinet = operated_cabinet(principal=principal, cabinet_uuid=cabinet_uuid)
        cabinet.camera = channel
        cabinet.save(update_fields=["camera"])
        note_act(principal, DeskAction.CAMERA, channel or "-", cabinet=cabinet)
    return cabinet


def close_alarm(*, principal: Principal, alarm_uuid: UUID, reason: str) -> DeviceAlarm:
    """Somebody has looked at it: the same thing raises a new alarm when it happens again, or still is so.

    Twice is the same. Raises NotFound (recorders' alarms end by themselves), Forbidden, ReasonMissing.
    """
    with transaction.atomic():
        alarm: DeviceAlarm | None = (
            DeviceAlarm.objects.select_for_update(of=("self",))
            .select_related("compartment__cabinet", "device__cabinet__site__place__county")
            .filter(uuid=alarm_uuid, device__cabinet__withdrawn_at=None)
            .exclude(device__cabinet=None)
            .first()
        )
        if alarm is None:
            raise NotFound(field="alarm_id")
        cabinet = alarm.device.housing
        principal.require("cabinet_operator", cabinet.site.place.county.uuid)
        if alarm.cleared_at is None:
            why = f"{alarm.kind}: {reason}"
            note_act(principal, DeskAction.ALARM, why, cabinet=cabinet, compartment=alarm.compartment)
            alarm.cleared_at = clock.now()
            alarm.save(update_fields=["cleared_at"])
    return alarm


def desk_log(*, principal: Principal, cabinet_uuid: UUID | None, first: int) -> Sequence[DeskEntry]:
    """The last acts at the asker's cabinets, newest first. Raises NotFound, Forbidden."""
    cabinets = operated_cabinets(principal=principal)
    if cabinet_uuid is not None:
        operated_cabinet(principal=principal, cabinet_uuid=cabinet_uuid)
        cabinets = Cabinet.objects.filter(uuid=cabinet_uuid)
    entries = DeskEntry.objects.filter(cabinet__in=cabinets).order_by("-pk")
    return list(entries.select_related("cabinet", "compartment", "allocation__group")[:first])


def note_act(
    principal: Principal,
    action: DeskAction,
    reason: str,
    *,
    cabinet: Cabinet | None = None,
    compartment: Compartment | None = None,
    allocation: Allocation | None = None,
) -> None:
    """Add an entry, in the transaction of the act. Raises ReasonMissing, InvalidInput."""
    if not reason.strip() or reason.rstrip().endswith(":"):
        raise ReasonMissing(field="reason")
    if allocation is not None:
        compartment = allocation.compartment
    if compartment is not None:
        cabinet = compartment.cabinet
    assert cabinet is not None  # every act is at one
    DeskEntry.objects.create(
        cabinet=cabinet,
        compartment=compartment,
        allocation=allocation,
        action=action,
        reason=require_text(reason, most=200, field="reason"),
        actor_uuid=principal.user_uuid,
        at=clock.now(),
    )


def _lying(principal: Principal) -> QuerySet[Allocation]:
    lying: QuerySet[Allocation] = Allocation.objects.filter(
        LIVE_ALLOCATION, parcel_state__in=sorted(IN_CABINET)
    ).select_related("group", "compartment__cabinet__device", "compartment__cabinet__site__place__county")
    counties = counties_of(principal)
    if counties is None:
        return lying
    return lying.filter(compartment__cabinet__site__place__county__uuid__in=counties)


def _operated(principal: Principal, uuid: UUID) -> Allocation:
    """The living allocation, locked. Raises NotFound, Forbidden."""
    allocation: Allocation | None = (
        Allocation.objects.select_for_update(of=("self",))
        .select_related("group", "compartment__cabinet__device", "compartment__cabinet__site__place__county")
        .filter(LIVE_ALLOCATION, uuid=uuid)
        .first()
    )
    if allocation is None:
        raise NotFound(field="allocation_id")
    principal.require("cabinet_operator", allocation.compartment.cabinet.site.place.county.uuid)
    return allocation
