"""A parcel leaves its compartment: collected by code, or taken out by courier or operator; or it stays, since
its time is over or its recipient put it back.
"""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from lockers.events import ParcelCollected, ParcelDueSoon, ParcelOverdue, ParcelPutBack, ParcelRemoved
from lockers.models import Allocation
from lockers.models.allocations import InspectReason
from lockers.periods import REMIND_BEFORE, remind_at
from lockers.protocol.allocation import AllocationState
from lockers.protocol.parcel import COLLECTABLE, MOVES, ParcelState
from lockers.services.alarms import clear_alarm
from lockers.services.capacity.sharing import vacate
from lockers.services.sites.cabinets import touch_config
from lockers.services.sites.storage_rules import due_fen
from marketplace.custody.models import HandlingUnit
from marketplace.custody.services import Holder, block_units, close_unit, hand_over, unblock_units
from marketplace.kernel import clock
from marketplace.outbox.publishing import Event, publish


def collect(*, allocation_uuid: UUID, at: datetime, proof: dict[str, str]) -> bool:
    """The recipient took it: the right door opened by a valid code and closed again. False for a repeat.

    A physical fact is recorded whatever we wanted: also when the parcel was expired, recalled or held here
    while the cabinet could not know. Effects in order: allocation ended, custody to the person,
    ParcelCollected.
    """
    with transaction.atomic():
        allocation = _locked(allocation_uuid)
        if allocation is None:
            return False
        if allocation.parcel_state == ParcelState.EXPECTED:  # deposited, and the courier never said so
            allocation.parcel_state = ParcelState.DEPOSITED
        MOVES.check(allocation.parcel_state, ParcelState.COLLECTED)
        _end(allocation, ParcelState.COLLECTED, at)
        person = Holder("person", allocation.group.recipient_uuid or allocation.reference)
        _leave_custody(allocation, person, at, proof)
        event = ParcelCollected(
            allocation=allocation.uuid, reference=allocation.reference, unit=allocation.unit_uuid, at=at
        )
        _publish(allocation, event, at)
    return True


def remove(*, allocation_uuid: UUID, at: datetime) -> bool:
    """Taken out by courier or operator. False for a repeat.

    Custody goes to who asked for the door; who took it out without network tells by his own hand-over.
    """
    with transaction.atomic():
        allocation = _locked(allocation_uuid)
        if allocation is None:
            return False
        overdue = allocation.parcel_state in (ParcelState.EXPIRED, ParcelState.TO_RETURN)
        fee = due_fen(allocation, at=at) if overdue else 0
        _end(allocation, ParcelState.RETURNED, at)
        _give_to_taker(allocation, at)
        event = ParcelRemoved(
            allocation=allocation.uuid,
            reference=allocation.reference,
            unit=allocation.unit_uuid,
            at=at,
            overdue=overdue,
            fee_fen=fee,
        )
        _publish(allocation, event, at)
    return True


def put_back(*, allocation_uuid: UUID, at: datetime, tx: str) -> bool:
    """The recipient opened the door and left the parcel there. False for a repeat.

    It is nobody's to take until a person has inspected it (domain rule 8). Effects in order: allocation and
    unit blocked, ParcelPutBack.
    """
    with transaction.atomic():
        allocation = _locked(allocation_uuid)
        if allocation is None or allocation.inspect_tx == tx:
            return False
        allocation.state = AllocationState.BLOCKED
        allocation.inspect_reason, allocation.inspect_tx = InspectReason.PUT_BACK, tx
        allocation.save(update_fields=["state", "inspect_reason", "inspect_tx"])
        block_units(uuids=[allocation.unit_uuid])
        touch_config([allocation.compartment.cabinet_id])
        event = ParcelPutBack(
            allocation=allocation.uuid,
            reference=allocation.reference,
            unit=allocation.unit_uuid,
            reason=allocation.put_back_reason,
            at=at,
        )
        _publish(allocation, event, at)
    return True


def remind_due_parcels() -> int:
    """Due work: recipients who have not come hear once that the period ends soon; how many."""
    now, count = clock.now(), 0
    waiting = Allocation.objects.filter(
        state=AllocationState.LOADED,
        parcel_state=ParcelState.READY,
        reminded_at=None,
        # The reminder of a period shorter than twice REMIND_BEFORE comes at its half, which is later.
        collect_until__lte=now + REMIND_BEFORE,
        collect_until__gt=now,
    )
    for uuid in waiting.values_list("uuid", flat=True):
        with transaction.atomic():
            allocation = _locked(uuid)
            # Collected, held or extended since the query: leave quietly.
            if allocation is None or allocation.parcel_state != ParcelState.READY:
                continue
            since = allocation.deposited_at or allocation.reserved_at
            if allocation.reminded_at or now < remind_at(since, allocation.collect_until):
                continue
            MOVES.check(allocation.parcel_state, ParcelState.REMINDED)
            allocation.parcel_state, allocation.reminded_at = ParcelState.REMINDED, now
            allocation.save(update_fields=["parcel_state", "reminded_at"])
            event = ParcelDueSoon(
                allocation=allocation.uuid, reference=allocation.reference, until=allocation.collect_until
            )
            _publish(allocation, event, now)
            count += 1
    return count


def expire_due_parcels() -> int:
    """Due work: parcels whose storage period is over; how many. The cabinet keeps their doors shut by
    itself.
    """
    now, count = clock.now(), 0
    due = Allocation.objects.filter(
        state=AllocationState.LOADED, parcel_state__in=sorted(COLLECTABLE), collect_until__lte=now
    )
    for uuid in due.values_list("uuid", flat=True):
        with transaction.atomic():
            allocation = _locked(uuid)
            # Collected or extended since the query: leave quietly.
            if allocation is None or allocation.parcel_state not in COLLECTABLE:
                continue
            if allocation.collect_until > now:
                continue
            MOVES.check(allocation.parcel_state, ParcelState.EXPIRED)
            allocation.parcel_state = ParcelState.EXPIRED
            allocation.save(update_fields=["parcel_state"])
            event = ParcelOverdue(
                allocation=allocation.uuid, reference=allocation.reference, unit=allocation.unit_uuid, at=now
            )
            _publish(allocation, event, now)
            count += 1
    return count


def _locked(uuid: UUID) -> Allocation | None:
    """The living allocation, locked; None when it has ended or never was ours."""
    found: Allocation | None = (
        Allocation.objects.select_for_update(of=("self",))
        .select_related("compartment__cabinet__site__place", "compartment__cabinet__device", "group")
        .filter(uuid=uuid)
        .exclude(state=AllocationState.FREE)
        .first()
    )
    return found


def _end(allocation: Allocation, state: ParcelState, at: datetime) -> None:
    allocation.parcel_state, allocation.state, allocation.ended_at = state, AllocationState.FREE, at
    allocation.save(update_fields=["parcel_state", "state", "ended_at"])
    vacate(allocation.compartment_id)
    cabinet = allocation.compartment.cabinet
    touch_config([cabinet.pk])
    clear_alarm(device=cabinet.device, kind="warm", compartment=allocation.compartment)


def _leave_custody(allocation: Allocation, to: Holder, at: datetime, proof: dict[str, str]) -> None:
    unit = HandlingUnit.objects.filter(uuid=allocation.unit_uuid).first()
    if unit is None:
        return
    if unblock_units(uuids=[unit.uuid]):
        proof = {**proof, "taken_while": "blocked"}
    place_uuid = allocation.compartment.cabinet.site.place.uuid
    hand_over(unit=unit, to=to, place_uuid=place_uuid, at=at, proof=proof)
    close_unit(unit=unit)


def _give_to_taker(allocation: Allocation, at: datetime) -> None:
    """What was held stays held in the van: nobody sells it on."""
    unit = HandlingUnit.objects.filter(uuid=allocation.unit_uuid).first()
    if unit is None or allocation.taker_uuid is None:
        return
    held = unblock_units(uuids=[unit.uuid])
    taker = Holder(allocation.taker_kind, allocation.taker_uuid)
    place_uuid = allocation.compartment.cabinet.site.place.uuid
    hand_over(unit=unit, to=taker, place_uuid=place_uuid, at=at, proof={"recall": str(allocation.uuid)})
    if held:
        block_units(uuids=[unit.uuid])


def _publish(allocation: Allocation, event: Event, at: datetime) -> None:
    publish(event, aggregate_kind="allocation", aggregate_uuid=allocation.uuid, occurred_at=at)
