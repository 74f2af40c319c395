"""What the lockers do about facts of telemetry."""

from uuid import UUID

from lockers.services.oversight.blocks import (
    free_zone,
    hold_parcels,
    move_held_parcels,
    release_after_withdrawal,
)
from marketplace.outbox.delivery import DeliveredEvent


def hold_on_breach(event: DeliveredEvent) -> None:
    """telemetry.BreachOpened: a zone of a cabinet left its band; its parcels are held."""
    if event.payload["asset_kind"] == "cabinet":
        hold_parcels(
            breach_uuid=UUID(event.payload["breach"]),
            cabinet_uuid=UUID(event.payload["asset"]),
            zone=event.payload["zone"],
        )


def hold_for_earlier_breach(event: DeliveredEvent) -> None:
    """telemetry.BreachMerged: two breaches are one; the parcels of the later are decided with the earlier."""
    move_held_parcels(breach_uuid=UUID(event.payload["breach"]), into=UUID(event.payload["into"]))


def free_after_breach(event: DeliveredEvent) -> None:
    """telemetry.BreachClosed: empty cells are offered again; a withdrawn breach gives its parcels back."""
    if event.payload["asset_kind"] != "cabinet":
        return
    breach = UUID(event.payload["breach"])
    if event.payload["withdrawn"]:
        release_after_withdrawal(breach_uuid=breach)
    free_zone(breach_uuid=breach, cabinet_uuid=UUID(event.payload["asset"]), zone=event.payload["zone"])
