"""Sealed tokens: what a courier carries so that a cabinet without network takes or gives parcels."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from lockers.models import Allocation, Cabinet
from lockers.protocol import keys
from lockers.protocol.allocation import AllocationState, Need
from lockers.protocol.config import Placed
from lockers.protocol.courier import CourierToken, Drop, seal_token
from lockers.protocol.parcel import ParcelState
from lockers.protocol.policy import DepositPolicy
from lockers.services.devices.root_keys import locker_of
from lockers.services.parcels.groups import live_group
from marketplace.kernel import ids
from marketplace.kernel.temperature import Band
from marketplace.kernel.units import Size

#: what a courier may take out of a cabinet without asking anybody
REMOVABLE = (ParcelState.EXPIRED, ParcelState.TO_RETURN, ParcelState.RECALLED, ParcelState.SPOILED)


def seal_courier_tokens(
    *,
    courier_uuid: UUID,
    allocations: Sequence[Allocation],
    cabinets: Collection[Cabinet],
    expires_at: datetime,
) -> dict[str, str]:
    """One token per cabinet (by device id) for parcels that were allocated at loading.

    In the cabinet of its allocation a parcel has its named door; any other of `cabinets` finds one itself, so
    that a full or dead cabinet's parcels go next door under the same code. Each also names what to take out.
    """
    tokens = {}
    for cabinet in cabinets:
        device = cabinet.device
        token = CourierToken(
            device=device.device,
            generation=device.generation,
            tx=str(ids.uuid7()),
            courier=str(courier_uuid),
            expires_at=expires_at,
            drops=tuple(_drop(each, cabinet) for each in allocations),
            recalls=tuple(_to_take_out(cabinet)),
        )
        locker = locker_of(device)
        tokens[device.device] = seal_token(token, key=keys.seal_key(locker))
    return tokens


def _drop(allocation: Allocation, cabinet: Cabinet) -> Drop:
    compartment, device = allocation.compartment, cabinet.device
    placed = Placed(
        allocation=str(allocation.uuid),
        group=live_group(allocation.group, device=device),
        state=AllocationState.RESERVED,
        door=compartment.door if compartment.cabinet_id == cabinet.pk else None,
        collect_until=allocation.collect_until,
        policy=DepositPolicy.from_wire(allocation.policy),
    )
    band = Band(allocation.min_c, allocation.max_c)
    return Drop(placed, Need(Size(allocation.size), compartment.zone, band))


def _to_take_out(cabinet: Cabinet) -> list[str]:
    due = Allocation.objects.filter(compartment__cabinet=cabinet, parcel_state__in=REMOVABLE)
    return [str(uuid) for uuid in due.exclude(state=AllocationState.FREE).values_list("uuid", flat=True)]
