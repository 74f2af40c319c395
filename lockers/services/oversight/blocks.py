"""Blocking: single compartments by an operator, whole zones by a breach; and the decision about held
parcels.
"""

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction

from lockers.errors import CompartmentBusy, ReasonMissing
from lockers.events import ParcelsHeld, ParcelsReleased
from lockers.models import Allocation, Cabinet, Command, Compartment, DeskAction
from lockers.models.allocations import LIVE_ALLOCATION
from lockers.protocol.allocation import MOVES, AllocationState
from lockers.protocol.commands import Action
from lockers.protocol.messages import Purpose
from lockers.protocol.parcel import ParcelState
from lockers.services.devices.commands import Actor, send_command
from lockers.services.oversight.desk import note_act
from lockers.services.sites.cabinets import touch_config
from marketplace.custody.services import block_units, unblock_units
from marketplace.kernel import clock
from marketplace.kernel.errors import NotFound
from marketplace.kernel.principal import Principal
from marketplace.kernel.texts import require_text
from marketplace.outbox.publishing import publish
from marketplace.telemetry.models import Breach
from marketplace.telemetry.services import decide_breach, note_held_references

BREACH_REASON = "breach"


def open_with_reason(*, principal: Principal, compartment_uuid: UUID, reason: str) -> Command:
    """An operator opens a door; logged with who and why. Raises Forbidden, ReasonMissing."""
    why = _checked_reason(reason, most=200)
    compartment = _compartment(principal, compartment_uuid)
    note_act(principal, DeskAction.OPEN, why, compartment=compartment)
    return send_command(
        device=compartment.cabinet.device,
        action=Action.OPEN,
        actor=Actor.user(principal.user_uuid),
        reason=why,
        compartment=compartment,
        purpose=Purpose.INSPECT,
    )


def block_compartment(*, principal: Principal, compartment_uuid: UUID, reason: str) -> Compartment:
    """Fault or cleaning: no further parcel goes in. One with a parcel in it refuses (CompartmentBusy)."""
    why = _checked_reason(reason, most=60)
    with transaction.atomic():
        compartment = _compartment(principal, compartment_uuid)
        if compartment.allocations.filter(LIVE_ALLOCATION).exists():
            raise CompartmentBusy(field="compartment_id")
        compartment.blocked_at, compartment.blocked_reason = clock.now(), why
        compartment.save(update_fields=["blocked_at", "blocked_reason"])
        note_act(principal, DeskAction.BLOCK, why, compartment=compartment)
        touch_config([compartment.cabinet_id])
    return compartment


def unblock_compartment(*, principal: Principal, compartment_uuid: UUID) -> Compartment:
    """Back into service; a jam is cleared with it."""
    with transaction.atomic():
        compartment = _compartment(principal, compartment_uuid)
        compartment.blocked_at, compartment.blocked_reason = None, ""
        compartment.save(update_fields=["blocked_at", "blocked_reason"])
        note_act(principal, DeskAction.UNBLOCK, "unblock", compartment=compartment)
        send_command(
            device=compartment.cabinet.device,
            action=Action.RESTORE,
            actor=Actor.user(principal.user_uuid),
            reason="unblock",
            compartment=compartment,
        )
        touch_config([compartment.cabinet_id])
    return compartment


def hold_parcels(*, breach_uuid: UUID, cabinet_uuid: UUID, zone: str) -> list[UUID]:
    """A zone got too warm (or too cold): its parcels are held and its free cells offered no longer; what
    was held.

    Effects in order: allocations and cells blocked, units blocked, references noted at the breach,
    ParcelsHeld.
    """
    with transaction.atomic():
        cabinet: Cabinet | None = Cabinet.objects.filter(uuid=cabinet_uuid).first()
        if cabinet is None:
            return []
        Compartment.objects.filter(cabinet=cabinet, zone=zone, blocked_at=None).update(
            blocked_at=clock.now(), blocked_reason=BREACH_REASON
        )
        held = list(
            Allocation.objects.select_for_update()
            .filter(state=AllocationState.LOADED, compartment__cabinet=cabinet, compartment__zone=zone)
            .order_by("pk")
        )
        for allocation in held:
            MOVES.check(allocation.state, AllocationState.BLOCKED)
            allocation.state, allocation.held_breach_uuid = AllocationState.BLOCKED, breach_uuid
            allocation.save(update_fields=["state", "held_breach_uuid"])
        block_units(uuids=[each.unit_uuid for each in held])
        touch_config([cabinet.pk])
        references = sorted({each.reference for each in held})
        if references:
            note_held_references(breach_uuid=breach_uuid, references=references)
            publish(
                ParcelsHeld(cabinet=cabinet.uuid, zone=zone, references=references, breach=breach_uuid),
                aggregate_kind="cabinet",
                aggregate_uuid=cabinet.uuid,
            )
        return references


def move_held_parcels(*, breach_uuid: UUID, into: UUID) -> int:
    """What one breach held is decided with the other from now on; how many. Where a person has decided about
    that one already, he has not seen these: they wait for a decision of their own.
    """
    if not Breach.objects.filter(uuid=into, decision="").exists():
        return 0
    held = Allocation.objects.filter(held_breach_uuid=breach_uuid, state=AllocationState.BLOCKED)
    return int(held.update(held_breach_uuid=into))


def free_zone(*, breach_uuid: UUID, cabinet_uuid: UUID, zone: str) -> None:
    """The zone is back in its band: empty cells are offered again. Held parcels wait for a person."""
    with transaction.atomic():
        cabinet: Cabinet | None = Cabinet.objects.filter(uuid=cabinet_uuid).first()
        if cabinet is None or Breach.objects.filter(
            asset_uuid=cabinet_uuid, zone=zone, ended_at=None, withdrawn_at=None
        ).exclude(uuid=breach_uuid):
            return
        Compartment.objects.filter(cabinet=cabinet, zone=zone, blocked_reason=BREACH_REASON).exclude(
            pk__in=Allocation.objects.filter(state=AllocationState.BLOCKED).values("compartment_id")
        ).update(blocked_at=None, blocked_reason="")
        touch_config([cabinet.pk])


def release_held_parcels(*, principal: Principal, breach_uuid: UUID, decision: str) -> Breach:
    """A person decides: `release` lets the recipients collect, `discard` marks the parcels spoiled for
    removal.

    Raises Forbidden, UnknownDecision, AlreadyDecided. Event ParcelsReleased.
    """
    with transaction.atomic():
        breach = Breach.by_uuid(breach_uuid, field="breach_id")
        cabinet: Cabinet | None = (
            Cabinet.objects.select_related("site__place__county").filter(uuid=breach.asset_uuid).first()
        )
        if cabinet is None:
            raise NotFound(field="breach_id")
        principal.require("cabinet_operator", cabinet.site.place.county.uuid)
        decided_before = bool(breach.decision)
        breach = decide_breach(principal=principal, breach_uuid=breach_uuid, decision=decision)
        if not decided_before:
            _decide(cabinet, breach, decision)
            note_act(principal, DeskAction.DECIDE, decision, cabinet=cabinet)
    return breach


def release_after_withdrawal(*, breach_uuid: UUID) -> None:
    """Late readings showed that there was no breach: what it held is given back by itself."""
    breach: Breach | None = Breach.objects.filter(uuid=breach_uuid, decision="").first()
    if breach is not None and breach.held_references:
        release_held_parcels(
            principal=Principal.system("telemetry"), breach_uuid=breach_uuid, decision="release"
        )


def _decide(cabinet: Cabinet, breach: Breach, decision: str) -> None:
    held = list(
        Allocation.objects.select_for_update()
        .filter(held_breach_uuid=breach.uuid, state=AllocationState.BLOCKED)
        .order_by("pk")
    )
    for allocation in held:
        if decision == "release":
            allocation.state, allocation.held_breach_uuid = AllocationState.LOADED, None
        else:
            allocation.parcel_state = ParcelState.SPOILED
        allocation.save(update_fields=["state", "held_breach_uuid", "parcel_state"])
    if decision == "release":
        unblock_units(uuids=[each.unit_uuid for each in held])
        _unblock_cells([each.compartment_id for each in held], breach)
    touch_config([cabinet.pk])
    publish(
        ParcelsReleased(
            cabinet=cabinet.uuid,
            zone=breach.zone,
            references=sorted({each.reference for each in held}),
            breach=breach.uuid,
            decision=decision,
        ),
        aggregate_kind="cabinet",
        aggregate_uuid=cabinet.uuid,
    )


def _unblock_cells(compartment_ids: Sequence[int], breach: Breach) -> None:
    """A released parcel must be collectable; its cell is free for others once the zone is cold again."""
    Compartment.objects.filter(pk__in=compartment_ids, blocked_reason=BREACH_REASON).update(
        blocked_at=None, blocked_reason=""
    )


def _checked_reason(reason: str, *, most: int) -> str:
    if not reason.strip():
        raise ReasonMissing(field="reason")
    return require_text(reason, most=most, field="reason")


def _compartment(principal: Principal, uuid: UUID) -> Compartment:
    compartment: Compartment | None = (
        Compartment.objects.select_for_update(of=("self",))
        .select_related("cabinet__device", "cabinet__site__place__county")
        .filter(uuid=uuid)
        .first()
    )
    if compartment is None:
        raise NotFound(field="compartment_id")
    principal.require("cabinet_operator", compartment.cabinet.site.place.county.uuid)
    return compartment
