"""Where a drop stands, from rows and the device's messages alone."""

from dataclasses import dataclass
from uuid import UUID

from lockers.models import Allocation, Command, CommandStatus
from lockers.protocol.handover import Warmth, judge
from lockers.protocol.messages import Result
from lockers.protocol.parcel import IN_CABINET, Outcome, ParcelState
from lockers.services.capacity.sharing import mates_of
from lockers.services.parcels.openings import outcome_of
from marketplace.kernel.errors import NotFound
from marketplace.kernel.temperature import Band


@dataclass(frozen=True, slots=True)
class DropState:
    """`status`: opening, open, closed, deposited, jammed, unknown, refused, expired, ended."""

    uuid: UUID
    status: str
    cabinet_uuid: UUID
    device: str
    compartment: str
    door: int
    warm: bool = False  # taken, and somebody is told
    shared: bool = False  # others of the same recipient lie there already


def drop_state(*, ticket_uuid: UUID) -> DropState:
    """Where a drop stands. Raises NotFound."""
    allocations = Allocation.objects.select_related("compartment__cabinet__device")
    allocation = allocations.filter(uuid=ticket_uuid).first()
    if allocation is None:
        raise NotFound(field="drop_id")
    compartment = allocation.compartment
    return DropState(
        uuid=allocation.uuid,
        status=_status(allocation),
        cabinet_uuid=compartment.cabinet.uuid,
        device=compartment.cabinet.device.device,
        compartment=compartment.label,
        door=compartment.door,
        warm=is_warm(allocation),
        shared=mates_of(allocation).exists(),
    )


def is_warm(allocation: Allocation) -> bool:
    """Whether the courier's probe was past the alarm of the goods, though not past the refusal."""
    if allocation.measured_c is None:
        return False
    band = Band(allocation.min_c, allocation.max_c)
    return judge(allocation.compartment.zone, band, allocation.measured_c) is not Warmth.GOOD


def _status(allocation: Allocation) -> str:
    if allocation.parcel_state != ParcelState.EXPECTED:
        return "deposited" if allocation.parcel_state in IN_CABINET else "ended"
    outcome = outcome_of(allocation)
    if outcome is not Outcome.PENDING:
        return "closed" if outcome is Outcome.DONE else outcome.value
    command = Command.objects.filter(uuid=allocation.opening_tx or allocation.uuid).first()
    if command is not None and command.status == CommandStatus.EXPIRED:
        return "expired"
    return "refused" if command is not None and command.result == Result.REFUSED else "opening"
