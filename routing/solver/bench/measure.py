"""One run of one engine on one instance, judged and compared with the best known."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from routing.solver.bench.cases import Budget, Case
from routing.solver.bench.results import Result, key_of
from routing.solver.check import check
from routing.solver.engines.base import Engine, Limits, Progress
from routing.solver.errors import SolverError
from routing.solver.formats.vrpdo import ROUTE
from routing.solver.peers import PEERS, peer_of
from routing.solver.peers.base import CLAIMED, Peer
from routing.solver.problem import Problem
from routing.solver.solution import Solution
from routing.solver.solve import BrokenPlan, engine_of


def run(
    found: Iterable[Case], *, engines: Sequence[str], budget: Budget, workers: int, seed: int, done: set[str]
) -> Iterator[Result]:
    """Results one by one, leaving out those whose key is in `done`."""
    for case in found:
        for engine in engines:
            seconds, cores = budget.seconds(case.file.stem), workers_of(engine, workers)
            if key_of(case.file.parent.name, case.file.stem, engine, seconds, cores, seed) not in done:
                yield measure(case, engine=engine, seconds=seconds, workers=cores, seed=seed)


def any_engine(name: str) -> Engine:
    """An engine of the product or a peer. Raises Unsupported."""
    return peer_of(name) if name in PEERS else engine_of(name)


def workers_of(engine: str, workers: int) -> int:
    """As many workers as asked for, or one where the engine cannot do more."""
    return workers if engine == "yinong" or engine.endswith("vroom") else 1


@dataclass(frozen=True, slots=True)
class Run:
    """A judged plan, the seconds it took, and what the engine claims for itself."""

    plan: Solution
    took_s: float
    claimed: float | None
    ignores: str


def solve_with(engine: str, problem: Problem, *, seconds: float, workers: int, seed: int) -> Run:
    """Run an engine, machine code loaded before the clock starts. Raises SolverError."""
    solver, claims = any_engine(engine), list[float | None]()
    if engine == "yinong":
        from routing.solver.engines.yinong.warm import warm

        warm()

    def listen(progress: Progress) -> None:
        if progress.stage == CLAIMED:
            claims.append(progress.cost)

    started = time.monotonic()
    plan = solver.solve(problem, limits=Limits(seconds=seconds, workers=workers), seed=seed, listen=listen)
    took_s = time.monotonic() - started
    verdict = check(problem, plan)
    if not verdict.feasible:
        raise BrokenPlan("; ".join(str(violation) for violation in verdict.violations[:5]))
    ignores = "; ".join(solver.ignored(problem)) if isinstance(solver, Peer) else ""
    return Run(plan, took_s, claims[0] if claims else None, ignores)


def measure(case: Case, *, engine: str, seconds: float, workers: int, seed: int) -> Result:
    """One row. What an engine refuses, or a plan that its judge refuses, is a row that says so."""
    problem = case.form.read_problem(case.file, case.convention)
    budget: dict[str, Any] = {"engine": engine, "seconds": seconds, "workers": workers, "seed": seed}
    named: dict[str, Any] = {
        "folder": case.file.parent.name,
        "instance": case.file.stem,
        "bks_cost": case.cost,
        **budget,
    }
    nothing: dict[str, Any] = {
        "cost": 0.0,
        "routes": 0,
        "unserved": len(problem.shipments),
        "more_routes": 0,
        "gap_pct": 0.0,
    }
    try:
        done = solve_with(engine, problem, seconds=seconds, workers=workers, seed=seed)
    except SolverError as error:
        refused = f"{type(error).__name__}: {error}"
        return Result(**named, **nothing, feasible=False, took_s=0.0, refused=refused)
    plan, cost = done.plan, case.form.cost(done.plan, problem)
    claimed_cost, claimed_routes = _claim(done, cost)
    return Result(
        **named,
        cost=round(cost, 4),
        routes=len(plan.routes),
        unserved=len(plan.unserved),
        more_routes=0 if case.routes is None else len(plan.routes) - case.routes,
        gap_pct=round(100 * (cost / case.cost - 1), 3),
        feasible=not plan.unserved,
        took_s=round(done.took_s, 2),
        claimed_cost=claimed_cost,
        claimed_routes=claimed_routes,
        ignores=done.ignores,
    )


def _claim(done: Run, cost: float) -> tuple[float, int]:
    """The engine's own account in the unit of the family: distance, and routes where they come first."""
    if done.claimed is None:
        return 0.0, 0
    routes, distance = divmod(done.claimed, ROUTE)
    own = float(done.plan.cost) % ROUTE
    return round(distance * cost / own, 4) if own else 0.0, int(routes)
