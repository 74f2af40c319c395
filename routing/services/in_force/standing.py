"""The plan in force as it stands at this moment: what is done, what is promised, what may still change.

A tour that has left is a problem of its own tail: its van starts where it stopped last, at the time it can
leave there, with the room that collected goods leave; what it carries can ride on no other van. Tours that
have not left are whole. Every stop that is still to come keeps its van, its place and its promised half hour,
except what `Lift` names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from types import MappingProxyType
from uuid import UUID

from django.db.models import Prefetch, QuerySet

from marketplace.kernel import clock
from marketplace.places.models import Hub
from routing.errors import PlanRefused
from routing.models import Breakdown, Leg, Plan, Route, Stop, StopTask
from routing.services.in_force.binding import ENDED, NOTHING, Lift, Promises, held_by_broken, left_at
from routing.services.waves.building import WaveProblem, load_wave
from routing.solver.core.network import Kind, Network
from routing.solver.core.plan import Plan as SolverPlan
from routing.solver.problem import Compartment, Vehicle, Window, fits_a_vehicle
from routing.solver.terms import Reason
from routing.states import LegKind, LegStatus, PlanStatus, RouteStatus, StopStatus, Wave

#: reason of a stop that a later version took off a tour on the road
MOVED_AWAY = "moved"


@dataclass(slots=True)
class Standing:
    """`plan` holds the tails of the tours; `tails` and `past` are the stops by vehicle, to come and
    behind.
    """

    loaded: WaveProblem
    plan: SolverPlan
    routes: dict[str, Route]
    tails: dict[str, list[Stop]]
    past: dict[str, list[Stop]]
    #: breakdown by leg of what lies in a van that stands
    stranded: dict[str, Breakdown] = field(default_factory=dict)
    dropped: list[str] = field(default_factory=list)

    @property
    def net(self) -> Network:
        return self.plan.net

    def number(self, leg: str) -> int | None:
        """Index of a leg's shipment in the problem."""
        return self.loaded.problem.index.shipments.get(leg)


def stand(*, hub: Hub, day: date, wave: Wave, lift: Lift = NOTHING, shut: UUID | None = None) -> Standing:
    """Read the plan in force. Raises PlanRefused when what is promised no longer holds (a place shut)."""
    loaded = load_wave(hub=hub, day=day, wave=wave)
    known = {leg.pk: leg for leg in loaded.legs.values()}
    routes = {str(route.vehicle.uuid): route for route in published_routes(hub, day, wave, known)}
    past, tails = dict[str, list[Stop]](), dict[str, list[Stop]]()
    for label, route in routes.items():
        stops = [stop for stop in route.stops.all() if not _moved_away(stop)]
        behind = stops if route.status == RouteStatus.FINISHED else [s for s in stops if _is_past(s)]
        past[label], tails[label] = behind, [stop for stop in stops if stop not in behind]
    if shut is not None:
        loaded = _without_place(loaded, str(shut))
    held = held_by_broken(loaded)
    loaded = _narrow(loaded, routes, past, tails, lift, held)
    stranded = {
        leg: breakdown
        for leg, label in held.items()
        if (breakdown := loaded.breakdowns[label]).ended_at is None
    }
    standing = Standing(loaded, SolverPlan(Network.of(loaded.problem)), routes, tails, past, stranded)
    for label, stops in tails.items():
        if label not in lift.vehicles:
            _replay(standing, label, stops, lift)
    return standing


def published_routes(
    hub: Hub, day: date, wave: Wave, known: Mapping[int, Leg] = MappingProxyType({})
) -> list[Route]:
    """Tours of the plan in force with stops and tasks. `known`: legs by pk that are read already."""
    return routes_of(
        Route.objects.filter(
            plan__hub=hub, plan__date=day, plan__wave=wave, plan__status=PlanStatus.PUBLISHED
        ),
        known,
    )


def routes_of(rows: QuerySet[Route], known: Mapping[int, Leg] = MappingProxyType({})) -> list[Route]:
    tasks = Prefetch("tasks", StopTask.objects.order_by("pk"))
    stops = Prefetch("stops", Stop.objects.select_related("place").prefetch_related(tasks).order_by("seq"))
    routes = list(rows.select_related("vehicle", "plan").prefetch_related(stops).order_by("seq"))
    every = [task for route in routes for stop in route.stops.all() for task in stop.tasks.all()]
    wanted = {task.leg_id for task in every} - known.keys()
    legs = Leg.objects.select_related("shipment").in_bulk(wanted) if wanted else {}
    for task in every:
        task.leg = known.get(task.leg_id) or legs[task.leg_id]
    return routes


def _moved_away(stop: Stop) -> bool:
    return stop.status == StopStatus.FAILED and stop.reason == MOVED_AWAY


def _is_past(stop: Stop) -> bool:
    return stop.status in ENDED or stop.status == StopStatus.ARRIVED


def _narrow(
    loaded: WaveProblem,
    routes: Mapping[str, Route],
    past: Mapping[str, list[Stop]],
    tails: Mapping[str, list[Stop]],
    lift: Lift,
    held: Mapping[str, str],
) -> WaveProblem:
    """The problem of what is still to come."""
    started = {label for label, route in routes.items() if route.status != RouteStatus.PLANNED}
    vehicles = []
    for vehicle in loaded.problem.vehicles:
        route = routes.get(vehicle.id)
        gone = route is not None and route.status == RouteStatus.FINISHED
        if vehicle.id in lift.vehicles or gone:
            continue
        on_the_road = vehicle.id in started
        vehicles.append(
            _on_the_road(loaded, vehicle, past[vehicle.id]) if on_the_road else _at_the_hub(loaded, vehicle)
        )
    driving = {vehicle.id for vehicle in vehicles}
    bound = Promises(loaded, routes, past, tails, lift, started, driving, held)
    shipments = list(bound.shipments())
    fitting = tuple(s for s in shipments if fits_a_vehicle(s, vehicles))
    left = {s.id for s in shipments} - {s.id for s in fitting}
    # A van that stands behind a closed road may still come out.
    inside = {vehicle.start for vehicle in vehicles if vehicle.id in started}
    closed = frozenset(pair for pair in loaded.problem.closed if pair[0] not in inside)
    problem = replace(loaded.problem, vehicles=tuple(vehicles), shipments=fitting, closed=closed)
    misfits = dict(loaded.misfits) | dict.fromkeys(sorted(left), Reason.CAPACITY.value)
    return replace(loaded, problem=problem, misfits=misfits)


def _without_place(loaded: WaveProblem, shut: str) -> WaveProblem:
    """The same problem where nothing can be handed over at one place."""
    shipments = tuple(
        replace(s, options=tuple(option for option in s.options if option.place != shut))
        for s in loaded.problem.shipments
    )
    return replace(loaded, problem=replace(loaded.problem, shipments=shipments))


def _now_s(loaded: WaveProblem) -> float:
    return (clock.now() - clock.at(loaded.day, 0)).total_seconds()


def _at_the_hub(loaded: WaveProblem, vehicle: Vehicle) -> Vehicle:
    """A van that has not left leaves now at the earliest."""
    opens_s = max(vehicle.shift.opens_s, min(_now_s(loaded), vehicle.shift.closes_s))
    return replace(vehicle, shift=Window(opens_s, vehicle.shift.closes_s))


def _on_the_road(loaded: WaveProblem, vehicle: Vehicle, past: list[Stop]) -> Vehicle:
    """The van from its last stop on, or from where it stood broken down: its place, when it can leave, the
    room left. Its fixed cost is spent.
    """
    start, ready = vehicle.start, vehicle.shift.opens_s
    if past:
        last = past[-1]
        start = str(last.place.uuid)
        ready = (left_at(last) - clock.at(loaded.day, 0)).total_seconds()
    stood = loaded.breakdowns.get(vehicle.id)
    if stood is not None and stood.ended_at and (not past or stood.reported_at >= left_at(past[-1])):
        start = str(stood.place.uuid)
        ready = (stood.ended_at - clock.at(loaded.day, 0)).total_seconds()
    opens_s = min(max(ready, _now_s(loaded)), vehicle.shift.closes_s)
    rooms = _room_left(vehicle, past)
    known = start in loaded.problem.index.places
    return replace(
        vehicle,
        start=start if known else vehicle.start,
        compartments=rooms,
        fixed_fen=0,
        shift=Window(opens_s, vehicle.shift.closes_s),
    )


def _room_left(vehicle: Vehicle, past: Iterable[Stop]) -> tuple[Compartment, ...]:
    """The compartments less what was collected for the hub."""
    aboard: dict[str, tuple[int, int]] = {}
    for stop in past:
        for task in stop.tasks.all():
            collected = task.kind == "collect" and task.leg.kind == LegKind.COLLECT
            if collected and stop.status != StopStatus.FAILED:
                zone = task.leg.shipment.zone
                volume_ml, weight_g = aboard.get(zone, (0, 0))
                aboard[zone] = (volume_ml + task.leg.volume_ml, weight_g + task.leg.weight_g)

    def less(room: Compartment) -> Compartment:
        volume_ml, weight_g = aboard.get(room.zone.value, (0, 0))
        return replace(
            room, volume_ml=max(0, room.volume_ml - volume_ml), weight_g=max(0, room.weight_g - weight_g)
        )

    return tuple(less(room) for room in vehicle.compartments)


def _replay(standing: Standing, label: str, stops: Iterable[Stop], lift: Lift) -> None:
    """The stops to come as nodes of the problem. Legs that were cancelled, or whose place is shut, drop
    out.
    """
    vehicle = standing.net.problem.index.vehicles.get(label)
    sequence = nodes_of(standing, stops, without=lift.legs)
    if vehicle is None and not sequence:
        return
    refusal = "vehicle" if vehicle is None else standing.plan.set_route(vehicle, sequence)
    if refusal is not None:
        raise PlanRefused(params={"why": f"{standing.routes[label].vehicle.name}: {refusal}"})


def nodes_of(
    standing: Standing, stops: Iterable[Stop], *, without: frozenset[str] = frozenset()
) -> list[int]:
    """What stops do, as nodes of the problem in the order of the tour. What no place takes is dropped."""
    sequence: list[int] = []
    for stop in stops:
        for task in stop.tasks.all():
            label = str(task.leg.uuid)
            number = standing.number(label)
            if number is None or label in without or task.leg.status == LegStatus.CANCELLED:
                continue
            node = node_at(standing, number, stop, task)
            if node is None:
                standing.dropped.append(label)
            else:
                sequence.append(node)
    return _without_orphans(standing, sequence)


def _without_orphans(standing: Standing, sequence: list[int]) -> list[int]:
    """Without drops of what the van did not get and will not fetch (its collection failed)."""
    nodes, shipments = standing.net.nodes, standing.loaded.problem.shipments
    fetched = {nodes[node].shipment for node in sequence if nodes[node].kind is Kind.COLLECT}
    orphans = [n for n in sequence if nodes[n].kind is Kind.DROP and nodes[n].shipment not in fetched]
    standing.dropped += [shipments[nodes[node].shipment].id for node in orphans]
    return [node for node in sequence if node not in orphans]


def node_at(standing: Standing, number: int, stop: Stop, task: StopTask) -> int | None:
    """The node of what a task does at its stop, None when the problem has none there."""
    net = standing.net
    for chain in net.alternatives[number]:
        collecting = net.nodes[chain[0]].kind is Kind.COLLECT and task.kind == "collect"
        node = chain[0] if collecting else chain[-1]
        if net.problem.places[net.nodes[node].place].id == str(stop.place.uuid):
            return node
    return None


def leg_labels(tasks: Iterable[StopTask]) -> frozenset[str]:
    return frozenset(str(task.leg.uuid) for task in tasks)


def open_tasks(plan: Plan) -> QuerySet[StopTask]:
    """Everything that the tours of a plan have still to do."""
    tasks: QuerySet[StopTask] = StopTask.objects.filter(
        stop__route__plan=plan, stop__status=StopStatus.PENDING
    )
    return tasks.select_related("stop", "leg__shipment").order_by("stop__route__seq", "stop__seq", "pk")
