"""What routing does when the cabinets report."""

from uuid import UUID

from marketplace.outbox.delivery import DeliveredEvent
from routing.services.dropping import note_deposited


def parcel_deposited(event: DeliveredEvent) -> None:
    note_deposited(reference=UUID(event.payload["reference"]), place_uuid=UUID(event.payload["place"]))
