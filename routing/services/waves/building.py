"""From rows to a Problem: one hub, day and wave. The solver's clock is seconds since the day's midnight."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

from django.db.models import Max, Q, QuerySet

from marketplace.kernel import clock
from marketplace.kernel.geo import LonLat
from marketplace.places.models import Hub, Place, Vehicle
from routing import rules
from routing.models import Breakdown, Leg, Plan, StopTask
from routing.services.waves.cells import open_cells
from routing.services.waves.closed_roads import network_of
from routing.services.waves.distances import Distances
from routing.solver import problem as solver
from routing.solver.terms import Direction, Goods, Reason, Size, Zone
from routing.states import LegKind, LegStatus, PlanStatus, ShipmentStatus, Wave

_GOODS = {"food": Goods.FOOD, "pesticide": Goods.PESTICIDE}
_DIRECTIONS = {
    LegKind.COLLECT: Direction.UP,
    LegKind.DIRECT: Direction.PAIR,
    LegKind.DELIVER: Direction.DOWN,
}
#: reason of what stands behind closed roads
ROAD_CLOSED = "road_closed"
#: states of a leg that a plan decides, or decides again
PLANNABLE = (LegStatus.OPEN, LegStatus.PLANNED, LegStatus.UNSERVED)


@dataclass(frozen=True, slots=True)
class WaveProblem:
    """A problem with the way back to the rows. `based_on`: version of the plan published at reading, 0: none.

    `misfits`: reason by leg (label) of what no van of this hub could carry even alone, or whose places closed
    roads cut off; they stand outside the problem. `breakdowns`: by vehicle, live ones and those of the day;
    a broken van is no vehicle of the problem.
    """

    hub: Hub
    day: date
    wave: Wave
    based_on: int
    problem: solver.Problem
    roads: Distances
    legs: Mapping[str, Leg]
    vehicles: Mapping[str, Vehicle]
    places: Mapping[str, Place]
    breakdowns: Mapping[str, Breakdown] = field(default_factory=dict)
    misfits: Mapping[str, str] = field(default_factory=dict)


def load_wave(*, hub: Hub, day: date, wave: Wave) -> WaveProblem:
    """Read what has to move, with what and where; the caller's transaction makes it one reading."""
    legs = {str(leg.uuid): leg for leg in _legs(hub, day, wave)}
    vans = list(_vehicles(hub))
    breakdowns = breakdowns_of(hub, day)
    places = {str(place.uuid): place for place in _places(hub, legs.values(), breakdowns.values())}
    references = {leg.shipment.reference for leg in legs.values()}
    cells = open_cells(places=places.values(), day=day, own_references=references)
    spots = tuple(_place(place, cells.get(place.uuid)) for place in places.values())
    down = {label for label, breakdown in breakdowns.items() if breakdown.ended_at is None}
    vehicles = tuple(v for v in (van_of(van, wave) for van in vans) if v is not None and v.id not in down)
    spent = collected_minutes(legs.values())
    speed = speed_kmh(vans, wave)
    net = network_of(hub=hub, day=day, wave=wave, places=list(places.values()), speed_kmh=speed)
    shipments = {label: shipment_of(leg, spent) for label, leg in legs.items()}
    fitting, misfits = _sort_out(shipments, vehicles, net.cut_off)
    problem = solver.Problem(
        name=f"{hub.name} {day.isoformat()} {wave.value}",
        places=spots,
        vehicles=vehicles,
        shipments=fitting,
        matrix=net.roads.matrix,
        closed=net.closed,
    )
    return WaveProblem(
        hub=hub,
        day=day,
        wave=wave,
        based_on=published_version(hub=hub, day=day, wave=wave),
        problem=problem,
        roads=net.roads,
        legs=legs,
        vehicles={str(van.uuid): van for van in vans},
        places=places,
        misfits=misfits,
        breakdowns=breakdowns,
    )


def _sort_out(
    shipments: Mapping[str, solver.Shipment], vehicles: Sequence[solver.Vehicle], cut_off: frozenset[str]
) -> tuple[tuple[solver.Shipment, ...], dict[str, str]]:
    """What can be planned, without options that closed roads cut off; and why the rest cannot."""
    fitting, misfits = list[solver.Shipment](), dict[str, str]()
    for label, shipment in shipments.items():
        options = tuple(option for option in shipment.options if option.place not in cut_off)
        collected_there = shipment.collection is not None and shipment.collection.place in cut_off
        if collected_there or (shipment.options and not options):
            misfits[label] = ROAD_CLOSED
        elif not solver.fits_a_vehicle(shipment, vehicles):
            misfits[label] = Reason.CAPACITY.value
        else:
            fitting.append(shipment if options == shipment.options else replace(shipment, options=options))
    return tuple(fitting), misfits


def points_of_wave(*, hub: Hub, day: date, wave: Wave) -> list[LonLat]:
    """Positions of all places that the wave may touch, the hub first."""
    return [place.lon_lat for place in _places(hub, _legs(hub, day, wave))]


def published_version(*, hub: Hub, day: date, wave: Wave) -> int:
    """Version of the plan in force, 0 when there is none."""
    rows = Plan.objects.filter(hub=hub, date=day, wave=wave, status=PlanStatus.PUBLISHED)
    return rows.aggregate(version=Max("version"))["version"] or 0


def legs_of_wave(*, hub: Hub, day: date, wave: Wave) -> QuerySet[Leg]:
    """Legs that a plan of this wave decides. A shipment lost in another wave is not carried for nothing."""
    rows: QuerySet[Leg] = Leg.objects.filter(
        hub=hub, wave=wave, shipment__deliver_on=day, status__in=PLANNABLE
    ).exclude(shipment__status__in=[ShipmentStatus.CANCELLED, ShipmentStatus.DELIVERED])
    lost = Leg.objects.filter(shipment__deliver_on=day, status=LegStatus.UNSERVED).exclude(hub=hub, wave=wave)
    return rows.exclude(shipment__in=lost.values("shipment"))


def _legs(hub: Hub, day: date, wave: Wave) -> Iterable[Leg]:
    rows = legs_of_wave(hub=hub, day=day, wave=wave).select_related("shipment", "place")
    return rows.prefetch_related("shipment__options__place").order_by("pk")


def _vehicles(hub: Hub) -> QuerySet[Vehicle]:
    vans: QuerySet[Vehicle] = hub.vehicles.filter(active=True, is_trunk=False)
    return vans.prefetch_related("compartments").order_by("pk")


def breakdowns_of(hub: Hub, day: date) -> dict[str, Breakdown]:
    """The newest of each vehicle (uuid): live ones, and those that ended on the day."""
    rows = Breakdown.objects.filter(hub=hub).filter(
        Q(ended_at=None)
        | Q(reported_at__gte=clock.at(day, 0), reported_at__lt=clock.at(day, 0) + timedelta(days=1))
    )
    rows = rows.select_related("place", "vehicle").order_by("pk")
    return {str(breakdown.vehicle.uuid): breakdown for breakdown in rows}


def _places(hub: Hub, legs: Iterable[Leg], breakdowns: Iterable[Breakdown] = ()) -> list[Place]:
    """The hub first, then every place that a leg may touch, and where vans broke down."""
    wanted: dict[int, Place] = {hub.place.pk: hub.place}
    wanted |= {breakdown.place.pk: breakdown.place for breakdown in breakdowns}
    for leg in legs:
        if leg.place is not None:
            wanted.setdefault(leg.place.pk, leg.place)
        if leg.kind != LegKind.COLLECT:
            for option in leg.shipment.options.all():
                wanted.setdefault(option.place.pk, option.place)
    return list(wanted.values())


def speed_kmh(vans: list[Vehicle], wave: Wave) -> int:
    """One speed for all: what the road allows, or the slowest van."""
    return min([rules.WAVES[wave].speed_kmh, *(van.speed_km_h for van in vans)])


def _place(place: Place, cells: tuple[solver.Cells, ...] | None) -> solver.Place:
    return solver.Place(
        id=str(place.uuid),
        lon=place.lon,
        lat=place.lat,
        windows=(solver.Window(rules.seconds_of(place.opens), rules.seconds_of(place.closes)),),
        setup_s=place.setup_s,
        cells=cells,
    )


def van_of(van: Vehicle, wave: Wave) -> solver.Vehicle | None:
    """The van during this wave; None when its shift does not meet the wave or it has no room at all."""
    times = rules.WAVES[wave]
    opens_s = max(rules.seconds_of(van.shift_start), rules.seconds_of(times.starts))
    closes_s = min(rules.seconds_of(van.shift_end), rules.seconds_of(times.ends))
    rooms = tuple(
        solver.Compartment(Zone(c.zone), c.volume_ml, c.weight_g, c.min_c, c.max_c)
        for c in van.compartments.all()
    )
    if opens_s >= closes_s or not rooms:
        return None
    home = str(van.hub.place.uuid)
    return solver.Vehicle(
        id=str(van.uuid),
        start=home,
        end=home,
        compartments=rooms,
        shift=solver.Window(opens_s, closes_s),
        fixed_fen=van.fixed_cost_fen,
        fen_per_km=van.cost_fen_per_km,
        fen_per_hour=van.cost_fen_per_h,
        door_s=rules.DOOR_S,
        co2_g_per_km=rules.CO2_G_PER_KM,
    )


def shipment_of(leg: Leg, spent_min: Mapping[int, int]) -> solver.Shipment:
    """A leg as the solver sees it. `spent_min`: cold minutes that collecting it took, by shipment."""
    shipment, kind = leg.shipment, LegKind(leg.kind)
    collection = None
    options = tuple(_option(leg, option) for option in shipment.options.all())
    if kind is not LegKind.DELIVER:
        assert leg.place is not None  # a collection or direct ride has its station
        start = str(leg.place.uuid)
        if kind is LegKind.COLLECT:
            options = (solver.Option(str(leg.uuid), start, service_s=rules.COLLECT_S),)
        else:
            collection = solver.Collection(start, service_s=rules.COLLECT_S)
    return solver.Shipment(
        id=str(leg.uuid),
        direction=_DIRECTIONS[kind],
        options=options,
        volume_ml=leg.volume_ml,
        weight_g=leg.weight_g,
        size=Size[shipment.size] if shipment.size in Size.__members__ else None,
        zone=Zone(shipment.zone),
        min_c=shipment.min_c,
        max_c=shipment.max_c,
        goods=_GOODS.get(shipment.category, Goods.NEUTRAL),
        value_fen=rules.SERVICE_FEN + shipment.value_fen,
        cold_budget_s=cold_budget_s(leg, spent_min),
        release_s=_release_s(leg),
        collection=collection,
    )


def _release_s(leg: Leg) -> int | None:
    """What comes by trunk cannot leave before the trunk is in."""
    shipment = leg.shipment
    crossing = leg.kind == LegKind.DELIVER and shipment.origin_hub_id != shipment.destination_hub_id
    return rules.seconds_of(rules.TRUNK_ARRIVES) if crossing else None


def _option(leg: Leg, option: Any) -> solver.Option:
    return solver.Option(
        id=f"{leg.uuid}/{option.place.uuid}",
        place=str(option.place.uuid),
        preference=option.preference,
        compensation_fen=option.compensation_fen,
        service_s=rules.DROP_S.get(option.place.kind, rules.COLLECT_S),
    )


def cold_budget_s(leg: Leg, spent_min: Mapping[int, int]) -> int | None:
    """This leg's part of the shipment's cold budget, which spans all legs and the consolidation."""
    shipment, kind = leg.shipment, LegKind(leg.kind)
    if shipment.cold_budget_min is None:
        return None
    if kind is LegKind.COLLECT:
        return rules.collect_budget_s(shipment.cold_budget_min)
    if kind is LegKind.DIRECT or shipment.direction == "down":
        return shipment.cold_budget_min * 60
    trunk = shipment.origin_hub_id != shipment.destination_hub_id
    collected = spent_min.get(shipment.pk)
    return rules.deliver_budget_s(shipment.cold_budget_min, collected_min=collected, trunk=trunk)


def collected_minutes(legs: Iterable[Leg]) -> dict[int, int]:
    """Cold minutes that published plans spend on collecting, by shipment: the worst crate counts."""
    wanted = [leg.shipment_id for leg in legs if leg.kind == LegKind.DELIVER]
    rows = StopTask.objects.filter(
        leg__shipment__in=wanted,
        leg__kind=LegKind.COLLECT,
        stop__route__plan__status=PlanStatus.PUBLISHED,
    )
    worst = rows.values("leg__shipment").annotate(minutes=Max("cold_minutes"))
    return {row["leg__shipment"]: row["minutes"] for row in worst}
