"""A floor under the cost of a wave: what no plan can do without.

Three parts, each too low on purpose. Vans: as few as could hold what rides from or to the hub, at the least
fixed cost. Metres and driving time: the tours together connect the hub with every place that has to be
visited, so they are no shorter than a minimum spanning tree (Prim). Service: set-up once a place, handling
once a parcel.
"""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np

from routing.solver.matrix import Floats
from routing.solver.problem import Problem
from routing.solver.terms import Direction


def floor(problem: Problem, served: set[str]) -> float:
    """Cost that any plan serving these shipments has at least; 0 without vans or shipments."""
    shipments = [shipment for shipment in problem.shipments if shipment.id in served]
    if not problem.vehicles or not shipments:
        return 0.0
    must: set[str] = {problem.vehicles[0].start}
    handling_s = 0.0
    for shipment in shipments:
        handling_s += min(float(option.service_s) for option in shipment.options)
        if shipment.collection is not None:
            must.add(shipment.collection.place)
            handling_s += float(shipment.collection.service_s)
        if len({option.place for option in shipment.options}) == 1:
            must.add(shipment.options[0].place)
    rows = [problem.index.places[label] for label in sorted(must)]
    setup_s = sum(float(problem.places[row].setup_s) for row in rows)
    setup_s -= float(problem.places[problem.index.places[problem.vehicles[0].start]].setup_s)
    metres = _tree(problem.matrix.distance_m, rows)
    seconds = _tree(problem.matrix.time_s, rows) + setup_s + handling_s
    least = {label: min(float(getattr(v, label)) for v in problem.vehicles) for label in _RATES}
    vans = _vans(problem, served) * least["fixed_fen"]
    return vans + metres / 1000 * least["fen_per_km"] + seconds / 3600 * least["fen_per_hour"]


_RATES = ("fixed_fen", "fen_per_km", "fen_per_hour")


def _vans(problem: Problem, served: set[str]) -> int:
    """Tours that what starts or ends at the hub needs at least, by volume and by weight of each zone."""
    load: dict[tuple[str, Direction], list[float]] = defaultdict(lambda: [0.0, 0.0])
    for shipment in problem.shipments:
        if shipment.id in served and shipment.direction is not Direction.PAIR:
            load[shipment.zone.value, shipment.direction][0] += float(shipment.volume_ml)
            load[shipment.zone.value, shipment.direction][1] += float(shipment.weight_g)
    trips = max((vehicle.max_trips for vehicle in problem.vehicles), default=1)
    most = [0.0, 0.0]
    for vehicle in problem.vehicles:
        most[0] = max(most[0], sum(float(room.volume_ml) for room in vehicle.compartments))
        most[1] = max(most[1], sum(float(room.weight_g) for room in vehicle.compartments))
    totals: dict[Direction, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for (_, direction), (volume_ml, weight_g) in load.items():
        totals[direction][0] += volume_ml
        totals[direction][1] += weight_g
    needed = [sums[k] / (most[k] * trips) for sums in totals.values() for k in (0, 1) if most[k]]
    return max(1, math.ceil(max(needed, default=0.0) - 1e-9))


def _tree(table: Floats, rows: list[int]) -> float:
    """Length of a minimum spanning tree over these rows; of a pair's two directions the shorter counts."""
    part = table[np.ix_(rows, rows)]
    part = np.minimum(part, part.T)
    reach, left, total = part[0].copy(), np.ones(len(rows), bool), 0.0
    left[0] = False
    while left.any():
        nearest = int(np.where(left, reach, np.inf).argmin())
        total += float(reach[nearest])
        left[nearest] = False
        reach = np.minimum(reach, part[nearest])
    return total
