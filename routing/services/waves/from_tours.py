"""A wave planned from tours that are driven anyway: they keep van, places and order; the rest goes around.

1. Each fixed tour takes what has its first choice at its places, in its order, as far as it holds.
2. What is left is solved for the vans without a fixed tour, with the cells that are left.
3. What those cannot take goes into the fixed tours where it costs least: their own stops keep their order.

So a parcel more or less today does not reshuffle the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from routing.solver.core.finish import finish
from routing.solver.core.network import Network
from routing.solver.core.plan import Plan
from routing.solver.core.remainder import remainder, take_over
from routing.solver.problem import Problem
from routing.solver.solution import Solution
from routing.solver.solve import Limits, solve

ENGINE = "fixed"


@dataclass(frozen=True, slots=True)
class Pattern:
    """A van (id in the problem) and the places (ids) that it visits in this order."""

    vehicle: str
    places: tuple[str, ...]


def solve_from_tours(
    problem: Problem, tours: Sequence[Pattern], *, limits: Limits, seed: int = 1, engine: str | None = None
) -> Solution:
    """Raises SolverError of the search for the rest."""
    plan = Plan(Network.of(problem))
    driven = [tour for tour in tours if tour.vehicle in problem.index.vehicles]
    for tour in driven:
        _drive(plan, tour)
    busy = {problem.index.vehicles[tour.vehicle] for tour in driven}
    rest = remainder(plan, set(range(len(problem.vehicles))) - busy)
    if rest is not None:
        take_over(plan, solve(rest, limits=limits, seed=seed, engine=engine))
    plan.insert_rest()
    return finish(plan, engine=ENGINE, seed=seed)


def _drive(plan: Plan, tour: Pattern) -> None:
    """What has its first choice on the tour, place after place."""
    net, vehicle = plan.net, plan.net.problem.index.vehicles[tour.vehicle]
    served, sequence = plan.served(), list[int]()
    for place in tour.places:
        nodes = [
            node
            for number in range(len(net.problem.shipments))
            if number not in served and (node := _first_choice(net, number, place)) is not None
        ]
        nodes = [node for node in nodes if net.may_carry(vehicle, node)]
        if nodes and plan.set_route(vehicle, [*sequence, *nodes]) is None:
            sequence += nodes
            continue
        for node in nodes:
            if plan.set_route(vehicle, [*sequence, node]) is None:
                sequence.append(node)


def _first_choice(net: Network, number: int, place: str) -> int | None:
    """The node of a shipment at the place, if nothing is liked better and it is no direct ride."""
    shipment = net.problem.shipments[number]
    best = min((option.preference for option in shipment.options), default=0)
    for chain in net.alternatives[number]:
        node = net.nodes[chain[0]]
        here = len(chain) == 1 and net.problem.places[node.place].id == place
        if here and shipment.options[node.option].preference == best:
            return chain[0]
    return None
