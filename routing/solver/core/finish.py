"""From a plan under construction to a Solution: real cells, times, reasons."""

from __future__ import annotations

from collections import defaultdict

from routing.solver.core.network import Kind, Network
from routing.solver.core.plan import Plan
from routing.solver.core.schedule import Stop, Timetable, timetable
from routing.solver.solution import Action, Handling, Route, Solution, Unserved, Visit
from routing.solver.terms import Reason, Size

#: Places at which an unserved shipment is tried for its reason.
TRIED = 100
_ACTIONS = {
    Kind.DELIVER: Action.DROP,
    Kind.DROP: Action.DROP,
    Kind.PICK_UP: Action.COLLECT,
    Kind.COLLECT: Action.COLLECT,
}


def finish(plan: Plan, *, engine: str, seed: int) -> Solution:
    """The plan as frozen data. What is not in it gets the reason why it finds no place in it now."""
    net, problem = plan.net, plan.net.problem
    cells = pack(plan)
    routes: list[Route] = []
    for vehicle, sequence in enumerate(plan.sequences):
        if not sequence:
            continue
        table = timetable(net, vehicle, sequence)
        if isinstance(table, Reason):
            raise AssertionError(f"the plan of {problem.vehicles[vehicle].id} does not hold: {table}")
        routes.append(_route(net, vehicle, table, cells))
    served = plan.served()
    unserved = tuple(
        Unserved(shipment.id, plan.cheapest(number, most=TRIED)[1])
        for number, shipment in enumerate(problem.shipments)
        if number not in served
    )
    cost = sum(route.cost for route in routes)
    return Solution(problem.name, tuple(routes), unserved, cost, engine=engine, seed=seed)


def pack(plan: Plan) -> dict[int, Size]:
    """Cell class per node: large parcels first, each into the smallest free cell that takes it.

    With nested sizes this greedy packing fails only if no packing exists, which the ledger excludes.
    """
    net, waiting = plan.net, defaultdict[tuple[int, str], list[int]](list)
    for sequence in plan.sequences:
        for node in sequence:
            item = net.nodes[node]
            dropped = item.kind in (Kind.DELIVER, Kind.DROP)
            if dropped and net.problem.places[item.place].cells is not None:
                waiting[item.place, net.problem.shipments[item.shipment].zone].append(node)
    packed: dict[int, Size] = {}
    for (place, zone), nodes in waiting.items():
        group = next(g for g in net.problem.places[place].cells or () if g.zone == zone)
        free = [group.small, group.medium, group.large]
        for node in sorted(nodes, key=lambda n: -(net.size(net.nodes[n].shipment) or 0)):
            size = net.size(net.nodes[node].shipment) or Size.S
            cell = next(level for level in Size if level >= size and free[level])
            free[cell] -= 1
            packed[node] = cell
    return packed


def _route(net: Network, vehicle: int, table: Timetable, cells: dict[int, Size]) -> Route:
    chosen = {
        net.nodes[n].shipment: net.nodes[n].option
        for stop in table.stops
        for n in stop.nodes
        if net.nodes[n].option >= 0
    }
    return Route(
        vehicle=net.problem.vehicles[vehicle].id,
        depart_s=table.depart_s,
        return_s=table.return_s,
        visits=tuple(_visit(net, stop, chosen, cells) for stop in table.stops),
        distance_m=table.distance_m,
        cost=table.cost,
    )


def _visit(net: Network, stop: Stop, chosen: dict[int, int], cells: dict[int, Size]) -> Visit:
    handlings = []
    for index in stop.nodes:
        node = net.nodes[index]
        shipment = net.problem.shipments[node.shipment]
        option = shipment.options[chosen[node.shipment]]
        handlings.append(Handling(shipment.id, option.id, _ACTIONS[node.kind], cells.get(index)))
    place = net.problem.places[stop.place].id
    return Visit(place, stop.arrival_s, stop.start_s, stop.depart_s, tuple(handlings))
