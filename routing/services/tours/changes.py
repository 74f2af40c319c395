"""What later versions of a plan changed on a tour, told to the one who drives it until he says that he has
seen.
"""

from uuid import UUID

from django.db import transaction

from marketplace.kernel import clock
from marketplace.kernel.principal import Principal
from marketplace.messages.services import send
from routing.models import Route, RouteChange
from routing.services.access import route_for


def acknowledge(*, principal: Principal, route_uuid: UUID) -> Route:
    """The courier has seen what changed. Twice is the same. Raises NotFound."""
    with transaction.atomic():
        route = route_for(principal=principal, route_uuid=route_uuid)
        RouteChange.objects.filter(route=route, seen_at=None).update(seen_at=clock.now())
    return route


def tell_courier(*, route_uuid: UUID, courier_uuid: UUID) -> bool:
    """A notice to who drives a tour that changed; False when he has seen it already."""
    route = Route.objects.select_related("vehicle").filter(uuid=route_uuid).first()
    unseen = RouteChange.objects.filter(route=route, seen_at=None).count() if route is not None else 0
    if route is None or not unseen:
        return False
    send(
        template="route_changed",
        params={"vehicle": route.vehicle.name, "count": unseen},
        to_user_uuid=courier_uuid,
        reference=route.uuid,
    )
    return True
