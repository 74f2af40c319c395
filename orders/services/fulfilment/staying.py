"""What becomes of a parcel that waits in a cabinet: reminded, kept longer, put back.

Each function answers one fact of the cabinets; hearing it twice changes nothing.
"""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from marketplace.kernel.clock import SHANGHAI
from orders.models import Fulfilment
from orders.services import road
from orders.services.locking import lock_order_of_fulfilment, save
from orders.services.notices import tell
from orders.states import FULFILMENT_MOVES, FulfilmentStatus

#: what somebody must look at: goods that came back from a cabinet
TAKEN_OUT = "taken_out"


def note_due_soon(*, fulfilment_uuid: UUID) -> None:
    """Its period ends soon: the recipient hears until when, and that he may make it longer."""
    with transaction.atomic():
        locked = lock_order_of_fulfilment(uuid=fulfilment_uuid)
        part = locked.fulfilment(fulfilment_uuid)
        if part.status == FulfilmentStatus.READY and not part.held:
            params = {"place": part.destination.name, "until": _until(part), **road.fee_words(part)}
            tell(locked.order, "parcel_reminder", params, reference=part.uuid)


def note_extended(*, fulfilment_uuid: UUID, until: datetime) -> None:
    """It may stay longer: the recipient sees and hears until when."""
    with transaction.atomic():
        locked = lock_order_of_fulfilment(uuid=fulfilment_uuid)
        part = locked.fulfilment(fulfilment_uuid)
        if part.status != FulfilmentStatus.READY or part.hold_until == until:
            return
        save(part, hold_until=until)
        params = {"place": part.destination.name, "until": _until(part)}
        tell(locked.order, "parcel_extended", params, reference=part.uuid)


def note_put_back(*, fulfilment_uuid: UUID) -> None:
    """Refused at the open door: held until a person has inspected it, and the recipient hears so."""
    with transaction.atomic():
        locked = lock_order_of_fulfilment(uuid=fulfilment_uuid)
        part = locked.fulfilment(fulfilment_uuid)
        if FULFILMENT_MOVES.is_final(part.status) or part.held:
            return
        save(part, held=True)
        tell(locked.order, "parcel_put_back", {"place": part.destination.name}, reference=part.uuid)


def note_held_for_inspection(*, fulfilment_uuid: UUID) -> None:
    """The cabinet was without power and nobody knows how warm it got: held, and the recipient hears so."""
    with transaction.atomic():
        locked = lock_order_of_fulfilment(uuid=fulfilment_uuid)
        part = locked.fulfilment(fulfilment_uuid)
        if FULFILMENT_MOVES.is_final(part.status) or part.held:
            return
        save(part, held=True)
        tell(locked.order, "parcel_held", {"place": part.destination.name}, reference=part.uuid)


def note_removed(*, fulfilment_uuid: UUID) -> None:
    """Taken out: no code opens anything any more; what becomes of the goods is for somebody to see to."""
    with transaction.atomic():
        locked = lock_order_of_fulfilment(uuid=fulfilment_uuid)
        part = locked.fulfilment(fulfilment_uuid)
        if part.status != FulfilmentStatus.READY or not part.compartment:
            return
        save(part, held=True, compartment="")
        save(locked.order, attention=TAKEN_OUT)
        tell(locked.order, "parcel_taken_out", {"place": part.destination.name}, reference=part.uuid)


def _until(part: Fulfilment) -> str:
    return part.hold_until.astimezone(SHANGHAI).strftime("%m-%d %H:%M") if part.hold_until else ""
