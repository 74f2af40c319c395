"""What the shop window asks: which place can be reached, when, what it takes, and if not, why.

Nothing is solved: the answer is the cheapest insertion into the plan in force, or before the wave is planned
into the hub's last plan of the same wave (its pattern). A hub that never planned is answered by its
timetable: one trip there and back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from uuid import UUID

from django.db.models import Sum

from marketplace.kernel import clock
from marketplace.kernel.geo import great_circle_m
from marketplace.places.models import Hub, Place, PlaceKind, Vehicle
from routing import rules
from routing.models import Leg
from routing.services.quotes.fitting import Fit, Misfit, Spot, fit
from routing.services.quotes.picture import Picture
from routing.services.quotes.pictures import pictures_for
from routing.services.shipments.requests import ParcelSpec, hub_serving, served_places
from routing.services.waves.building import PLANNABLE
from routing.solver import problem as solver
from routing.solver.terms import Direction, Goods, Reason, Zone
from routing.states import LegKind, ShipmentStatus, Wave

#: reasons why a place is out of reach, beside those of routing.solver.terms.Reason
NO_HUB = "no_hub"
NO_VEHICLE = "no_vehicle"
NO_TRUNK = "no_trunk"
OTHER_COUNTY = "other_county"
CLOSED = Reason.WINDOW.value
TOO_FAR = Reason.SHIFT.value
FULL = Reason.CAPACITY.value
#: how many minutes earlier or later than its pattern a tour that is not planned yet may come
PATTERN = timedelta(minutes=60)
_GOODS = {"food": Goods.FOOD, "pesticide": Goods.PESTICIDE}


@dataclass(frozen=True, slots=True)
class Reachability:
    """One place: whether goods of the origin hub can be there on the day, and what that takes.

    `over_min`: cold minutes over the budget, where that is the reason. `price_fen`: what the detour costs the
    road.
    """

    place_uuid: UUID
    feasible: bool
    reason: str = ""
    arrives_from: datetime | None = None
    arrives_until: datetime | None = None
    price_fen: int = 0
    co2_g: int = 0
    over_min: int = 0


@dataclass(frozen=True, slots=True)
class Ask:
    """One parcel from a hub to a place (read by `served_places`). `parcel` None: whether vans get there at
    all.
    """

    origin_hub_uuid: UUID
    place: Place
    parcel: ParcelSpec | None = None
    direction: str = "down"


def reach(*, origin_hub_uuid: UUID, place_uuids: Sequence[UUID], day: date) -> list[Reachability]:
    """Answers in the order of `place_uuids`. Raises NotFound naming `origin_hub_id`."""
    origin = Hub.by_uuid(origin_hub_uuid, field="origin_hub_id")
    places = served_places(place_uuids)
    refusals = _refusals(origin, places)
    open_ones = [place for uuid, place in places.items() if not refusals[uuid]]
    answers = quote(asks=[Ask(origin.uuid, place) for place in open_ones], day=day)
    found = {answer.place_uuid: answer for answer in answers}
    return [found.get(uuid) or Reachability(uuid, False, refusals.get(uuid, NO_HUB)) for uuid in place_uuids]


def quote(*, asks: Sequence[Ask], day: date) -> list[Reachability]:
    """Answers in the order of `asks` from the plan in force, in two queries however many are asked
    (one more for a plan that this process meets first).

    That vans drive there at all is `reach`'s answer.
    """
    desk = _Desk(asks, day)
    return [desk.answer(ask) for ask in asks]


def _refusals(origin: Hub, places: Mapping[UUID, Place]) -> dict[UUID, str]:
    """Why vans do not come at all, "" where they do."""
    serving = {uuid: hub_serving(place) for uuid, place in places.items()}
    vans = Vehicle.objects.filter(active=True)
    hubs = {hub.pk for hub in serving.values() if hub is not None}
    driving = set(vans.filter(is_trunk=False, hub__in=hubs).values_list("hub", flat=True))
    trunk = vans.filter(is_trunk=True).exists()

    def refusal(place: Place, hub: Hub | None) -> str:
        if hub is None:
            return NO_HUB
        if place.kind == PlaceKind.STATION and hub != origin:
            return OTHER_COUNTY
        if hub.pk not in driving:
            return NO_VEHICLE
        return NO_TRUNK if hub != origin and not trunk else ""

    return {uuid: refusal(places[uuid], hub) for uuid, hub in serving.items()}


class _Desk:
    """All that the answers of one request read, read once."""

    def __init__(self, asks: Sequence[Ask], day: date) -> None:
        self.day = day
        hubs = {hub.pk for ask in asks if (hub := hub_serving(ask.place)) is not None}
        self.pictures = pictures_for(hubs=hubs, day=day)
        self.hubs = hubs

    @cached_property
    def waiting(self) -> Mapping[tuple[int, str, str], tuple[int, int]]:
        """(volume, weight) by hub, wave and zone of what rides from the hubs on the day."""
        legs = Leg.objects.filter(hub__in=self.hubs, shipment__deliver_on=self.day, status__in=PLANNABLE)
        legs = legs.exclude(kind=LegKind.COLLECT).exclude(shipment__status=ShipmentStatus.CANCELLED)
        rows = legs.values_list("hub", "wave", "shipment__zone").annotate(Sum("volume_ml"), Sum("weight_g"))
        return {(hub, wave, zone): (volume, weight) for hub, wave, zone, volume, weight in rows}

    def answer(self, ask: Ask) -> Reachability:
        place, hub = ask.place, hub_serving(ask.place)
        if hub is None:
            return Reachability(place.uuid, False, NO_HUB)
        wave = Wave.TOWN_DELIVERY if place.kind == PlaceKind.CABINET_SITE else Wave.VILLAGE_LOOP
        picture = self.pictures.get((hub.pk, wave))
        crossing = hub.uuid != ask.origin_hub_uuid
        if picture is None or not picture.tours:
            return _by_timetable(hub, place, wave, self.day, crossing=crossing)
        parcel = _goods(ask, crossing=crossing)
        laden = picture.day == self.day
        if ask.parcel is not None and parcel is not None and not laden and self._full(hub, wave, parcel):
            return Reachability(place.uuid, False, FULL)
        found = fit(picture.gaps, picture.tours, picture.road, _spot(place), parcel, laden=laden)
        if isinstance(found, Misfit):
            over_min = -(-round(found.over_s) // 60)
            return Reachability(place.uuid, False, found.reason.value, over_min=over_min)
        return self._offer(place, picture, found)

    def _full(self, hub: Hub, wave: Wave, parcel: solver.Shipment) -> bool:
        """Whether what waits for the day and this parcel are more than all vans together take."""
        volume_ml, weight_g = self.waiting.get((hub.pk, wave.value, parcel.zone.value), (0, 0))
        rooms = [
            tour.vehicle.compartments[taken[0]]
            for tour in self.pictures[hub.pk, wave].tours
            if (taken := tour.vehicle.compartment_for(parcel)) is not None
        ]
        return volume_ml + parcel.volume_ml > sum(room.volume_ml for room in rooms) or (
            weight_g + parcel.weight_g > sum(room.weight_g for room in rooms)
        )

    def _offer(self, place: Place, picture: Picture, found: Fit) -> Reachability:
        spread = rules.PROMISE if picture.day == self.day else PATTERN
        at = clock.at(self.day, 0) + timedelta(seconds=round(found.start_s))
        opens = datetime.combine(self.day, place.opens, clock.SHANGHAI)
        closes = datetime.combine(self.day, place.closes, clock.SHANGHAI)
        tour = picture.tours[found.tour]
        return Reachability(
            place_uuid=place.uuid,
            feasible=True,
            arrives_from=max(at - spread, opens),
            arrives_until=min(at + spread, closes),
            price_fen=max(0, round(found.cost_fen)),
            # A fair share of the tour that it rides, the detour for it included.
            co2_g=round((tour.metres + found.extra_m) / 1000 * rules.CO2_G_PER_KM / (tour.parcels + 1)),
        )


def _spot(place: Place) -> Spot:
    return Spot(
        key=place.pk,
        lon=place.lon,
        lat=place.lat,
        opens_s=float(rules.seconds_of(place.opens)),
        closes_s=float(rules.seconds_of(place.closes)),
        setup_s=float(place.setup_s),
        service_s=float(rules.DROP_S.get(place.kind, rules.COLLECT_S)),
    )


def _goods(ask: Ask, *, crossing: bool) -> solver.Shipment | None:
    """The parcel on its last leg; what crosses the trunk must be at the hub first."""
    spec = ask.parcel
    if spec is None and not crossing:
        return None
    spec = spec or ParcelSpec(zone="ambient", size="S", weight_g=0, volume_ml=0, min_c=-90, max_c=90)
    return solver.Shipment(
        id=str(ask.place.uuid),
        direction=Direction.DOWN,
        options=(),
        volume_ml=spec.volume_ml,
        weight_g=spec.weight_g,
        zone=Zone(spec.zone),
        min_c=spec.min_c,
        max_c=spec.max_c,
        goods=_GOODS.get(spec.category, Goods.NEUTRAL),
        cold_budget_s=_budget_s(ask, spec, crossing),
        release_s=rules.seconds_of(rules.TRUNK_ARRIVES) if crossing else None,
    )


def _budget_s(ask: Ask, spec: ParcelSpec, crossing: bool) -> int | None:
    if spec.cold_budget_min is None:
        return None
    if ask.direction == "down":
        return 60 * spec.cold_budget_min
    return rules.deliver_budget_s(spec.cold_budget_min, collected_min=None, trunk=crossing)


def _by_timetable(hub: Hub, place: Place, wave: Wave, day: date, *, crossing: bool) -> Reachability:
    """One trip there and back within the wave's hours."""
    times = rules.WAVES[wave]
    metres = great_circle_m(hub.place.lon_lat, place.lon_lat) * rules.DETOUR
    drive = timedelta(seconds=metres / (times.speed_kmh / 3.6))
    trunk_in = datetime.combine(day, rules.TRUNK_ARRIVES, clock.SHANGHAI)
    leaves = max(times.opens_at(day), trunk_in) if crossing else times.opens_at(day)
    if leaves + 2 * drive > times.closes_at(day):
        return Reachability(place.uuid, False, TOO_FAR)
    opens = max(leaves + drive, datetime.combine(day, place.opens, clock.SHANGHAI))
    closes = min(times.closes_at(day), datetime.combine(day, place.closes, clock.SHANGHAI))
    if opens > closes:
        return Reachability(place.uuid, False, CLOSED)
    return Reachability(
        place_uuid=place.uuid,
        feasible=True,
        arrives_from=opens,
        arrives_until=closes,
        price_fen=rules.BASE_FEN + round(metres / 1000 * rules.FEN_PER_KM),
        co2_g=round(2 * metres / 1000 * rules.CO2_G_PER_KM / rules.PARCELS_A_TRIP),
    )
