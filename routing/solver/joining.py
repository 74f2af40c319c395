"""One plan of the plans of sectors (`sectors`), polished along their borders.

All tours are driven on the whole problem, where cells and goods are counted over all sectors. Then the tours
on both sides of each border between neighbours are solved once more together, as POPMUSIC does with parts of
a solution that lie beside each other (Taillard and Voss, "POPMUSIC: partial optimization metaheuristic under
special intensification conditions", in: Essays and Surveys in Metaheuristics, Kluwer 2002).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from routing.solver.core.finish import finish
from routing.solver.core.network import Network
from routing.solver.core.plan import Plan
from routing.solver.core.promises import lock_promises
from routing.solver.core.remainder import remainder, take_over
from routing.solver.engines.base import Limits, Listener, Progress, Watch
from routing.solver.errors import SolverError
from routing.solver.problem import Problem
from routing.solver.sectors import Group, apart
from routing.solver.solution import Solution
from routing.solver.solve import solve

ENGINE = "sectors"
#: Of the tours of two neighbours this share lies on their border, and at least so many of each.
BORDER_SHARE, BORDER_TOURS = 0.4, 2
#: Each sector is polished with so many neighbours.
NEIGHBOURS = 2
#: Where what is left after joining is tried.
INSERTIONS = 60


def join(
    problem: Problem,
    plans: Sequence[Solution],
    *,
    limits: Limits,
    seed: int = 1,
    engine: str | None = None,
    listen: Listener = lambda progress: None,
) -> Solution:
    """One plan of the plans of all sectors, polished along their borders within the limits.

    The problem may have changed since it was cut: what does not hold any more is put elsewhere, what is new
    is inserted, what is gone is passed over. Raises Unsupported for a promised stop that cannot be kept.
    """
    watch = Watch(limits)
    plan = Plan(Network.of(problem))
    lock_promises(plan)
    owner = dict[int, int]()
    for number, part in enumerate(plans):
        take_over(plan, part)
        known = problem.index.vehicles
        owner |= {known[route.vehicle]: number for route in part.routes if route.vehicle in known}
    plan.insert_rest(most=INSERTIONS)
    listen(Progress(ENGINE, "joined", watch.elapsed(), sum(plan.costs)))
    pairs = _neighbours(plan, owner)
    for number, pair in enumerate(pairs):
        mine = limits
        if limits.seconds is not None:
            mine = replace(limits, seconds=watch.left() / (len(pairs) - number))
        if mine.seconds == 0.0:
            break
        border = _border(plan, owner, pair)
        _solve_again(plan, border, limits=mine, seed=seed, engine=engine, listen=listen)
        listen(Progress(ENGINE, f"border {number + 1} of {len(pairs)}", watch.elapsed(), sum(plan.costs)))
    plan.hold_levels()
    return finish(plan, engine=ENGINE, seed=seed)


def _tours(plan: Plan, vehicles: Sequence[int]) -> list[Group]:
    """Rows of the places of these vehicles' tours."""
    return [[plan.net.nodes[node].place for node in plan.sequences[vehicle]] for vehicle in vehicles]


def _neighbours(plan: Plan, owner: dict[int, int]) -> list[tuple[int, int]]:
    """Pairs of sectors that lie beside each other, the closest first: each with its nearest."""
    driven = [vehicle for vehicle in owner if plan.sequences[vehicle]]
    metres = apart(plan.net.problem, _tours(plan, driven))
    far = dict[tuple[int, int], float]()
    sectors = sorted({owner[vehicle] for vehicle in driven})
    for one, other in combinations(sectors, 2):
        mine = [k for k, vehicle in enumerate(driven) if owner[vehicle] == one]
        theirs = [k for k, vehicle in enumerate(driven) if owner[vehicle] == other]
        far[one, other] = float(metres[np.ix_(mine, theirs)].min())
    wanted = set[tuple[int, int]]()
    for sector in sectors:
        wanted |= set(sorted((p for p in far if sector in p), key=lambda p: (far[p], p))[:NEIGHBOURS])
    return sorted(wanted, key=lambda pair: (far[pair], pair))


def _border(plan: Plan, owner: dict[int, int], pair: tuple[int, int]) -> list[int]:
    """The vehicles of both sectors whose tours lie nearest to the other; idle ones where goods are left."""
    sides = [[v for v in owner if owner[v] == sector and plan.sequences[v]] for sector in pair]
    metres = apart(plan.net.problem, _tours(plan, sides[0] + sides[1]))
    between = metres[: len(sides[0]), len(sides[0]) :]
    if not between.size:
        return []
    chosen = list[int]()
    for side, nearest in ((sides[0], between.min(axis=1)), (sides[1], between.min(axis=0))):
        most = max(BORDER_TOURS, math.ceil(BORDER_SHARE * len(side)))
        chosen += [side[k] for k in np.argsort(nearest, kind="stable")[:most]]
    if len(plan.served()) < len(plan.net.problem.shipments):
        chosen += [vehicle for vehicle, sequence in enumerate(plan.sequences) if not sequence]
    return chosen


def _solve_again(
    plan: Plan, vehicles: Sequence[int], *, limits: Limits, seed: int, engine: str | None, listen: Listener
) -> None:
    """Solve these vehicles' tours together, with the cells that the others leave; kept where it is better."""
    before, rank = {vehicle: plan.sequences[vehicle] for vehicle in vehicles}, _rank(plan)
    _empty(plan, vehicles)
    part = remainder(plan, vehicles)
    if part is not None:
        try:
            take_over(plan, solve(part, limits=limits, seed=seed, engine=engine))
        except SolverError as error:
            listen(Progress(ENGINE, f"border left as it is: {error}", 0.0))
    if _rank(plan) < rank:
        return
    _empty(plan, vehicles)
    for vehicle, sequence in before.items():
        refused = plan.set_route(vehicle, sequence)
        assert refused is None, f"a tour that held does not hold any more: {refused}"


def _empty(plan: Plan, vehicles: Sequence[int]) -> None:
    for vehicle in vehicles:
        refused = plan.set_route(vehicle, [])
        assert refused is None, f"an empty tour does not hold: {refused}"


def _rank(plan: Plan) -> tuple[float, float]:
    """What plans are compared by: value left, then cost (whole millionths, so that sums compare)."""
    served = plan.served()
    left = sum(s.value_fen for k, s in enumerate(plan.net.problem.shipments) if k not in served)
    return float(left), round(sum(plan.costs), 6)
