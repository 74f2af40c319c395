"""The product's own engine: ruin and recreate that knows delivery options, compiled, on several threads.

docs/routing.md explains the method. It solves all that a Problem can say.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from routing.solver.core.finish import finish
from routing.solver.core.network import Network
from routing.solver.core.plan import Plan
from routing.solver.core.promises import lock_promises
from routing.solver.engines.base import Limits, Listener, Progress, Watch
from routing.solver.engines.yinong.arrays import Compiled, compile_arrays
from routing.solver.engines.yinong.decompose import joined, parts
from routing.solver.engines.yinong.levels import best_routes
from routing.solver.engines.yinong.trips import CUTS, unfold
from routing.solver.engines.yinong.warm import warm
from routing.solver.problem import Problem
from routing.solver.solution import Solution

#: What the search left is tried at so many places at the end.
INSERTIONS = 200
#: Where vehicles may reload: share of the run for a first look at each cut of their day, and at none.
TRIAL = 0.15


class Yinong:
    """Ruin and recreate with simulated annealing, route pool and set partitioning."""

    name = "yinong"

    def solve(self, problem: Problem, *, limits: Limits, seed: int, listen: Listener) -> Solution:
        """See Engine. An iteration is one ruin and recreate of each worker."""
        warm()
        if unfold(problem, CUTS[0]) is None:
            return self._solve_parts(problem, limits=limits, seed=seed, listen=listen)
        return self._solve_reloading(problem, limits=limits, seed=seed, listen=listen)

    def _solve_reloading(self, problem: Problem, *, limits: Limits, seed: int, listen: Listener) -> Solution:
        """A short look without reloads and at each cut of the day; the best gets the rest of the run."""
        once, rest = _share_of(limits, TRIAL), _share_of(limits, 1.0 - TRIAL * (1 + len(CUTS)))
        cuts: list[float | None] = [None, *CUTS]
        plans = [self._solve_trips(problem, cut, limits=once, seed=seed, listen=listen) for cut in cuts]
        first = min(range(len(cuts)), key=lambda k: _rank(problem, plans[k]))
        last = self._solve_trips(problem, cuts[first], limits=rest, seed=seed, listen=listen)
        return min(plans[first], last, key=lambda plan: _rank(problem, plan))

    def _solve_trips(
        self, problem: Problem, cut: float | None, *, limits: Limits, seed: int, listen: Listener
    ) -> Solution:
        """With reloads, the first trips ending at this share of the shift; None: without."""
        unfolded = None if cut is None else unfold(problem, cut)
        if unfolded is None:  # no room for a second trip behind this cut
            return self._solve_parts(problem, limits=limits, seed=seed, listen=listen)
        return unfolded.fold(self._solve_parts(unfolded.problem, limits=limits, seed=seed, listen=listen))

    def _solve_parts(self, problem: Problem, *, limits: Limits, seed: int, listen: Listener) -> Solution:
        """A problem of single trips, part by part where it falls into parts."""
        cut = parts(problem)
        if len(cut) == 1:
            return self._solve_whole(problem, limits=limits, seed=seed, listen=listen)
        watch = Watch(limits)
        shares = _shares(cut, limits)

        def solve_part(number: int) -> Solution:
            seconds = None if limits.seconds is None else min(shares[number], watch.left())
            mine = replace(limits, seconds=seconds, bound=None, workers=1)
            return self._solve_whole(cut[number], limits=mine, seed=seed + number, listen=listen)

        with ThreadPoolExecutor(limits.workers) as pool:
            plans = list(pool.map(solve_part, range(len(cut))))
        return joined(problem, plans, engine=self.name, seed=seed)

    def _solve_whole(self, problem: Problem, *, limits: Limits, seed: int, listen: Listener) -> Solution:
        """A problem that does not fall into parts."""
        watch = Watch(limits)
        net = Network.of(problem)
        plan = Plan(net)
        lock_promises(plan)
        compiled = compile_arrays(net, seed=seed)
        if problem.vehicles and compiled.requests:
            _replay(plan, compiled, best_routes(compiled, plan, watch=watch, seed=seed, listen=listen))
        plan.insert_rest(most=INSERTIONS)
        plan.hold_levels()
        solution = finish(plan, engine=self.name, seed=seed)
        listen(Progress(self.name, "done", watch.elapsed(), float(solution.cost), len(solution.unserved)))
        return solution


def _share_of(limits: Limits, share: float) -> Limits:
    """Limits of a part of a run."""
    seconds = None if limits.seconds is None else share * limits.seconds
    iterations = None if limits.iterations is None else max(1, round(share * limits.iterations))
    return replace(limits, seconds=seconds, iterations=iterations)


def _rank(problem: Problem, plan: Solution) -> tuple[float, float]:
    """What plans are compared by: value left, then cost."""
    left = {entry.shipment for entry in plan.unserved}
    return float(sum(s.value_fen for s in problem.shipments if s.id in left)), float(plan.cost)


def _shares(cut: Sequence[Problem], limits: Limits) -> list[float]:
    """Seconds of each part when workers take them in turn: by the number of shipments."""
    whole = (limits.seconds or 0.0) * min(limits.workers, len(cut))
    total = sum(len(part.shipments) for part in cut)
    return [min(limits.seconds or 0.0, whole * len(part.shipments) / total) for part in cut]


def _replay(plan: Plan, compiled: Compiled, routes: list[list[int]]) -> None:
    """Drive the found routes on `core`; where one does not hold, what fits of it in its order is kept."""
    for slot, nodes in enumerate(routes):
        vehicle = compiled.slots[slot]
        sequence = [node for chosen in nodes for node in compiled.nodes_of(chosen)]
        if plan.set_route(vehicle, sequence) is None:
            continue
        for node in sequence:
            if node not in plan.sequences[vehicle]:
                plan.set_route(vehicle, [*plan.sequences[vehicle], node])
