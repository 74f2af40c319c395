"""Late legs go into the plan in force at the place that costs least; what was promised stays promised.

The published order of each van is kept, and every stop keeps its arrival within the promised half hour. The
result is a new version of the plan, proved and published like any other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime

from django.db.models import Prefetch

from marketplace.kernel import clock
from marketplace.places.models import Hub
from routing import rules
from routing.errors import PlanRefused
from routing.models import Plan, Route, Stop, StopTask
from routing.services.building import WaveProblem, load_wave
from routing.services.publishing import Proposal, publish_plan
from routing.solver.check import check
from routing.solver.core.finish import finish
from routing.solver.core.network import Kind, Network
from routing.solver.core.plan import Plan as SolverPlan
from routing.solver.problem import Window
from routing.states import PlanStatus, Wave

ENGINE = "insertion"


def insert_open_legs(*, hub: Hub, day: date, wave: Wave) -> Plan:
    """Put every leg that the plan in force does not carry where it costs least. Gives the plan in force.

    Raises PlanRefused when the published routes no longer hold (a place closed, a van withdrawn).
    """
    routes = _published_routes(hub, day, wave)
    loaded = _with_promises(load_wave(hub=hub, day=day, wave=wave), routes)
    net = Network.of(loaded.problem)
    plan = SolverPlan(net)
    for route in routes:
        _replay(plan, loaded, route)
    served = plan.served()
    late = [number for number in range(len(loaded.problem.shipments)) if number not in served]
    plan.insert_rest()
    solution = finish(plan, engine=ENGINE, seed=0)
    verdict = check(loaded.problem, solution)
    if not verdict.feasible:
        raise PlanRefused(params={"why": "; ".join(map(str, verdict.violations[:3]))})
    metrics = {"shipments": len(loaded.legs), "inserted": len(late) - len(solution.unserved)}
    return publish_plan(Proposal(loaded, solution, verdict, metrics))


def _published_routes(hub: Hub, day: date, wave: Wave) -> list[Route]:
    tasks = Prefetch("tasks", StopTask.objects.select_related("leg").order_by("pk"))
    stops = Prefetch("stops", Stop.objects.select_related("place").prefetch_related(tasks).order_by("seq"))
    rows = Route.objects.filter(
        plan__hub=hub, plan__date=day, plan__wave=wave, plan__status=PlanStatus.PUBLISHED
    )
    return list(rows.select_related("vehicle").prefetch_related(stops).order_by("seq"))


def _with_promises(loaded: WaveProblem, routes: Iterable[Route]) -> WaveProblem:
    """Each carried leg keeps its place, its van's stop and the promised time."""
    promised: dict[str, tuple[str, datetime]] = {}
    for route in routes:
        for stop in route.stops.all():
            for task in stop.tasks.all():
                promised[str(task.leg.uuid)] = (str(stop.place.uuid), stop.arrives_at)
    shipments = []
    for shipment in loaded.problem.shipments:
        if shipment.id in promised:
            place, arrives_at = promised[shipment.id]
            window = _around(loaded, arrives_at)
            kept = tuple(replace(o, window=window) for o in shipment.options if o.place == place)
            shipment = replace(shipment, options=kept)
        shipments.append(shipment)
    return replace(loaded, problem=replace(loaded.problem, shipments=tuple(shipments)))


def _around(loaded: WaveProblem, arrives_at: datetime) -> Window:
    at_s = round((arrives_at - clock.at(loaded.day, 0)).total_seconds())
    slack_s = round(rules.PROMISE.total_seconds())
    return Window(at_s - slack_s, at_s + slack_s)


def _replay(plan: SolverPlan, loaded: WaveProblem, route: Route) -> None:
    """The published route as nodes of the new problem; legs that were cancelled drop out."""
    net = plan.net
    sequence: list[int] = []
    for stop in route.stops.all():
        for task in stop.tasks.all():
            number = net.problem.index.shipments.get(str(task.leg.uuid))
            if number is None or not net.alternatives[number]:
                continue
            chain = net.alternatives[number][0]
            collecting = net.nodes[chain[0]].kind is Kind.COLLECT and task.kind == "collect"
            sequence.append(chain[0] if collecting else chain[-1])
    vehicle = net.problem.index.vehicles.get(str(route.vehicle.uuid))
    refusal = "vehicle" if vehicle is None else plan.set_route(vehicle, sequence)
    if refusal is not None:
        raise PlanRefused(params={"why": f"{route.vehicle.name}: {refusal}"})
