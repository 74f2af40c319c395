"""The promised beginning of each route, put into an empty plan before any search."""

from __future__ import annotations

from routing.solver.core.network import Kind, Network
from routing.solver.core.plan import Plan
from routing.solver.errors import Unsupported
from routing.solver.terms import Reason


def lock_promises(plan: Plan) -> None:
    """Begin each route with what was promised. Raises Unsupported naming a promise that cannot be kept."""
    net = plan.net
    for number, vehicle in enumerate(net.problem.vehicles):
        sequence: list[int] = []
        for token in vehicle.locked:
            nodes = [node for node in range(len(net.nodes)) if net.token(node) == token]
            sequence = _first_that_holds(plan, number, sequence, nodes, token)
        for shipment in _undropped(net, sequence):
            drops = [chain[-1] for chain in net.alternatives[shipment]]
            sequence = _first_that_holds(plan, number, sequence, drops, net.problem.shipments[shipment].id)


def _undropped(net: Network, sequence: list[int]) -> list[int]:
    """Pairs that the promised stops collect and do not drop."""
    collected = [net.nodes[n].shipment for n in sequence if net.nodes[n].kind is Kind.COLLECT]
    dropped = {net.nodes[n].shipment for n in sequence if net.nodes[n].kind is Kind.DROP}
    return [shipment for shipment in collected if shipment not in dropped]


def _first_that_holds(
    plan: Plan, vehicle: int, sequence: list[int], nodes: list[int], token: str
) -> list[int]:
    """The sequence with the first of these nodes that works at its end."""
    refusal: Reason | None = Reason.NO_OPTION
    for node in nodes:
        refusal = plan.set_route(vehicle, [*sequence, node])
        if refusal is None:
            return [*sequence, node]
    name = plan.net.problem.vehicles[vehicle].id
    raise Unsupported(f"the promised stop {token!r} of vehicle {name!r} cannot be kept: {refusal}")
