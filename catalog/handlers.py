"""What the catalogue does when others tell something; idempotent by themselves."""

from uuid import UUID

from catalog.services.listing import withdraw_lots_under
from marketplace.outbox.delivery import DeliveredEvent


def consent_revoked(event: DeliveredEvent) -> None:
    """farmers.AgentConsentRevoked: nothing stays on offer without a living consent."""
    withdraw_lots_under(consent_uuid=UUID(event.payload["consent"]))
