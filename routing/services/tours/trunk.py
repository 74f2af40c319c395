"""The fixed rides between hubs: everything that waits for the other hub goes, by custody."""

from datetime import date
from uuid import UUID

from django.db import transaction

from marketplace.custody.models import HandlingUnit
from marketplace.custody.services import Holder, hand_over, units_held_by
from marketplace.kernel.principal import Principal
from marketplace.places.models import Hub, Vehicle
from routing.errors import NoTrunkVehicle
from routing.models import Leg
from routing.services.access import STAFF
from routing.states import LegKind, LegStatus


def dispatch_trunk(
    *, principal: Principal, from_hub_uuid: UUID, to_hub_uuid: UUID, day: date
) -> list[HandlingUnit]:
    """Load all packed parcels for the other hub onto the trunk vehicle. Repeating it takes what came since.

    Raises NotFound, Forbidden, NoTrunkVehicle.
    """
    principal.require(STAFF, from_hub_uuid)
    with transaction.atomic():
        hub = Hub.by_uuid(from_hub_uuid, field="from_hub_id")
        other = Hub.by_uuid(to_hub_uuid, field="to_hub_id")
        vehicle = _trunk_vehicle(hub, other)
        legs = Leg.objects.filter(
            kind=LegKind.TRUNK, hub=hub, to_hub=other, shipment__deliver_on=day, status=LegStatus.OPEN
        )
        units = units_held_by(Holder("hub", hub.uuid)).filter(
            reference__in=legs.values("shipment__reference")
        )
        taken = list(units.order_by("pk"))
        for unit in taken:
            hand_over(
                unit=unit,
                to=Holder("vehicle", vehicle.uuid),
                place_uuid=hub.place.uuid,
                actor_uuid=principal.user_uuid,
                expected_from=Holder("hub", hub.uuid),
            )
    return taken


def receive_trunk(*, principal: Principal, hub_uuid: UUID, day: date) -> list[HandlingUnit]:
    """Take everything that a trunk brought for this hub. Raises NotFound, Forbidden."""
    principal.require(STAFF, hub_uuid)
    with transaction.atomic():
        hub = Hub.by_uuid(hub_uuid, field="hub_id")
        legs = Leg.objects.filter(
            kind=LegKind.TRUNK, to_hub=hub, shipment__deliver_on=day, status=LegStatus.OPEN
        )
        vehicles = Vehicle.objects.filter(is_trunk=True).values("uuid")
        arrived = list(
            HandlingUnit.objects.filter(
                holder_kind="vehicle",
                holder_uuid__in=vehicles,
                reference__in=legs.values("shipment__reference"),
            ).order_by("pk")
        )
        for unit in arrived:
            hand_over(
                unit=unit,
                to=Holder("hub", hub.uuid),
                place_uuid=hub.place.uuid,
                actor_uuid=principal.user_uuid,
            )
        done = [unit.reference for unit in arrived]
        legs.filter(shipment__reference__in=done).update(status=LegStatus.DONE)
    return arrived


def _trunk_vehicle(hub: Hub, other: Hub) -> Vehicle:
    """A trunk vehicle of either hub; the city hub runs the lines."""
    for owner in (hub, other, *Hub.objects.filter(is_city=True)):
        vehicle: Vehicle | None = owner.vehicles.filter(is_trunk=True, active=True).order_by("pk").first()
        if vehicle is not None:
            return vehicle
    raise NoTrunkVehicle(field="from_hub_id", params={"hub": hub.name})
