"""The courier takes out of cabinets what nobody may collect any more."""

from uuid import UUID

from django.db import transaction

from lockers.models import Allocation, Command
from lockers.services.devices.commands import Actor
from lockers.services.parcels.removal import open_for_removal, parcels_to_take_out
from marketplace.kernel.principal import Principal
from marketplace.places.models import PlaceKind
from routing.models import Stop
from routing.services.tours import tour
from routing.services.tours.dropping import reached_stop


def to_take_out(stop: Stop) -> list[Allocation]:
    """What lies at this stop to be brought back."""
    if stop.place.kind != PlaceKind.CABINET_SITE:
        return []
    return parcels_to_take_out(place_uuids=[stop.place.uuid])


def take_out(*, principal: Principal, stop_uuid: UUID, allocation_uuid: UUID) -> Command:
    """Open the door of a parcel to take out; once it is closed again, the van has it.

    Raises StopNotReached, NotFound, NotCollectable.
    """
    with transaction.atomic():
        stop = reached_stop(principal, stop_uuid)
        return open_for_removal(
            actor=Actor.user(principal.user_uuid),
            allocation_uuid=allocation_uuid,
            place_uuid=stop.place.uuid,
            taker=tour.vehicle_holder(stop.route),
        )
