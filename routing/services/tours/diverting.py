"""A full or dead cabinet: the nearest place within 2 km that takes the parcel, under the same code (G8)."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Max

from lockers.errors import NoRoom
from lockers.services.capacity import holds
from lockers.services.parcels.drops import give_up_reservation
from marketplace.accounts.services.consents import consented_places
from marketplace.custody.errors import WrongHolder
from marketplace.custody.models import HandlingUnit
from marketplace.kernel import clock
from marketplace.kernel.principal import Principal
from marketplace.places.models import Place, PlaceKind
from marketplace.places.services.nearest import nearest_places
from routing.errors import NotThisPlace
from routing.models import Leg, Route, Shipment, Stop
from routing.services.tours.dropping import dropped_here, reached_stop
from routing.states import StopStatus

WITHIN_M = 2_000
#: how many neighbours are looked at
LOOK_AT = 12
ROAD_FACTOR = 1.4
AT_THE_DOOR = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class NextPoint:
    """`reason` is empty for a place that takes it now; else not_agreed or one of lockers' PLACE_REASONS."""

    place: Place
    distance_m: int
    reason: str


def next_points(*, principal: Principal, stop_uuid: UUID, unit_uuid: UUID) -> list[NextPoint]:
    """Cabinets within 2 km of the stop, nearest first, and whether each takes this parcel now.

    Raises StopNotReached, NotAtThisStop.
    """
    with transaction.atomic():
        stop, _, leg = _parcel(principal, stop_uuid, unit_uuid)
    return _points(stop, leg.shipment)


def divert(*, principal: Principal, stop_uuid: UUID, unit_uuid: UUID, place_uuid: UUID) -> Stop:
    """Take the parcel to one of next_points instead: a later stop of the route there, or a new one next.

    The compartment that was named here is free again; the recipient keeps his code. Raises NotThisPlace,
    NoRoom, StopNotReached, NotAtThisStop, WrongHolder.
    """
    with transaction.atomic():
        stop, unit, leg = _parcel(principal, stop_uuid, unit_uuid)
        if unit.holder_uuid != stop.route.vehicle.uuid:
            raise WrongHolder(field="unit_id", params={"code": unit.code})
        points = {point.place.uuid: point for point in _points(stop, leg.shipment)}
        point = points.get(place_uuid)
        if point is None or point.reason == "not_agreed":
            raise NotThisPlace(field="place_id")
        if point.reason:
            raise NoRoom(field="place_id", params={"places": {str(place_uuid): point.reason}})
        give_up_reservation(unit_uuid=unit.uuid)
        target = _stop_at(stop, point)
        stop.tasks.filter(leg=leg, kind="drop").update(stop=target)
    return target


def _parcel(principal: Principal, stop_uuid: UUID, unit_uuid: UUID) -> tuple[Stop, HandlingUnit, Leg]:
    stop = reached_stop(principal, stop_uuid)
    unit = HandlingUnit.by_uuid(unit_uuid, field="unit_id")
    return stop, unit, dropped_here(stop, unit)


def _points(stop: Stop, shipment: Shipment) -> list[NextPoint]:
    near = [
        (place, round(metres))
        for place, metres in nearest_places(
            to=stop.place.lon_lat, kinds=[PlaceKind.CABINET_SITE], limit=LOOK_AT
        )
        if place.pk != stop.place_id and metres <= WITHIN_M
    ]
    rooms = holds.room_now(
        place_uuids=[place.uuid for place, _ in near],
        zone=shipment.zone,
        size=shipment.size,
        min_c=shipment.min_c,
        max_c=shipment.max_c,
    )
    agreed = None if shipment.recipient_uuid is None else consented_places(shipment.recipient_uuid)
    return [
        NextPoint(
            place,
            metres,
            "not_agreed" if agreed is not None and place.uuid not in agreed else rooms[place.uuid],
        )
        for place, metres in near
    ]


def _stop_at(stop: Stop, point: NextPoint) -> Stop:
    """A stop of the same route at that place that is still to come, else a new one right after this."""
    route: Route = stop.route
    ahead: Stop | None = (
        route.stops.filter(place=point.place, status__in=[StopStatus.PENDING, StopStatus.ARRIVED])
        .order_by("seq")
        .first()
    )
    if ahead is not None:
        return ahead
    ride = timedelta(hours=point.distance_m * ROAD_FACTOR / 1000 / route.vehicle.speed_km_h)
    arrives_at = max(clock.now(), stop.arrives_at) + ride
    _make_room(route, after=stop.seq)
    made: Stop = Stop.objects.create(
        route=route,
        seq=stop.seq + 1,
        place=point.place,
        arrives_at=arrives_at,
        departs_at=arrives_at + AT_THE_DOOR,
    )
    return made


def _make_room(route: Route, *, after: int) -> None:
    """Later stops move one on, the last first: (route, seq) is unique at every moment."""
    last = route.stops.aggregate(last=Max("seq"))["last"] or after
    for seq in range(last, after, -1):
        route.stops.filter(seq=seq).update(seq=seq + 1)
