"""Closing a road for a time, and opening it again.

Order of effects: the closure, then a new version of each plan in force that drives there: its tours keep
their order where that still works, what does not fit goes to another van, what nothing reaches is unserved by
name (`road_closed`). Tours that do not come there are not touched.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from uuid import UUID

from django.db.models import QuerySet

from marketplace.kernel import clock
from marketplace.kernel.errors import InvalidInput, NotFound
from marketplace.kernel.principal import Principal
from marketplace.kernel.units import require_between
from marketplace.places.models import Hub, Place
from routing import rules
from routing.errors import ClosedOneWay, ClosedTooLong
from routing.models import Plan, RoadClosure, Route
from routing.services.in_force.acting import Effect, act, taken_back_if
from routing.services.in_force.binding import Lift
from routing.services.in_force.standing import Standing, leg_labels, nodes_of, open_tasks, published_routes
from routing.services.waves.closing import Area, meets
from routing.states import PlanCause, PlanStatus, RouteStatus, StopStatus, Wave

RADIUS_M = (100, 20_000)
LONGEST = timedelta(days=60)
WHY = 60


def close_road(
    *,
    principal: Principal,
    hub_uuid: UUID,
    place_uuid: UUID,
    other_uuid: UUID | None = None,
    radius_m: int | None = None,
    from_at: datetime,
    until_at: datetime,
    why: str,
    preview: bool = False,
) -> tuple[RoadClosure, list[Effect]]:
    """Close the road between two places, or an area around one; gives what it does to each plan in force.

    Raises NotFound, Forbidden, InvalidInput, ClosedOneWay (both or neither of other and radius),
    ClosedTooLong.
    """
    hub = Hub.by_uuid(hub_uuid, field="hub_id")
    principal.require(("dispatcher",), hub.uuid)
    if (other_uuid is None) == (radius_m is None) or other_uuid == place_uuid:
        raise ClosedOneWay(field="other_id")
    if radius_m is not None:
        require_between(radius_m, *RADIUS_M, "radius_m")
    if not max(from_at, clock.now()) < until_at <= from_at + LONGEST:
        raise ClosedTooLong(field="until_at", params={"days": LONGEST.days})
    if not why.strip() or len(why) > WHY:
        raise InvalidInput(field="why")
    with taken_back_if(preview):
        closure: RoadClosure = RoadClosure.objects.create(
            hub=hub,
            place=_place(place_uuid, "place_id"),
            other=None if other_uuid is None else _place(other_uuid, "other_id"),
            radius_m=radius_m,
            why=why.strip(),
            from_at=from_at,
            until_at=until_at,
            actor_uuid=principal.user_uuid,
            made_at=clock.now(),
        )
        effects = [_drive_around(principal, plan, closure) for plan in _plans_then(closure)]
    return closure, [effect for effect in effects if effect is not None]


def lift_closure(*, principal: Principal, closure_uuid: UUID) -> RoadClosure:
    """The road is open again; plans change when they are made or changed next. Twice is the same.

    Raises NotFound.
    """
    rows = RoadClosure.objects.select_related("hub", "place", "other")
    closure: RoadClosure | None = rows.filter(uuid=closure_uuid).first()
    if closure is None or not principal.has(("dispatcher",), closure.hub.uuid):
        raise NotFound(field="closure_id")
    RoadClosure.objects.filter(pk=closure.pk, lifted_at=None).update(lifted_at=clock.now())
    closure.refresh_from_db()
    return closure


def closures_now(*, principal: Principal, hub_uuid: UUID) -> QuerySet[RoadClosure]:
    """What is closed or will be. Raises Forbidden."""
    principal.require(("dispatcher", "hub_operator"), hub_uuid)
    rows = RoadClosure.objects.filter(hub__uuid=hub_uuid, lifted_at=None, until_at__gt=clock.now())
    return rows.select_related("place", "other").order_by("from_at", "pk")


def _place(uuid: UUID, field: str) -> Place:
    place: Place | None = Place.objects.filter(uuid=uuid).first()
    if place is None:
        raise NotFound(field=field)
    return place


def _plans_then(closure: RoadClosure) -> list[Plan]:
    """Plans in force whose vans are out while the road is closed."""
    plans = Plan.objects.filter(
        hub=closure.hub, status=PlanStatus.PUBLISHED, date__gte=clock.today()
    ).select_related("hub__place")
    return [
        plan
        for plan in plans.order_by("date", "pk")
        if (times := rules.WAVES[Wave(plan.wave)]).closes_at(plan.date) > max(clock.now(), closure.from_at)
        and times.opens_at(plan.date) < closure.until_at
    ]


def _drive_around(principal: Principal, plan: Plan, closure: RoadClosure) -> Effect | None:
    """None: no tour comes there."""
    routes = published_routes(plan.hub, plan.date, Wave(plan.wave))
    hit = [route for route in routes if route.status != RouteStatus.FINISHED and _comes_there(route, closure)]
    if not hit:
        return None
    legs = leg_labels(open_tasks(plan).filter(stop__route__in=hit))
    vehicles = {str(route.vehicle.uuid) for route in hit}

    def change(standing: Standing) -> None:
        for label in sorted(vehicles & standing.net.problem.index.vehicles.keys()):
            sequence = nodes_of(standing, standing.tails.get(label, []))
            # Where the order of the day does not hold any more, each parcel finds its own place.
            standing.plan.set_route(standing.net.problem.index.vehicles[label], sequence)
        standing.plan.insert_rest()

    return act(principal, plan, Lift(legs=legs), change, PlanCause.CLOSED, False, affected=len(legs))


def _comes_there(route: Route, closure: RoadClosure) -> bool:
    """Whether what is still to drive uses the road."""
    stops = list(route.stops.all())
    ahead = [stop.place for stop in stops if stop.status == StopStatus.PENDING]
    behind = [stop.place for stop in stops if stop.status != StopStatus.PENDING]
    hub = route.plan.hub.place
    places = [behind[-1] if behind else hub, *ahead, hub]
    if closure.radius_m is not None:
        area = Area(closure.place.lon_lat, closure.radius_m)
        met = meets([place.lon_lat for place in places], area)
        return any(bool(met[k, k + 1]) for k in range(len(places) - 1))
    ends = {closure.place_id, closure.other_id}
    return any({a.pk, b.pk} == ends for a, b in pairwise(places))
