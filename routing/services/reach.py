"""What the shop window asks before anything is planned: which place can be reached, when, for how much.

The answer stands on the timetable of the day and the road from the hub; where the plan in force already calls
at the place, on that plan's arrival.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from marketplace.kernel import clock
from marketplace.kernel.geo import great_circle_m
from marketplace.places.models import Hub, Place, PlaceKind, Vehicle
from routing import rules
from routing.errors import NoSuchOption
from routing.models import Stop
from routing.services.requests import serving_hub
from routing.states import PlanStatus, Wave

#: reasons why a place is out of reach
NO_HUB = "no_hub"
NO_VEHICLE = "no_vehicle"
NO_TRUNK = "no_trunk"
OTHER_COUNTY = "other_county"
CLOSED = "window"
TOO_FAR = "shift"


@dataclass(frozen=True, slots=True)
class Reachability:
    """One place: whether goods of the origin hub can be there on the day, and what that takes."""

    place_uuid: UUID
    feasible: bool
    reason: str = ""
    arrives_from: datetime | None = None
    arrives_until: datetime | None = None
    price_fen: int = 0
    co2_g: int = 0


def reach(*, origin_hub_uuid: UUID, place_uuids: Sequence[UUID], day: date) -> list[Reachability]:
    """Answers in the order of `place_uuids`. Raises NotFound naming `origin_hub_id`."""
    origin = Hub.by_uuid(origin_hub_uuid, field="origin_hub_id")
    places = {place.uuid: place for place in Place.objects.filter(uuid__in=place_uuids)}
    arrivals = _planned_arrivals(places.values(), day)
    return [_judge(origin, uuid, places.get(uuid), day, arrivals) for uuid in place_uuids]


def _judge(
    origin: Hub, uuid: UUID, place: Place | None, day: date, arrivals: dict[int, datetime]
) -> Reachability:
    refusal, hub = _refusal(origin, place)
    if refusal or place is None or hub is None:
        return Reachability(uuid, False, refusal)
    wave = Wave.TOWN_DELIVERY if place.kind == PlaceKind.CABINET_SITE else Wave.VILLAGE_LOOP
    times = rules.WAVES[wave]
    metres = great_circle_m(hub.place.lon_lat, place.lon_lat) * rules.DETOUR
    drive = timedelta(seconds=metres / (times.speed_kmh / 3.6))
    leaves = times.opens_at(day) if hub == origin else max(times.opens_at(day), _trunk_is_in(day))
    if leaves + 2 * drive > times.closes_at(day):
        return Reachability(uuid, False, TOO_FAR)
    opens = max(leaves + drive, datetime.combine(day, place.opens, clock.SHANGHAI))
    closes = min(times.closes_at(day), datetime.combine(day, place.closes, clock.SHANGHAI))
    if opens > closes:
        return Reachability(uuid, False, CLOSED)
    planned = arrivals.get(place.pk)
    if planned is not None:
        opens, closes = planned - rules.PROMISE, planned + rules.PROMISE
    return Reachability(
        place_uuid=uuid,
        feasible=True,
        arrives_from=opens,
        arrives_until=closes,
        price_fen=rules.BASE_FEN + round(metres / 1000 * rules.FEN_PER_KM),
        co2_g=round(2 * metres / 1000 * rules.CO2_G_PER_KM / rules.PARCELS_A_TRIP),
    )


def _trunk_is_in(day: date) -> datetime:
    return datetime.combine(day, rules.TRUNK_ARRIVES, clock.SHANGHAI)


def _refusal(origin: Hub, place: Place | None) -> tuple[str, Hub | None]:
    if place is None:
        return NO_HUB, None
    try:
        hub = serving_hub(place)
    except NoSuchOption:
        return NO_HUB, None
    if place.kind == PlaceKind.STATION and hub != origin:
        return OTHER_COUNTY, None
    if not hub.vehicles.filter(active=True, is_trunk=False).exists():
        return NO_VEHICLE, None
    if hub != origin and not Vehicle.objects.filter(is_trunk=True, active=True).exists():
        return NO_TRUNK, None
    return "", hub


def _planned_arrivals(places: Iterable[Place], day: date) -> dict[int, datetime]:
    rows = Stop.objects.filter(
        place__in=list(places), route__plan__date=day, route__plan__status=PlanStatus.PUBLISHED
    ).order_by("-arrives_at")
    return dict(rows.values_list("place", "arrives_at"))
