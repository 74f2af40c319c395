"""OR-Tools as an engine of its own: CP-SAT chooses options and cells, RoutingModel routes.

The fallback where the option-aware search is not wanted, and the baseline in the bench. Every answer of
OR-Tools is replayed on `core`, so a modelling slip costs a shipment its place and never feasibility.
It does not use reloads (`max_trips` is a permission) and refuses service levels by name.
"""

from __future__ import annotations

import random

from routing.solver.core.finish import finish
from routing.solver.core.network import Kind, Network
from routing.solver.core.plan import Plan
from routing.solver.engines.base import Limits, Listener, Progress, Watch
from routing.solver.engines.ortools.assign import assign
from routing.solver.engines.ortools.bundles import bundle
from routing.solver.engines.ortools.routes import route_bundles
from routing.solver.errors import Unsupported
from routing.solver.problem import Problem
from routing.solver.solution import Solution
from routing.solver.terms import Reason


class OrTools:
    """CP-SAT assignment, then RoutingModel, then insertion of what was left."""

    name = "ortools"

    def solve(self, problem: Problem, *, limits: Limits, seed: int, listen: Listener) -> Solution:
        """See Engine. An iteration is a fixed number of rejected moves (FAILURES_PER_ITERATION)."""
        if problem.objective.service_levels:
            raise Unsupported("engine ortools cannot hold service levels (objective.service_levels)")
        watch = Watch(limits)
        net = Network.of(problem)
        plan = Plan(net)
        _lock(plan)
        if problem.vehicles:
            chosen = assign(net, plan, watch=watch, seed=seed)
            listen(Progress(self.name, "assigned", watch.elapsed()))
            bundles = bundle(net, plan, chosen, random.Random(seed))
            for vehicle, order in route_bundles(net, plan, bundles, watch=watch).items():
                _replay(plan, vehicle, order)
        _insert_rest(plan)
        solution = finish(plan, engine=self.name, seed=seed)
        listen(Progress(self.name, "done", watch.elapsed(), float(solution.cost), len(solution.unserved)))
        return solution


def _lock(plan: Plan) -> None:
    """Begin each route with what was promised; a promise that cannot be kept is a refusal by name."""
    net = plan.net
    for number, vehicle in enumerate(net.problem.vehicles):
        sequence: list[int] = []
        for token in vehicle.locked:
            sequence = _extended(plan, number, sequence, token)
        for shipment in _undropped(net, sequence):
            drops = [chain[-1] for chain in net.alternatives[shipment]]
            sequence = _first_that_holds(plan, number, sequence, drops, net.problem.shipments[shipment].id)


def _undropped(net: Network, sequence: list[int]) -> list[int]:
    """Pairs that the promised stops collect and do not drop."""
    collected = [net.nodes[n].shipment for n in sequence if net.nodes[n].kind is Kind.COLLECT]
    dropped = {net.nodes[n].shipment for n in sequence if net.nodes[n].kind is Kind.DROP}
    return [shipment for shipment in collected if shipment not in dropped]


def _extended(plan: Plan, vehicle: int, sequence: list[int], token: str) -> list[int]:
    """The sequence with the promised stop at its end."""
    nodes = [node for node in range(len(plan.net.nodes)) if plan.net.token(node) == token]
    return _first_that_holds(plan, vehicle, sequence, nodes, token)


def _first_that_holds(
    plan: Plan, vehicle: int, sequence: list[int], nodes: list[int], token: str
) -> list[int]:
    """The sequence with the first of these nodes that works at its end; Unsupported if none does."""
    refusal: Reason | None = Reason.NO_OPTION
    for node in nodes:
        refusal = plan.set_route(vehicle, [*sequence, node])
        if refusal is None:
            return [*sequence, node]
    name = plan.net.problem.vehicles[vehicle].id
    raise Unsupported(f"the promised stop {token!r} of vehicle {name!r} cannot be kept: {refusal}")


def _replay(plan: Plan, vehicle: int, order: list[list[int]]) -> None:
    """Add bundle after bundle to the vehicle; a bundle that does not hold is tried shipment by shipment."""
    for nodes in order:
        if plan.set_route(vehicle, [*plan.sequences[vehicle], *nodes]) is None:
            continue
        for node in nodes:
            plan.set_route(vehicle, [*plan.sequences[vehicle], node])


def _insert_rest(plan: Plan) -> None:
    """Cheapest insertion of what is left, dearest first."""
    shipments, served = plan.net.problem.shipments, plan.served()
    rest = [number for number in range(len(shipments)) if number not in served]
    for number in sorted(rest, key=lambda k: (-shipments[k].value_fen, k)):
        plan.insert(number)
