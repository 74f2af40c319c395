"""Leaving a parcel in a compartment: checks, a named cell, an open door, and the courier's word.

Order of locks: places and groups by advisory lock, then allocation rows, then a cell's occupancy. A foreign
key from living allocations to the cell's one occupancy is what holds "one recipient per compartment".
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from lockers.errors import (
    DEPOSIT_REFUSALS,
    CompartmentBusy,
    DepositRefused,
    DoorNotClosed,
    DropFailed,
    NoRoom,
)
from lockers.events import ParcelDeposited
from lockers.models import Allocation, Compartment, PickupGroup
from lockers.models.allocations import LIVE_ALLOCATION
from lockers.periods import free_until
from lockers.protocol.allocation import AllocationState, Need
from lockers.protocol.commands import Action
from lockers.protocol.config import Placed
from lockers.protocol.doors import DoorState
from lockers.protocol.errors import Refused
from lockers.protocol.handover import Warmth, judge
from lockers.protocol.messages import Purpose
from lockers.protocol.parcel import MOVES, Outcome, ParcelState
from lockers.protocol.policy import DepositPolicy
from lockers.services.alarms import raise_alarm
from lockers.services.capacity.holds import band_of, use_hold
from lockers.services.capacity.sharing import (
    claim,
    free_compartment,
    give_up,
    group_for,
    mates_of,
    rehouse,
    shared_cell,
    stay_together,
)
from lockers.services.devices.commands import Actor, send_command
from lockers.services.parcels.drop_states import is_warm
from lockers.services.parcels.groups import avoid_clash, live_group
from lockers.services.parcels.openings import outcome_of
from lockers.services.sites.cabinets import touch_config
from lockers.services.sites.storage_rules import rule_for, terms_of
from marketplace.custody.models import HandlingUnit
from marketplace.custody.services import Holder, hand_over
from marketplace.database.locks import lock_key
from marketplace.kernel import clock
from marketplace.kernel.temperature import Band
from marketplace.kernel.units import Size, larger_or_equal
from marketplace.outbox.publishing import publish


@dataclass(frozen=True, slots=True)
class DropPolicy:
    """What the courier and the label say about the parcel at the door."""

    consent: bool
    sender_agreement: bool
    damaged: bool
    weight_g: int
    label_weight_g: int | None = None
    #: °C that the courier's probe shows; cooled goods need it
    measured_c: float | None = None


@dataclass(frozen=True, slots=True)
class DropTicket:
    """A drop under way. `uuid` is the allocation's; `tx` the present opening's."""

    uuid: UUID
    allocation: Allocation
    cabinet_uuid: UUID
    device: str
    compartment: str
    door: int
    tx: UUID


def open_for_drop(
    *,
    actor: Actor,
    unit_uuid: UUID,
    reference: UUID,
    place_uuid: UUID,
    zone: str,
    size: str,
    min_c: float | None,
    max_c: float | None,
    policy: DropPolicy,
    keep_until: datetime | None = None,
    recipient_uuid: UUID | None = None,
    goods: str = "general",
) -> DropTicket:
    """Check, name a compartment and ask its door to open; the door's own messages tell what became of it.

    A repeat opens the same compartment again, unless it jammed: then another one. Raises DepositRefused,
    NoRoom, CabinetSilent.
    """
    with transaction.atomic():
        allocation = allocate(
            unit_uuid=unit_uuid,
            reference=reference,
            place_uuid=place_uuid,
            zone=zone,
            size=size,
            min_c=min_c,
            max_c=max_c,
            policy=policy,
            keep_until=keep_until,
            recipient_uuid=recipient_uuid,
            goods=goods,
        )
        if _must_move(allocation):
            _move(allocation, larger=False)
        return _open(allocation, actor)


def allocate(
    *,
    unit_uuid: UUID,
    reference: UUID,
    place_uuid: UUID,
    zone: str,
    size: str,
    min_c: float | None,
    max_c: float | None,
    policy: DropPolicy,
    keep_until: datetime | None = None,
    recipient_uuid: UUID | None = None,
    goods: str = "general",
) -> Allocation:
    """Name a compartment, at loading or on arrival; a unit that has one keeps it. The hold is used up.

    A further parcel of the same recipient goes into the cell that he has there already, where it may
    (lockers.sharing), and in any case under the same code. Raises DepositRefused, NoRoom, CabinetSilent.
    """
    snapshot = _checked(policy)
    need = Need(Size(size), zone, band_of(min_c, max_c))
    _require_cold(need, policy.measured_c)
    with transaction.atomic():
        lock_key(f"unit:{unit_uuid}")
        allocation: Allocation | None = Allocation.objects.filter(
            LIVE_ALLOCATION, unit_uuid=unit_uuid
        ).first()
        if allocation is None:
            lock_key(f"cells:{place_uuid}")
            group = group_for(
                reference=reference, recipient_uuid=recipient_uuid, zone=zone, place_uuid=place_uuid
            )
            cell = shared_cell(
                place_uuid=place_uuid,
                group=group,
                unit_uuid=unit_uuid,
                need=need,
                goods=goods,
                keep_until=keep_until,
            ) or free_compartment(place_uuid, need, without=[])
            allocation = Allocation(
                unit_uuid=unit_uuid, reference=reference, goods=goods, keep_until=keep_until
            )
            _name(allocation, cell, group, need, snapshot)
            use_hold(reference)
        if policy.measured_c is not None and allocation.measured_c != policy.measured_c:
            allocation.measured_c = policy.measured_c
            allocation.save(update_fields=["measured_c"])
        return allocation


def misfit(*, actor: Actor, allocation: Allocation) -> DropTicket:
    """The parcel does not go in: the next larger cell instead. Raises NoRoom."""
    with transaction.atomic():
        _move(allocation, larger=True)
        return _open(allocation, actor)


def confirm_drop(*, actor: Actor, allocation: Allocation) -> Allocation:
    """The courier says that it lies there, behind a door that opened and closed.

    Effects in order: allocation loaded, parcel ready, custody to the cabinet, ParcelDeposited. A repeat
    changes nothing. Raises DoorNotClosed, DropFailed.
    """
    with transaction.atomic():
        allocation = Allocation.objects.select_for_update().get(pk=allocation.pk)
        if allocation.state != AllocationState.RESERVED:
            return allocation
        outcome = outcome_of(allocation)
        if outcome in (Outcome.JAMMED, Outcome.UNKNOWN):
            raise DropFailed(field="drop_id")
        if outcome is not Outcome.DONE:
            raise DoorNotClosed(field="drop_id")
        deposit(allocation, at=clock.now(), actor=actor)
    return allocation


def deposit(allocation: Allocation, *, at: datetime, actor: Actor) -> None:
    """Record that the parcel lies in its compartment; the caller holds the allocation's lock.

    Its storage period runs from now on, whatever was foreseen when the compartment was named.
    """
    _loaded(allocation, at)
    stay_together(allocation)
    cabinet = allocation.compartment.cabinet
    touch_config([cabinet.pk])
    unit = HandlingUnit.objects.filter(uuid=allocation.unit_uuid).first()
    place_uuid = cabinet.site.place.uuid
    if unit is not None:
        hand_over(
            unit=unit,
            to=Holder("cabinet", cabinet.uuid),
            place_uuid=place_uuid,
            at=at,
            actor_uuid=actor.uuid,
            temperature_c=allocation.measured_c,
            proof={"allocation": str(allocation.uuid), "compartment": allocation.compartment.label},
        )
    if is_warm(allocation):
        detail = {"c": allocation.measured_c, "allocation": str(allocation.uuid)}
        raise_alarm(
            device=cabinet.device, kind="warm", compartment=allocation.compartment, at=at, detail=detail
        )
    publish(
        ParcelDeposited(
            allocation=allocation.uuid,
            reference=allocation.reference,
            unit=allocation.unit_uuid,
            cabinet=cabinet.uuid,
            compartment=allocation.compartment.label,
            place=place_uuid,
            group=allocation.group.uuid,
            until=allocation.collect_until,
            at=at,
        ),
        aggregate_kind="allocation",
        aggregate_uuid=allocation.uuid,
        actor_uuid=actor.uuid,
        occurred_at=at,
    )


def _loaded(allocation: Allocation, at: datetime) -> None:
    """Its period and its fee are those of the day on which it is left there."""
    MOVES.check(allocation.parcel_state, ParcelState.DEPOSITED)
    MOVES.check(ParcelState.DEPOSITED, ParcelState.READY)
    allocation.state, allocation.parcel_state = AllocationState.LOADED, ParcelState.READY
    zone, day = allocation.compartment.zone, at.astimezone(clock.SHANGHAI).date()
    rule = rule_for(allocation.compartment, day)
    until = free_until(zone, at, keep_until=allocation.keep_until, free=terms_of(rule, zone).free)
    allocation.deposited_at, allocation.fee_rule = at, rule
    allocation.free_until = allocation.collect_until = until
    allocation.save(
        update_fields=[
            "state", "parcel_state", "deposited_at", "free_until", "collect_until", "fee_rule"
        ]
    )  # fmt: skip


def placed_as_wire(allocation: Allocation) -> Placed:
    """The allocation as its cabinet must know it."""
    device = allocation.compartment.cabinet.device
    return Placed(
        allocation=str(allocation.uuid),
        group=live_group(allocation.group, device=device),
        state=AllocationState(allocation.state),
        door=allocation.compartment.door,
        collect_until=allocation.collect_until,
        policy=DepositPolicy.from_wire(allocation.policy),
    )


def give_up_reservation(*, unit_uuid: UUID) -> None:
    """The parcel goes elsewhere: the compartment that was named for it is free again. Raises CompartmentBusy
    when it lies in there.
    """
    with transaction.atomic():
        allocation = (
            Allocation.objects.select_for_update(of=("self",))
            .select_related("compartment")
            .filter(LIVE_ALLOCATION, unit_uuid=unit_uuid)
            .first()
        )
        if allocation is None:
            return
        if allocation.state != AllocationState.RESERVED or outcome_of(allocation) is Outcome.OPEN:
            raise CompartmentBusy(field="unit_id")
        give_up(allocation)


def reallocate(allocation: Allocation, *, larger: bool = False) -> None:
    """Give a parcel that is not yet in its cell another one at the same place. Raises NoRoom."""
    _move(allocation, larger=larger)


def _checked(policy: DropPolicy) -> DepositPolicy:
    snapshot = DepositPolicy(
        consent=policy.consent,
        sender_agreement=policy.sender_agreement,
        label_weight_g=policy.label_weight_g,
    )
    try:
        snapshot.check(damaged=policy.damaged, weight_g=policy.weight_g)
    except Refused as refused:
        raise DepositRefused(DEPOSIT_REFUSALS[refused.code], code=refused.code) from None
    return snapshot


def _require_cold(need: Need, measured_c: float | None) -> None:
    """Goods that got too warm on the way do not go into a cell (domain.md, section e)."""
    if measured_c is not None and judge(need.zone, need.band, measured_c) is Warmth.REFUSED:
        raise DepositRefused(DEPOSIT_REFUSALS["too_warm"], field="temperature_c", code="too_warm")


def _name(
    allocation: Allocation, compartment: Compartment, group: PickupGroup, need: Need, policy: DepositPolicy
) -> None:
    """Give a new allocation its cell, and the cell its group."""
    claim(compartment, group)
    allocation.compartment, allocation.group = compartment, avoid_clash(group, compartment.cabinet)
    allocation.size = need.size.value
    allocation.min_c, allocation.max_c = need.band.min_c, need.band.max_c
    allocation.policy = policy.as_wire()
    allocation.reserved_at = clock.now()
    allocation.collect_until = free_until(need.zone, clock.now(), keep_until=allocation.keep_until)
    allocation.save()
    touch_config([compartment.cabinet_id])


def _must_move(allocation: Allocation) -> bool:
    """Not yet loaded, and its door jammed or cannot be used any more."""
    if allocation.state != AllocationState.RESERVED:
        return False
    compartment = allocation.compartment
    unusable = compartment.door_state in (DoorState.JAMMED, DoorState.OUT_OF_SERVICE)
    return unusable or compartment.blocked_at is not None or outcome_of(allocation) is Outcome.JAMMED


def _move(allocation: Allocation, *, larger: bool) -> None:
    old = allocation.compartment
    if allocation.state != AllocationState.RESERVED:
        raise CompartmentBusy(field="drop_id")
    size = Size(allocation.size)
    if larger and not mates_of(allocation).exists():  # else it may fit a cell of its own
        bigger = [each for each in larger_or_equal(old.size) if each != old.size]
        if not bigger:
            raise NoRoom(
                field="drop_id", params={"places": {str(old.cabinet.site.place.uuid): "no_such_cell"}}
            )
        size = bigger[0]
    need = Need(size, old.zone, Band(allocation.min_c, allocation.max_c))
    new = free_compartment(old.cabinet.site.place.uuid, need, without=[old.pk])
    rehouse(allocation, new)
    allocation.opening_tx = None
    allocation.save(update_fields=["opening_tx"])
    avoid_clash(allocation.group, new.cabinet)
    touch_config([old.cabinet_id, new.cabinet_id])


def _open(allocation: Allocation, actor: Actor) -> DropTicket:
    compartment = allocation.compartment
    device = compartment.cabinet.device
    if allocation.state == AllocationState.RESERVED:
        command = send_command(
            device=device,
            action=Action.OPEN,
            actor=actor,
            reason="deposit",
            compartment=compartment,
            allocation=allocation,
            purpose=Purpose.DEPOSIT,
            args={"placed": placed_as_wire(allocation).as_wire()},
        )
        allocation.opening_tx = command.uuid
        allocation.save(update_fields=["opening_tx"])
    return DropTicket(
        uuid=allocation.uuid,
        allocation=allocation,
        cabinet_uuid=compartment.cabinet.uuid,
        device=device.device,
        compartment=compartment.label,
        door=compartment.door,
        tx=allocation.opening_tx or allocation.uuid,
    )
