"""Which shipments travel as one request of the search: those that no plan needs to tell apart."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from routing.solver.core.likeness import likeness
from routing.solver.core.network import Network

#: A bundle fills at most this share of the smallest compartment that may take it.
FILL = 0.2
#: The same for a bundle of shipments with a choice, which may not want to be together.
FILL_OF_CHOICE = 0.03


@dataclass(frozen=True, slots=True)
class Request:
    """Shipments that are served together, and the ways to serve them.

    `chains[alternative][position]` has a node of the network for each of the `members`, of one site and kind.
    """

    members: tuple[int, ...]
    chains: tuple[tuple[tuple[int, ...], ...], ...]


def requests(net: Network, types: Sequence[int]) -> list[Request]:
    """What the search serves: a bundle each, with all its alternatives."""
    found = []
    for bundle in bundles(net, types):
        chains = zip(*(net.alternatives[number] for number in bundle), strict=True)
        found.append(Request(tuple(bundle), tuple(tuple(zip(*same, strict=True)) for same in chains)))
    return found


def bundles(net: Network, types: Sequence[int]) -> list[list[int]]:
    """Shipments per request: those with one and the same stop ride together, up to a share of any room."""
    promised = {token for vehicle in net.problem.vehicles for token in vehicle.locked}
    groups = defaultdict[Any, list[int]](list)
    for number, shipment in enumerate(net.problem.shipments):
        if net.alternatives[number]:
            alone = shipment.id in promised or any(o.id in promised for o in shipment.options)
            groups[number if alone else likeness(net, number)].append(number)
    found: list[list[int]] = []
    for group in groups.values():
        fill, most = math.inf, FILL if len(net.alternatives[group[0]]) == 1 else FILL_OF_CHOICE
        for number in group:
            share = _share(net, number, types)
            if fill + share > most:
                found.append([])
                fill = 0.0
            fill += share
            found[-1].append(number)
    return found


def _share(net: Network, number: int, types: Sequence[int]) -> float:
    shipment, share = net.problem.shipments[number], 0.0
    for vehicle in types:
        ride = net.rides[number][vehicle]
        if ride is not None:
            room = net.problem.vehicles[vehicle].compartments[ride.compartment]
            share = max(share, shipment.volume_ml / max(room.volume_ml, 1e-9))
            share = max(share, shipment.weight_g / max(room.weight_g, 1e-9))
    return share
