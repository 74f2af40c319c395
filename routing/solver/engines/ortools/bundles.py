"""Shipments with the same stop and the same vehicles travel as one node of the RoutingModel."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass

from routing.solver.core.network import Alternative, Kind, Network
from routing.solver.core.plan import Plan
from routing.solver.terms import Goods

#: A bundle fills at most this share of the smallest compartment that may take it.
FILL = 0.34


@dataclass(slots=True)
class Bundle:
    """Nodes of one site and kind that are served together. `partner`: the drop bundle of a collection."""

    nodes: list[int]
    vehicles: frozenset[int]
    goods: Goods
    kind: Kind
    value_fen: float
    partner: int | None = None
    locked: bool = False


def bundle(net: Network, plan: Plan, chosen: dict[int, Alternative], rng: random.Random) -> list[Bundle]:
    """Bundles of the chosen alternatives, in an order that the seed decides. Promised nodes stand alone."""
    bundles = _promised(net, plan)
    groups = defaultdict[tuple[object, ...], list[int]](list)
    for shipment in sorted(chosen):
        chain = chosen[shipment]
        if len(chain) == 2:
            _pair(net, bundles, shipment, chain)
            continue
        item = net.problem.shipments[shipment]
        node = net.nodes[chain[0]]
        key: tuple[object, ...] = (
            node.site,
            node.kind,
            item.goods,
            _vehicles(net, chain),
            item.release_s,
            item.due_s,
        )
        groups[key].append(chain[0])
    keys = sorted(groups, key=lambda key: groups[key][0])
    rng.shuffle(keys)
    for key in keys:
        bundles += _split(net, groups[key])
    return bundles


def _promised(net: Network, plan: Plan) -> list[Bundle]:
    """The locked beginnings as bundles of one node, pairs linked where both ends are promised."""
    bundles: list[Bundle] = []
    collected: dict[int, int] = {}
    for vehicle, sequence in enumerate(plan.sequences):
        for node in sequence:
            item = net.nodes[node]
            shipment = net.problem.shipments[item.shipment]
            bundles.append(Bundle([node], frozenset({vehicle}), shipment.goods, item.kind, 0.0, locked=True))
            if item.kind is Kind.COLLECT:
                collected[item.shipment] = len(bundles) - 1
            elif item.shipment in collected:
                bundles[collected[item.shipment]].partner = len(bundles) - 1
    return bundles


def _pair(net: Network, bundles: list[Bundle], shipment: int, chain: Alternative) -> None:
    item = net.problem.shipments[shipment]
    vehicles = _vehicles(net, chain)
    pick = Bundle([chain[0]], vehicles, item.goods, Kind.COLLECT, item.value_fen, partner=len(bundles) + 1)
    bundles += [pick, Bundle([chain[1]], vehicles, item.goods, Kind.DROP, 0.0)]


def _vehicles(net: Network, chain: Alternative) -> frozenset[int]:
    count = len(net.problem.vehicles)
    return frozenset(v for v in range(count) if all(net.may_carry(v, node) for node in chain))


def _split(net: Network, nodes: list[int]) -> list[Bundle]:
    """Cut a group so that no bundle takes more than its share of any vehicle that may carry it."""
    vehicles = _vehicles(net, tuple(nodes[:1]))
    bundles: list[Bundle] = []
    fill = 0.0
    for node in nodes:
        shipment = net.problem.shipments[net.nodes[node].shipment]
        share = max(_share(net, node, vehicle) for vehicle in vehicles)
        if not bundles or fill + share > FILL:
            bundles.append(Bundle([], vehicles, shipment.goods, net.nodes[node].kind, 0.0))
            fill = 0.0
        fill += share
        bundles[-1].nodes.append(node)
        bundles[-1].value_fen += shipment.value_fen
    return bundles


def _share(net: Network, node: int, vehicle: int) -> float:
    shipment, ride = (
        net.problem.shipments[net.nodes[node].shipment],
        net.rides[net.nodes[node].shipment][vehicle],
    )
    assert ride is not None  # may_carry said so
    room = net.problem.vehicles[vehicle].compartments[ride.compartment]
    return float(
        max(shipment.volume_ml / max(room.volume_ml, 1e-9), shipment.weight_g / max(room.weight_g, 1e-9))
    )
