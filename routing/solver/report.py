"""What a plan looks like from the loading dock: how full each vehicle's compartments get."""

from __future__ import annotations

from routing.solver.problem import Problem
from routing.solver.solution import Action, Route, Solution
from routing.solver.terms import Direction


def loads(problem: Problem, solution: Solution) -> dict[str, dict[str, float]]:
    """Highest share of volume or weight in use on any leg, by vehicle and zone of the compartment."""
    return {route.vehicle: _route_loads(problem, route) for route in solution.routes}


def _route_loads(problem: Problem, route: Route) -> dict[str, float]:
    vehicle = problem.vehicles[problem.index.vehicles[route.vehicle]]
    volume_ml = [0.0] * len(vehicle.compartments)
    weight_g = [0.0] * len(vehicle.compartments)
    most = [0.0] * len(vehicle.compartments)

    def move(label: str, sign: int) -> None:
        shipment = problem.shipments[problem.index.shipments[label]]
        taken = vehicle.compartment_for(shipment)
        if taken is not None:
            volume_ml[taken[0]] += sign * shipment.volume_ml
            weight_g[taken[0]] += sign * shipment.weight_g

    def note() -> None:
        for k, room in enumerate(vehicle.compartments):
            shares = (volume_ml[k] / max(room.volume_ml, 1), weight_g[k] / max(room.weight_g, 1))
            most[k] = max(most[k], *shares)

    for handling in route.handlings():
        shipment = problem.shipments[problem.index.shipments[handling.shipment]]
        if shipment.direction is Direction.DOWN:
            move(handling.shipment, +1)
    note()
    for visit in route.visits:
        for handling in visit.handlings:
            move(handling.shipment, +1 if handling.action is Action.COLLECT else -1)
        note()
    return {room.zone.value: round(share, 3) for room, share in zip(vehicle.compartments, most, strict=True)}
