"""Tours that repeat every week: taken from a tour that was planned, ended by a day."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Prefetch, Q, QuerySet

from marketplace.database.locks import lock_key
from marketplace.kernel import clock
from marketplace.kernel.errors import InvalidInput, NotFound
from marketplace.kernel.principal import Principal
from marketplace.places.models import Hub
from routing.errors import NotThoseWeekdays, TourTaken
from routing.models import FixedStop, FixedTour, Route
from routing.services.access import route_for
from routing.services.waves.from_tours import Pattern
from routing.states import Wave

NAME = 40


def fix_tour(*, principal: Principal, route_uuid: UUID, weekdays: Collection[int], name: str) -> FixedTour:
    """The van drives this tour's places in this order on these weekdays (0 is Monday), from tomorrow on.

    Race: two dispatchers fix tours of one van; the hub's lock lets the later one see the other. Raises
    NotFound, Forbidden, NotThoseWeekdays, InvalidInput, TourTaken.
    """
    route = route_for(principal=principal, route_uuid=route_uuid)
    principal.require(("dispatcher",), route.plan.hub.uuid)
    if not weekdays or not all(0 <= day <= 6 for day in weekdays):
        raise NotThoseWeekdays(field="weekdays")
    if not name.strip() or len(name) > NAME:
        raise InvalidInput(field="name")
    mask = sum(1 << day for day in set(weekdays))
    with transaction.atomic():
        lock_key(f"fixed_tours:{route.plan.hub_id}")
        _refuse_second(route, mask)
        tour: FixedTour = FixedTour.objects.create(
            hub=route.plan.hub,
            wave=route.plan.wave,
            name=name.strip(),
            vehicle=route.vehicle,
            weekdays=mask,
            from_day=clock.today() + timedelta(days=1),
            actor_uuid=principal.user_uuid,
        )
        places = list(dict.fromkeys(route.stops.order_by("seq").values_list("place", flat=True)))
        FixedStop.objects.bulk_create(
            FixedStop(tour=tour, seq=seq, place_id=place) for seq, place in enumerate(places, start=1)
        )
    return tour


def end_tour(*, principal: Principal, tour_uuid: UUID) -> FixedTour:
    """It is driven for the last time today. Twice is the same. Raises NotFound."""
    tour: FixedTour | None = FixedTour.objects.filter(uuid=tour_uuid).select_related("hub", "vehicle").first()
    if tour is None or not principal.has(("dispatcher",), tour.hub.uuid):
        raise NotFound(field="tour_id")
    today = clock.today()
    FixedTour.objects.filter(Q(until_day=None) | Q(until_day__gt=today), pk=tour.pk).update(until_day=today)
    tour.refresh_from_db()
    return tour


def tours_of_hub(*, principal: Principal, hub_uuid: UUID) -> QuerySet[FixedTour]:
    """Tours that are still driven. Raises Forbidden."""
    principal.require(("dispatcher", "hub_operator"), hub_uuid)
    hub = Hub.by_uuid(hub_uuid, field="hub_id")
    return _read(FixedTour.objects.filter(hub=hub)).filter(Q(until_day=None) | Q(until_day__gt=clock.today()))


def patterns_for(*, hub: Hub, day: date, wave: Wave) -> list[Pattern]:
    """What the timetable says for the day."""
    rows = FixedTour.objects.filter(Q(until_day=None) | Q(until_day__gte=day), hub=hub, wave=wave)
    return [
        Pattern(str(tour.vehicle.uuid), tuple(str(stop.place.uuid) for stop in tour.stops.all()))
        for tour in _read(rows.filter(from_day__lte=day))
        if tour.runs_on(day)
    ]


def _read(rows: QuerySet[FixedTour]) -> QuerySet[FixedTour]:
    stops = Prefetch("stops", FixedStop.objects.select_related("place").order_by("seq"))
    return rows.select_related("vehicle").prefetch_related(stops).order_by("pk")


def _refuse_second(route: Route, mask: int) -> None:
    """A van has one fixed tour a day and wave."""
    rows = FixedTour.objects.filter(vehicle=route.vehicle, wave=route.plan.wave)
    for tour in rows.filter(Q(until_day=None) | Q(until_day__gt=clock.today())):
        if tour.weekdays & mask:
            params = {"vehicle": route.vehicle.name, "tour": tour.name}
            raise TourTaken(field="weekdays", params=params)
