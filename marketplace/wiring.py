"""What happens when: the one table event -> handlers, and the due work that the drain polls from rows."""

from collections.abc import Callable

from catalog import handlers as catalog
from marketplace.outbox.delivery import Handler
from orders import handlers as orders

HANDLERS: dict[str, list[Handler]] = {
    "farmers.AgentConsentRevoked": [catalog.consent_revoked],
    "catalog.CycleClosed": [orders.tell_harvest],
    "payments.GroupSucceeded": [orders.accept_payment],
    "payments.GroupClosed": [orders.close_unpaid_order],
    "payments.LatePaymentReturned": [orders.flag_late_payment],
    "routing.PlanPublished": [orders.refresh_storefront],
    "routing.ShipmentPlanned": [orders.note_planned],
    "routing.ShipmentUnserved": [orders.note_unserved],
    "routing.ShipmentDelivered": [orders.put_on_shelf],
    "lockers.ParcelDeposited": [orders.note_deposited],
    "lockers.ParcelCollected": [orders.note_collected],
    "lockers.ParcelsHeld": [orders.hold_parcels],
    "lockers.ParcelsReleased": [orders.release_parcels],
}

DUE_WORK: list[Callable[[], object]] = []
