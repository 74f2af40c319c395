"""The driver of the compiled search: workers on threads, temperature, fleet size, exchange, recombination.

The run is cut into rounds. In a round each worker anneals its own plan; between rounds the plans are
compared, and a worker that fell behind goes on from the leader's plan. With an iteration limit everything
depends on the seed alone.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np

from routing.solver.core.plan import Plan
from routing.solver.engines.base import Limits, Listener, Progress, Watch
from routing.solver.engines.yinong import layout as at
from routing.solver.engines.yinong.anneal import anneal, construct, shrink
from routing.solver.engines.yinong.arrays import Compiled
from routing.solver.engines.yinong.book import keep_best, recount
from routing.solver.engines.yinong.compiling import DELIVER, PICK_UP
from routing.solver.engines.yinong.recombine import recombine
from routing.solver.engines.yinong.ruin import dissolve
from routing.solver.engines.yinong.sectors import Shared, freeze, owners, share, worth_it
from routing.solver.engines.yinong.worker import (
    COLD,
    HOT,
    LONG,
    LONG_COLD,
    LONG_HOT,
    WHOLE_RUN,
    Phase,
    Worker,
)
from routing.solver.floor import floor
from routing.solver.problem import Problem

ROUNDS = 40
#: So many iterations per request cool a plan slowly. When a run has more, workers with plans of their own
#: heat theirs again, to a share of HOT.
SLOWLY, REHEAT, MOST_CYCLES = 6_000, 0.5, 8
#: What an option worse than a service level costs in insertion at first, in legs.
LEVEL_PRICE = 0.2
#: After these rounds the routes seen are recombined, each time for at most this share of the run and this
#: much deterministic work of CP-SAT.
RECOMBINE_AFTER = (20, 30, 36, 40)
RECOMBINE_SHARE = 0.03
RECOMBINE_WORK = 1.0
#: Routes are remembered from plans within this many legs of the best.
POOL_WITHIN = 8.0
#: Share of the run that may go into doing with fewer vehicles: at once, and again after a round.
FLEET_SHARE = 0.3
FLEET_AGAIN_AFTER, FLEET_AGAIN_SHARE = 16, 0.1
#: So much of these where routes have many stops, which need the time to cool.
LONG_FLEET = 0.3
#: A vehicle that costs this many legs is never added again once it was saved.
DEAR = 50.0
#: Seconds that one call of compiled code should take, so that limits are kept.
CALL_S = 0.02
#: A small problem is over after so many iterations, and so many times the square of its requests.
ENOUGH_AT_ALL, ENOUGH = 2_000, 200
#: Iterations of one call when the run is limited by iterations.
CALL_ITERATIONS = 200


class Search:
    """One run over one problem."""

    def __init__(
        self, compiled: Compiled, *, watch: Watch, seed: int, listen: Listener, phase: Phase = WHOLE_RUN
    ) -> None:
        self.compiled, self.watch, self.seed, self.listen, self.phase = compiled, watch, seed, listen, phase
        twins = [compiled.arena.twin(seed=seed + 7919 * k) for k in range(1, watch.limits.workers)]
        self.workers = [Worker(compiled.arena), *(Worker(twin) for twin in twins)]
        self.shared = Shared.of(compiled.arena)
        self.rng = np.random.default_rng(seed)
        self.cycles, self.hot, self.cold = 1, phase.hot, COLD
        self.enough = ENOUGH_AT_ALL + ENOUGH * len(compiled.requests) ** 2
        self.good_enough = _good_enough(compiled.net.problem, watch.limits)

    def start_from(self, plan: Plan) -> None:
        """Take over the promised beginnings of the routes."""
        count = len(self.compiled.origin)
        node_of = {index: node for node in range(count) for index in self.compiled.nodes_of(node)}
        routes = [[node_of[index] for index in plan.sequences[vehicle]] for vehicle in self.compiled.slots]
        for worker in self.workers:
            worker.arena.view(at.LOCKED)[:] = [len(route) for route in routes]
        self.go_on_from(routes)

    def go_on_from(self, routes: list[list[int]]) -> None:
        """Take over a plan, as nodes per slot."""
        for worker in self.workers:
            lengths, table = worker.arena.view(at.LENGTH), worker.arena.view(at.ROUTE)
            for slot, nodes in enumerate(routes):
                lengths[slot] = len(nodes)
                table[slot, 1 : len(nodes) + 1] = nodes
            recount(worker.arena.n, worker.arena.f)

    def run(self) -> list[list[int]]:
        """The best plan found, as nodes per slot."""
        with ThreadPoolExecutor(len(self.workers)) as pool:
            leg = self._leg()
            self._shrink_fleet(pool, leg, share=FLEET_SHARE)
            self._anneal(pool, leg)
        return self.best()

    def best(self) -> list[list[int]]:
        """The best plan so far, as nodes per slot."""
        return _lists(*min(self.workers, key=lambda worker: worker.best).best_plan())

    def routes(self) -> list[list[int]]:
        """The first worker's current plan, as nodes per slot."""
        return _lists(*self.workers[0].current_plan())

    def crowd(self) -> float:
        """Requests at a stop, on average, in the current plan."""
        view = self.workers[0].arena.view
        return float(view(at.LENGTH).sum() / max(1, view(at.STOPS).sum()))

    def construct(self) -> None:
        """The first plan: what is absent is put somewhere."""
        for worker in self.workers:
            n, f = worker.arena.n, worker.arena.f
            recount(n, f)
            f[n[at.TOTAL] + at.BEST] = f[n[at.TOTAL] + at.CURRENT]
            keep_best(n, f)
            construct(n, f)
        self._report("constructed")

    def _leg(self) -> float:
        """Average cost of driving from stop to stop in the first plan: the scale of the temperature."""
        view = self.workers[0].arena.view
        used = view(at.LENGTH) > 0
        types = view(at.SLOT_TYPE)[used]
        fixed = view(at.TYPE_VALUES)[types, at.FIXED].sum()
        stops = int(view(at.STOPS)[used].sum()) + int(used.sum())
        return max(1e-6, float(view(at.ROUTE_VALUES)[used, at.COST].sum() - fixed) / max(1, stops))

    def _long(self) -> bool:
        """Whether routes have so many stops that a colder search never regroups them."""
        view = self.workers[0].arena.view
        used = int(np.count_nonzero(view(at.LENGTH)))
        return self.phase is WHOLE_RUN and int(view(at.STOPS).sum()) >= LONG * max(1, used)

    def _anneal(self, pool: ThreadPoolExecutor, leg: float) -> None:
        begun = self._spent()
        if self._long():
            self.hot, self.cold = LONG_HOT, LONG_COLD
        for worker in self.workers:
            worker.arena.view(at.LEVEL_PRICE)[:] = LEVEL_PRICE * leg
        for number in range(ROUNDS):
            until = begun + (1.0 - begun) * (number + 1) / ROUNDS
            if self._spent() >= 1.0:
                break
            self._turn(pool, partial(self._round, begun=begun, until=until, leg=leg), number + 1)
            if number == 0:
                self.cycles = self._cycles(begun)
            if number + 1 == FLEET_AGAIN_AFTER:
                self._shrink_fleet(pool, leg, share=FLEET_AGAIN_SHARE)
            self._remember(number + 1)
            self._report(f"round {number + 1} of {ROUNDS}")

    def _turn(self, pool: ThreadPoolExecutor, turn: Callable[[Worker], None], number: int) -> None:
        """One round: on one plan together where it is large enough, else each worker on its own plan."""
        if worth_it(self.workers[0].arena, len(self.workers)):
            self._by_sectors(pool, turn)
            return
        list(pool.map(turn, self.workers))
        if number * self.cycles > ROUNDS * (self.cycles - 1):
            self._exchange()

    def _remember(self, number: int) -> None:
        """Keep the routes of the plans at the end of a round; recombine after some, and after each cycle."""
        cycle_over = number * self.cycles % ROUNDS < self.cycles
        for worker in self.workers:
            worker.pool.add_plan(worker.arena)
            if cycle_over:
                worker.adopt(*worker.best_plan())
                worker.pool.add_plan(worker.arena)
        if cycle_over or number in RECOMBINE_AFTER:
            self._recombine()

    def _cycles(self, begun: float) -> int:
        """How often plans are heated: as often as this run has the iterations to cool them slowly.

        Workers on one plan heat it once.
        """
        if worth_it(self.workers[0].arena, len(self.workers)):
            return 1
        done = min(worker.iterations for worker in self.workers)
        whole = done / max(1e-6, self._spent() - begun) * (1.0 - begun)
        return min(MOST_CYCLES, max(1, int(whole / (SLOWLY * len(self.compiled.requests)))))

    def _heat(self, share: float) -> float:
        """Temperature in legs at a share of the annealing: each cycle cools from hot, the first hottest."""
        cycle = min(self.cycles - 1, int(share * self.cycles))
        hot = self.hot if cycle == 0 else REHEAT * self.hot
        return hot * float((self.cold / hot) ** min(1.0, share * self.cycles - cycle))

    def _by_sectors(self, pool: ThreadPoolExecutor, turn: Callable[[Worker], None]) -> None:
        """A round on one plan, cut among the workers; all go on from what they made of it together."""
        leader = min(self.workers, key=lambda worker: worker.current)
        plan, parts = leader.current_plan(), len(self.workers)
        owner = owners(leader.arena, parts, self.rng)
        champion = min(self.workers, key=lambda worker: worker.best)
        kept, most = champion.best_plan(), int(leader.arena.n[at.MOST_ROUTES])
        spare = np.array([max(0, most - leader.routes())])
        for part, worker in enumerate(self.workers):
            worker.adopt(*plan)
            keep_best(worker.arena.n, worker.arena.f)
            freeze(worker.arena, self.shared, owner, part, parts)
            worker.arena.n[at.MOST_ROUTES] = leader.routes() + int(share(spare, part, parts)[0])
        list(pool.map(turn, self.workers))
        bests = _join([worker.best_plan() for worker in self.workers], owner)
        currents = _join([worker.current_plan() for worker in self.workers], owner)
        for worker in self.workers:
            self.shared.restore(worker.arena)
            worker.arena.n[at.MOST_ROUTES] = most
            worker.adopt(*kept)
            keep_best(worker.arena.n, worker.arena.f)
            for joined in (bests, currents):
                worker.adopt(*joined)
                if worker.current < worker.best - 1e-9:
                    keep_best(worker.arena.n, worker.arena.f)

    def _round(self, worker: Worker, *, begun: float, until: float, leg: float) -> None:
        """Anneal until this share of the run is spent."""
        n, f = worker.arena.n, worker.arena.f
        while True:
            spent = self._spent(worker)
            if spent >= until:
                return
            heat = leg * self._heat((spent - begun) / max(1e-9, 1.0 - begun))
            self._call(worker, lambda count, heat=heat: anneal(n, f, count, heat, POOL_WITHIN * leg))
            worker.pool.make_room(worker.arena)

    def _call(self, worker: Worker, act: object) -> object:
        """Run compiled code for about CALL_S, or exactly CALL_ITERATIONS when iterations are the limit."""
        if self.watch.limits.iterations is not None:
            count = max(1, min(CALL_ITERATIONS, self.watch.limits.iterations - worker.iterations))
            worker.iterations += count
            return act(count)  # type: ignore[operator]
        started = time.monotonic()
        result = act(worker.call)  # type: ignore[operator]
        worker.iterations += worker.call
        taken = max(1e-6, time.monotonic() - started)
        worker.call = max(1, min(20_000, 2 * worker.call, math.ceil(worker.call * CALL_S / taken)))
        return result

    def _spent(self, worker: Worker | None = None) -> float:
        """Share of the run that is over."""
        limits, shares = self.watch.limits, [0.0]
        if (min(w.best for w in self.workers) if worker is None else worker.best) <= self.good_enough:
            return 1.0
        if limits.seconds is not None:
            shares.append(self.watch.elapsed() / max(1e-9, limits.seconds))
        if limits.iterations is not None:
            done = min(w.iterations for w in self.workers) if worker is None else worker.iterations
            shares.append(done / limits.iterations)
        else:
            done = min(w.iterations for w in self.workers) if worker is None else worker.iterations
            shares.append(done / self.enough)
        return max(shares)

    def _exchange(self) -> None:
        """Workers whose current plan is worse than the leader's go on from the leader's."""
        leader = min(self.workers, key=lambda worker: worker.current)
        for worker in self.workers:
            if worker is not leader and worker.current > leader.current + 1e-9:
                worker.adopt(*leader.current_plan())

    def _recombine(self) -> None:
        """Let CP-SAT pick the best plan from the routes of all workers; who finds one better leads."""
        leader = min(self.workers, key=lambda worker: worker.best)
        for worker in self.workers:
            worker.pool.drain(worker.arena)
        columns = [column for worker in self.workers for column in worker.pool.newest()]
        if leader.arena.view(at.LOCKED).any() or not columns:
            return
        seconds = None
        if self.watch.limits.seconds is not None:
            seconds = min(RECOMBINE_SHARE * self.watch.limits.seconds, self.watch.left())
        work = RECOMBINE_WORK * self.phase.share
        routes = recombine(leader.arena, columns, seconds=seconds, work=work, seed=self.seed)
        if routes is None:
            return
        self.go_on_from(routes)
        for worker in self.workers:
            if worker.current < worker.best - 1e-9:
                keep_best(worker.arena.n, worker.arena.f)
        self._report("recombined")

    def _shrink_fleet(self, pool: ThreadPoolExecutor, leg: float, *, share: float) -> None:
        """Do with fewer vehicles as long as everybody is still served and it does not cost more."""
        fixed = float(self.workers[0].arena.view(at.TYPE_VALUES)[:, at.FIXED].max(initial=0.0))
        begun = self._spent()
        until = begun + share
        while fixed > 0 and self._spent() < until:
            leader = min(self.workers, key=lambda worker: worker.best)
            plan, best = leader.best_plan(), leader.best
            for worker in self.workers:
                worker.adopt(*plan)
            until = begun + (LONG_FLEET if self._long() else 1.0) * share
            if leader.absent() or leader.routes() <= self._fewest():
                break
            for worker in self.workers:
                dissolve(worker.arena.n, worker.arena.f)
                worker.arena.n[at.MOST_ROUTES] = worker.routes()
            done = list(pool.map(partial(self._try_without, leg=leg, until=until), self.workers))
            winner = min(
                (w for w, ok in zip(self.workers, done, strict=True) if ok),
                key=lambda w: w.current,
                default=None,
            )
            if winner is None or winner.current > best:
                for worker in self.workers:
                    worker.adopt(*plan)
                break
            for worker in self.workers:
                worker.adopt(*winner.current_plan())
                keep_best(worker.arena.n, worker.arena.f)
            self._report("fewer vehicles")
        for worker in self.workers:
            dear = fixed > DEAR * leg and not worker.absent()
            worker.arena.n[at.MOST_ROUTES] = worker.routes() if dear else len(self.compiled.slots)

    def _try_without(self, worker: Worker, *, leg: float, until: float) -> bool:
        n, f = worker.arena.n, worker.arena.f
        while self._spent(worker) < until:
            if self._call(worker, lambda count: shrink(n, f, count, leg * HOT)):
                return True
        return False

    def _fewest(self) -> int:
        """No plan uses fewer vehicles: by the load of all goods down, and up, where all rooms are alike."""
        view = self.workers[0].arena.view
        demand, capacity = view(at.DEMAND), view(at.CAPACITY)
        if not demand.size or (demand != demand[:1]).any() or (capacity != capacity[:1]).any():
            return 1
        nodes = view(at.NODE)[view(at.FIRST_OF_ALTERNATIVE)[view(at.ALTERNATIVES_FROM)[:-1]]]
        need = 1.0
        for kind in (DELIVER, PICK_UP):
            load = demand[0, nodes[:, at.KIND] == kind].sum(axis=0) / np.maximum(capacity[0], 1e-9)
            need = max(need, float(load.max(initial=0.0)))
        return math.ceil(need - 1e-6)

    def _report(self, stage: str) -> None:
        leader = min(self.workers, key=lambda worker: worker.best)
        self.listen(Progress("yinong", stage, self.watch.elapsed(), leader.best))


def _good_enough(problem: Problem, limits: Limits) -> float:
    """The cost at which the limits say that the search may end."""
    if limits.gap is None:
        return -math.inf
    bound = limits.bound
    if bound is None:
        bound = floor(problem, {shipment.id for shipment in problem.shipments})
    return bound * (1 + limits.gap) + 1e-9


def _lists(routes: at.Ints, lengths: at.Ints) -> list[list[int]]:
    return [routes[r, 1 : lengths[r] + 1].tolist() for r in range(len(lengths))]


def _join(plans: Sequence[tuple[at.Ints, at.Ints]], owner: at.Ints) -> tuple[at.Ints, at.Ints]:
    """One plan that takes each slot from the worker that owns it."""
    routes, lengths = plans[0][0].copy(), plans[0][1].copy()
    for part, (theirs, counts) in enumerate(plans):
        routes[owner == part], lengths[owner == part] = theirs[owner == part], counts[owner == part]
    return routes, lengths
