"""The search on two levels: whole stops, then single requests, in turn.

Only where a plan serves many requests at each stop; else there is one level and one run.
"""

from __future__ import annotations

from dataclasses import replace

from routing.solver.core.plan import Plan
from routing.solver.engines.base import Limits, Listener, Watch
from routing.solver.engines.yinong.arrays import Compiled
from routing.solver.engines.yinong.choices import choose
from routing.solver.engines.yinong.search import Search
from routing.solver.engines.yinong.stops import Routes, gather
from routing.solver.engines.yinong.worker import Phase

#: So many requests a stop make a search of whole stops worth while.
CROWDED = 2.5
#: A run of fewer iterations per request has no time for two levels.
SHORT = 10
#: Stops are sought hot, single requests only polished: heat would scatter what belongs to one stop.
PHASES = (
    Phase(0.35, 0.3, stops=True),
    Phase(0.2, 0.05),
    Phase(0.25, 0.3, stops=True),
    Phase(0.2, 0.05),
)


def best_routes(compiled: Compiled, plan: Plan, *, watch: Watch, seed: int, listen: Listener) -> Routes:
    """The best plan found, as nodes per slot; `plan` has the promised beginnings."""
    whole = Search(compiled, watch=watch, seed=seed, listen=listen)
    whole.start_from(plan)
    routes = whole.routes()
    whole.construct()
    if whole.crowd() < CROWDED or _short(watch.limits, len(compiled.requests)):
        return whole.run()
    whole.go_on_from(routes)
    absent = choose(compiled)
    for number, phase in enumerate(PHASES):
        stops = gather(compiled, routes, seed=seed + number, absent=absent) if phase.stops else None
        run = Search(
            stops.compiled if stops else compiled,
            watch=Watch(_part(watch, phase, last=number + 1 == len(PHASES))),
            seed=seed + number,
            listen=listen,
            phase=phase,
        )
        run.go_on_from(stops.routes if stops else routes)
        run.construct()
        routes = stops.unfold(run.run()) if stops else run.run()
        absent = []
    return routes


def _short(limits: Limits, requests: int) -> bool:
    return limits.iterations is not None and limits.iterations < SHORT * requests


def _part(watch: Watch, phase: Phase, *, last: bool) -> Limits:
    """Limits of a phase; the last one gets what is left."""
    limits = watch.limits
    seconds = None
    if limits.seconds is not None:
        seconds = watch.left() if last else watch.left(at_most=phase.share * limits.seconds)
    iterations = None if limits.iterations is None else max(1, round(phase.share * limits.iterations))
    return replace(limits, seconds=seconds, iterations=iterations)
