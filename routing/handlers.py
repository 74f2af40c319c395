"""What routing does when the cabinets report, and when a plan changed."""

from uuid import UUID

from marketplace.outbox.delivery import DeliveredEvent
from routing.services.quotes import pictures
from routing.services.tours.changes import tell_courier
from routing.services.tours.dropping import note_deposited


def parcel_deposited(event: DeliveredEvent) -> None:
    note_deposited(reference=UUID(event.payload["reference"]), place_uuid=UUID(event.payload["place"]))


def route_changed(event: DeliveredEvent) -> None:
    """routing.RouteChanged: who drives it hears of it at once; the tour's page shows what changed."""
    courier = event.payload.get("courier")
    if courier:
        tell_courier(route_uuid=UUID(event.payload["route"]), courier_uuid=UUID(courier))


def keep_picture(event: DeliveredEvent) -> None:
    """routing.PlanPublished: the first question at checkout is to find the plan drawn."""
    pictures.keep(UUID(event.payload["plan"]))
