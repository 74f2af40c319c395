"""Taking out what nobody may collect any more: the courier's recall."""

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction

from lockers.errors import NotCollectable
from lockers.models import Allocation, Command
from lockers.models.allocations import LIVE_ALLOCATION
from lockers.protocol.commands import Action
from lockers.protocol.messages import Purpose
from lockers.protocol.parcel import ParcelState
from lockers.services.devices.commands import Actor, send_command
from marketplace.custody.services import Holder
from marketplace.kernel.errors import NotFound

#: parcels that a courier takes out
TO_TAKE_OUT = (ParcelState.EXPIRED, ParcelState.TO_RETURN, ParcelState.RECALLED, ParcelState.SPOILED)


def parcels_to_take_out(*, place_uuids: Sequence[UUID]) -> list[Allocation]:
    """What a courier at these places is to bring back, in door order."""
    due = Allocation.objects.filter(
        LIVE_ALLOCATION,
        parcel_state__in=TO_TAKE_OUT,
        compartment__cabinet__site__place__uuid__in=place_uuids,
    )
    return list(
        due.select_related("compartment__cabinet__device", "compartment__cabinet__site__place").order_by(
            "compartment__cabinet", "compartment__door"
        )
    )


def open_for_removal(*, actor: Actor, allocation_uuid: UUID, place_uuid: UUID, taker: Holder) -> Command:
    """Ask its door to open; once it has closed again, the parcel is the taker's.

    From now on the recipient cannot have it back. Raises NotFound for a parcel of another place,
    NotCollectable for one that is not to be taken out.
    """
    with transaction.atomic():
        allocation: Allocation | None = (
            Allocation.objects.select_for_update(of=("self",))
            .select_related("compartment__cabinet__device")
            .filter(LIVE_ALLOCATION, uuid=allocation_uuid, compartment__cabinet__site__place__uuid=place_uuid)
            .first()
        )
        if allocation is None:
            raise NotFound(field="parcel_id")
        if allocation.parcel_state not in TO_TAKE_OUT:
            raise NotCollectable(field="parcel_id")
        if allocation.parcel_state == ParcelState.EXPIRED:
            allocation.parcel_state = ParcelState.TO_RETURN
        command = send_command(
            device=allocation.compartment.cabinet.device,
            action=Action.OPEN,
            actor=actor,
            reason="recall",
            compartment=allocation.compartment,
            allocation=allocation,
            purpose=Purpose.RECALL,
        )
        allocation.opening_tx = command.uuid
        allocation.taker_kind, allocation.taker_uuid = taker.kind, taker.uuid
        allocation.save(update_fields=["parcel_state", "opening_tx", "taker_kind", "taker_uuid"])
    return command
