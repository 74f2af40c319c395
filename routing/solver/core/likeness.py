"""What two shipments must share so that no plan needs to tell them apart."""

from __future__ import annotations

from collections.abc import Hashable

from routing.solver.core.network import Kind, Network


def likeness(net: Network, number: int) -> Hashable:
    """Equal for shipments that may stand for each other in any plan, volume and weight apart.

    The number itself for what needs a cell: cells are counted one by one.
    """
    shipment, chains = net.problem.shipments[number], net.alternatives[number]
    for chain in chains:
        drop = net.nodes[chain[-1]]
        if drop.kind is not Kind.PICK_UP and net.problem.places[drop.place].cells is not None:
            return number
    stops = tuple(
        (net.nodes[node].site, net.nodes[node].kind, net.nodes[node].choice_fen, preference_of(net, node))
        for chain in chains
        for node in chain
    )
    terms = (shipment.release_s, shipment.due_s, shipment.goods, shipment.vehicles, shipment.hub)
    return stops, len(chains), terms, tuple(net.rides[number]), shipment.cold_budget_s


def preference_of(net: Network, node: int) -> int:
    """Preference of the option behind a node; 0 at a collection."""
    item = net.nodes[node]
    return net.problem.shipments[item.shipment].options[item.option].preference if item.option >= 0 else 0
