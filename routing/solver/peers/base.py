"""What all peers share: what they are given, how their answer becomes a plan, and what they claim.

A peer gets the problem cut into its hubs and bundled as ours, and answers with orders of nodes. They are
priced twice: as the peer sees them (`claimed`: what it does not model is not looked at), and as a plan of the
problem, where a node that does not hold is left out and then tried at the cheapest places, as with our own
engine. Only the latter is a plan.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import replace

from routing.solver.core.finish import finish
from routing.solver.core.network import Network
from routing.solver.core.plan import Plan
from routing.solver.core.schedule import Timetable, timetable
from routing.solver.engines.base import Limits, Listener, Progress, Watch
from routing.solver.engines.yinong.decompose import joined, parts
from routing.solver.errors import Unsupported
from routing.solver.peers.features import Feature, features
from routing.solver.problem import Problem
from routing.solver.solution import Solution

#: What the peer left is tried at so many places, as with our engine.
INSERTIONS = 200
#: The stage under which a peer reports the cost of its own answer.
CLAIMED = "claimed"

Routes = dict[int, list[int]]


class Peer(ABC):
    """An engine made of somebody else's solver. `cannot`: refused by name; `ignores`: left to the judge."""

    name: str
    cannot: frozenset[Feature] = frozenset()
    ignores: frozenset[Feature] = frozenset()

    @abstractmethod
    def route(self, net: Network, *, watch: Watch, seed: int) -> Routes:
        """Orders of nodes by vehicle for a problem of one hub."""

    def ignored(self, problem: Problem) -> list[str]:
        """What this problem asks for and the peer does not model: its own cost is optimistic."""
        return sorted(feature.value for feature in self.ignores & features(problem))

    def solve(self, problem: Problem, *, limits: Limits, seed: int, listen: Listener) -> Solution:
        """See Engine. Hubs come one after the other, each with its share of the seconds."""
        missing = sorted(feature.value for feature in self.cannot & features(problem))
        if missing:
            raise Unsupported(f"{self.name} cannot express: {', '.join(missing)}")
        if limits.seconds is None:
            raise Unsupported(f"{self.name} is limited by seconds only")
        cut, watch, claims, plans = parts(problem), Watch(limits), [], []
        waiting = sum(len(part.shipments) for part in cut)
        for part in cut:
            mine = replace(limits, seconds=watch.left() * len(part.shipments) / max(1, waiting))
            waiting -= len(part.shipments)
            plan, claimed = self._solve_hub(part, Watch(mine), seed)
            plans.append(plan)
            claims.append(claimed)
        whole = sum(claims) if all(claimed is not None for claimed in claims) else None  # type: ignore[arg-type]
        listen(Progress(self.name, CLAIMED, watch.elapsed(), whole))
        return joined(problem, plans, engine=self.name, seed=seed)

    def _solve_hub(self, problem: Problem, watch: Watch, seed: int) -> tuple[Solution, float | None]:
        net = Network.of(problem)
        routes = self.route(net, watch=watch, seed=seed) if problem.vehicles else {}
        plan = Plan(net)
        for vehicle, order in routes.items():
            _replay(plan, vehicle, order)
        plan.insert_rest(most=INSERTIONS)
        plan.hold_levels()
        return finish(plan, engine=self.name, seed=seed), _claim(net, routes)


def _claim(net: Network, routes: Routes) -> float | None:
    """Cost of the peer's own routes without cells and levels; None where a route cannot even be driven."""
    tables = [timetable(net, vehicle, order) for vehicle, order in routes.items() if order]
    driven = [table.cost for table in tables if isinstance(table, Timetable)]
    served = {net.nodes[node].shipment for order in routes.values() for node in order}
    return sum(driven) if len(driven) == len(tables) and len(served) == len(net.alternatives) else None


def _replay(plan: Plan, vehicle: int, order: list[int]) -> None:
    """The whole route, or what holds of it in its order."""
    if plan.set_route(vehicle, order) is None:
        return
    for node in order:
        plan.set_route(vehicle, [*plan.sequences[vehicle], node])
    whole = Counter(plan.net.nodes[node].shipment for node in order)
    kept = Counter(plan.net.nodes[node].shipment for node in plan.sequences[vehicle])
    halves = {shipment for shipment, count in kept.items() if count < whole[shipment]}
    rest = [node for node in plan.sequences[vehicle] if plan.net.nodes[node].shipment not in halves]
    if halves:
        refused = plan.set_route(vehicle, rest)
        assert refused is None, f"a shorter route does not hold: {refused}"
