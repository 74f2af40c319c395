"""A wave planned from tours that are driven anyway: they keep van, places and order; the rest goes around.

1. Each fixed tour takes what has its first choice at its places, in its order, as far as it holds.
2. What is left is solved for the vans without a fixed tour, with the cells that are left.
3. What those cannot take goes into the fixed tours where it costs least: their own stops keep their order.

So a parcel more or less today does not reshuffle the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from routing.solver.core.finish import finish
from routing.solver.core.network import Network
from routing.solver.core.plan import Plan
from routing.solver.problem import Cells, Place, Problem, fits_a_vehicle
from routing.solver.solution import Action, Solution
from routing.solver.solve import Limits, solve
from routing.solver.terms import Size

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
    rest = _rest(plan, frozenset(tour.vehicle for tour in driven))
    if rest is not None:
        _take_over(plan, solve(rest, limits=limits, seed=seed, engine=engine))
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


def _rest(plan: Plan, busy: frozenset[str]) -> Problem | None:
    """The problem of what no tour took, for the other vans; None where nothing or no van is left."""
    problem, served = plan.net.problem, plan.served()
    vehicles = tuple(vehicle for vehicle in problem.vehicles if vehicle.id not in busy)
    names = {vehicle.id for vehicle in vehicles}
    shipments = tuple(
        shipment if shipment.vehicles is None else replace(shipment, vehicles=shipment.vehicles & names)
        for number, shipment in enumerate(problem.shipments)
        if number not in served and fits_a_vehicle(shipment, vehicles)
    )
    if not vehicles or not shipments:
        return None
    places = tuple(_left_over(plan, row, place) for row, place in enumerate(problem.places))
    return replace(problem, vehicles=vehicles, shipments=shipments, places=places)


def _left_over(plan: Plan, row: int, place: Place) -> Place:
    """The place with the cells that are still free."""
    if place.cells is None:
        return place
    goods = {kind for kind, count in plan.cells.goods.get(row, {}).items() if count}
    cells = tuple(_less(group, plan.cells.used.get((row, group.zone), [0, 0, 0])) for group in place.cells)
    return replace(place, cells=cells, holds=place.holds | goods)


def _less(group: Cells, used: list[int]) -> Cells:
    """`used[s]`: parcels of size s or larger. What is left is cut so that sizes stay nested."""
    left = [group.at_least(Size(size)) - used[size] for size in range(3)]
    left[1] = min(left[1], left[0])
    left[2] = min(left[2], left[1])
    return replace(group, small=left[0] - left[1], medium=left[1] - left[2], large=left[2])


def _take_over(plan: Plan, solution: Solution) -> None:
    """Routes of the rest as sequences of the whole problem."""
    net = plan.net
    for route in solution.routes:
        sequence = []
        for visit in route.visits:
            for handling in visit.handlings:
                number = net.problem.index.shipments[handling.shipment]
                collecting = handling.action is Action.COLLECT
                sequence.append(_node(net, number, handling.option, collecting, visit.start_s))
        plan.set_route(net.problem.index.vehicles[route.vehicle], sequence)


def _node(net: Network, number: int, option: str, collecting: bool, start_s: float) -> int:
    """The node of an option whose window holds the time."""
    options = net.problem.shipments[number].options
    found = [
        chain[0] if collecting else chain[-1]
        for chain in net.alternatives[number]
        if options[net.nodes[chain[-1]].option].id == option
    ]
    return next(
        (node for node in found if net.nodes[node].opens_s <= start_s <= net.nodes[node].closes_s), found[0]
    )
