"""OR-Tools as an engine of its own: CP-SAT chooses options and cells, RoutingModel routes.

The fallback where the option-aware search is not wanted, and the baseline in the bench. Every answer of
OR-Tools is replayed on `core`, so a modelling slip costs a shipment its place and never feasibility.
It does not use reloads (`max_trips` is a permission).
"""

from __future__ import annotations

import random

from routing.solver.core.finish import finish
from routing.solver.core.network import Network
from routing.solver.core.plan import Plan
from routing.solver.core.promises import lock_promises
from routing.solver.engines.base import Limits, Listener, Progress, Watch
from routing.solver.engines.ortools.assign import assign
from routing.solver.engines.ortools.bundles import bundle
from routing.solver.engines.ortools.routes import route_bundles
from routing.solver.problem import Problem
from routing.solver.solution import Solution


class OrTools:
    """CP-SAT assignment, then RoutingModel, then insertion of what was left."""

    name = "ortools"

    def solve(self, problem: Problem, *, limits: Limits, seed: int, listen: Listener) -> Solution:
        """See Engine. An iteration is a fixed number of rejected moves (FAILURES_PER_ITERATION)."""
        watch = Watch(limits)
        net = Network.of(problem)
        plan = Plan(net)
        lock_promises(plan)
        if problem.vehicles:
            chosen = assign(net, plan, watch=watch, seed=seed)
            listen(Progress(self.name, "assigned", watch.elapsed()))
            bundles = bundle(net, plan, chosen, random.Random(seed))
            for vehicle, order in route_bundles(net, plan, bundles, watch=watch).items():
                _replay(plan, vehicle, order)
        plan.insert_rest()
        plan.hold_levels()
        solution = finish(plan, engine=self.name, seed=seed)
        listen(Progress(self.name, "done", watch.elapsed(), float(solution.cost), len(solution.unserved)))
        return solution


def _replay(plan: Plan, vehicle: int, order: list[list[int]]) -> None:
    """Add bundle after bundle to the vehicle; a bundle that does not hold is tried shipment by shipment."""
    for nodes in order:
        if plan.set_route(vehicle, [*plan.sequences[vehicle], *nodes]) is None:
            continue
        for node in nodes:
            plan.set_route(vehicle, [*plan.sequences[vehicle], node])
