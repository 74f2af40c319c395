"""A parcel leaves its compartment: collected by code, or taken out by courier or operator; or its time is
over.
"""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from lockers.events import ParcelCollected, ParcelOverdue, ParcelRemoved
from lockers.models import Allocation
from lockers.protocol.allocation import AllocationState
from lockers.protocol.parcel import COLLECTABLE, MOVES, ParcelState
from lockers.services.cabinets import touch_config
from marketplace.custody.models import HandlingUnit
from marketplace.custody.services import Holder, close_unit, hand_over, unblock_units
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
    """Taken out by courier or operator; who holds it now is told by his own hand-over. False for a repeat."""
    with transaction.atomic():
        allocation = _locked(allocation_uuid)
        if allocation is None:
            return False
        _end(allocation, ParcelState.RETURNED, at)
        event = ParcelRemoved(
            allocation=allocation.uuid, reference=allocation.reference, unit=allocation.unit_uuid, at=at
        )
        _publish(allocation, event, at)
    return True


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
        .select_related("compartment__cabinet__site__place", "group")
        .filter(uuid=uuid)
        .exclude(state=AllocationState.FREE)
        .first()
    )
    return found


def _end(allocation: Allocation, state: ParcelState, at: datetime) -> None:
    allocation.parcel_state, allocation.state, allocation.ended_at = state, AllocationState.FREE, at
    allocation.save(update_fields=["parcel_state", "state", "ended_at"])
    touch_config([allocation.compartment.cabinet_id])


def _leave_custody(allocation: Allocation, to: Holder, at: datetime, proof: dict[str, str]) -> None:
    unit = HandlingUnit.objects.filter(uuid=allocation.unit_uuid).first()
    if unit is None:
        return
    if unblock_units(uuids=[unit.uuid]):
        proof = {**proof, "taken_while": "blocked"}
    place_uuid = allocation.compartment.cabinet.site.place.uuid
    hand_over(unit=unit, to=to, place_uuid=place_uuid, at=at, proof=proof)
    close_unit(unit=unit)


def _publish(allocation: Allocation, event: Event, at: datetime) -> None:
    publish(event, aggregate_kind="allocation", aggregate_uuid=allocation.uuid, occurred_at=at)
