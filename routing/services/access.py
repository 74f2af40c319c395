"""Who may see and drive a route: couriers of the vehicle's carrier, staff of the plan's hub."""

from datetime import date
from uuid import UUID

from django.db.models import Q, QuerySet

from marketplace.kernel.errors import NotFound
from marketplace.kernel.principal import Principal
from routing.models import Plan, Route, Stop
from routing.states import PlanStatus

STAFF = ("hub_operator", "dispatcher")


def visible_routes(*, principal: Principal, day: date | None = None) -> QuerySet[Route]:
    """Routes of published plans that the principal works on."""
    routes: QuerySet[Route] = Route.objects.filter(plan__status=PlanStatus.PUBLISHED)
    if day is not None:
        routes = routes.filter(plan__date=day)
    if principal.has("platform"):
        return routes
    hubs = frozenset[UUID]().union(*(principal.scopes(role) for role in STAFF))
    mine = Q(vehicle__carrier__uuid__in=principal.scopes("courier")) | Q(plan__hub__uuid__in=hubs)
    return routes.filter(mine)


def route_for(*, principal: Principal, route_uuid: UUID, lock: bool = False) -> Route:
    """The route, or NotFound naming `route_id`, also for other people's routes."""
    routes = visible_routes(principal=principal).filter(uuid=route_uuid)
    if lock:
        routes = routes.select_for_update(of=("self",))
    route = routes.select_related("plan__hub__place", "vehicle__carrier").first()
    if route is None:
        raise NotFound(field="route_id")
    return route


def stop_for(*, principal: Principal, stop_uuid: UUID) -> Stop:
    """The stop, locked, or NotFound naming `stop_id`."""
    stop: Stop | None = (
        Stop.objects.select_for_update(of=("self",))
        .select_related("place", "route__plan__hub__place", "route__vehicle__carrier")
        .filter(uuid=stop_uuid, route__in=visible_routes(principal=principal))
        .first()
    )
    if stop is None:
        raise NotFound(field="stop_id")
    return stop


def plans_of_hub(*, principal: Principal, hub_uuid: UUID, day: date | None = None) -> QuerySet[Plan]:
    """Plans of a hub, all versions. Raises Forbidden for other hubs' staff."""
    principal.require(STAFF, hub_uuid)
    plans: QuerySet[Plan] = Plan.objects.filter(hub__uuid=hub_uuid)
    return plans if day is None else plans.filter(date=day)


def plan_for(*, principal: Principal, plan_uuid: UUID, field: str = "id") -> Plan:
    """The plan, or NotFound naming `field`, also for other hubs' plans."""
    plan: Plan | None = Plan.objects.select_related("hub__place").filter(uuid=plan_uuid).first()
    if plan is None or not principal.has(STAFF, plan.hub.uuid):
        raise NotFound(field=field)
    return plan
