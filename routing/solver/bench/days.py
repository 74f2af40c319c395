"""Runs on generated days: what a plan costs, what it leaves, how long it took, how much memory it needed."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from routing.solver.bench.measure import Run, any_engine, solve_with
from routing.solver.bench.picture import plan_svg
from routing.solver.engines.base import Limits
from routing.solver.errors import SolverError
from routing.solver.formats.yinong import write_problem
from routing.solver.problem import Problem, Shipment
from routing.solver.solution import Solution
from routing.solver.terms import Direction
from routing.solver.worlds import world

WHOLE = "as it is"
#: One small process: what the first plan after a start takes.
FIRST_CALL = "first call after a start"
FIRST_SHIPMENTS, FIRST_ITERATIONS = 200, 50


@dataclass(frozen=True, slots=True)
class Day:
    """One run. `cost` in fen; `left_fen` is the value of the `unserved`, counted by the judge.

    `took_s`: the solver alone; `memory_mb`: most resident memory of the process. `seconds` 0: the run was
    limited by `iterations`.
    """

    world: str
    shipments: int
    variant: str
    engine: str
    seconds: float
    iterations: int
    workers: int
    seed: int
    cost: float
    vans: int
    unserved: int
    left_fen: float
    took_s: float
    memory_mb: int
    ignores: str = ""
    refused: str = ""

    @property
    def key(self) -> str:
        """What a resumed run compares."""
        budget = f"{self.seconds:g} {self.iterations} {self.workers} {self.seed}"
        return f"{self.world} {self.shipments} {self.variant} {self.engine} {budget}"

    @property
    def total(self) -> float:
        """Cost, and the value of what is left."""
        return self.cost + self.left_fen


def first_choices(problem: Problem) -> Problem:
    """Everybody gets the first choice or nothing."""
    return _with(problem, lambda item: replace(item, options=item.options[:1]))


def no_cold_budget(problem: Problem) -> Problem:
    """Goods may be out of their zone as long as they like; zones and °C stay."""
    return _with(problem, lambda item: replace(item, cold_budget_s=None))


def _with(problem: Problem, change: Callable[[Shipment], Shipment]) -> Problem:
    return replace(problem, shipments=tuple(change(item) for item in problem.shipments))


def two_loops(problem: Problem) -> tuple[Problem, Problem]:
    """Goods down on one loop, produce up and direct rides on another, each with the whole fleet."""
    down = tuple(item for item in problem.shipments if item.direction is Direction.DOWN)
    other = tuple(item for item in problem.shipments if item.direction is not Direction.DOWN)
    return replace(problem, shipments=down), replace(problem, shipments=other)


#: The same day without something: one or more problems that are solved one after the other.
VARIANTS: dict[str, Callable[[Problem], tuple[Problem, ...]]] = {
    WHOLE: lambda problem: (problem,),
    "first choices only": lambda problem: (first_choices(problem),),
    "produce on a loop of its own": two_loops,
    "no cold budget": lambda problem: (no_cold_budget(problem),),
}


def measure_day(asked: Day, picture: Path | None = None) -> Day:
    """Run what the row asks for and fill it in; a refusal is a row that says so. Draws the last plan."""
    problems = VARIANTS[asked.variant](world(asked.world, shipments=asked.shipments, seed=asked.seed))
    done: list[tuple[Problem, Run]] = []
    try:
        for problem in problems:
            done.append((problem, _run(problem, asked, len(problems))))
    except SolverError as error:
        return replace(asked, refused=f"{type(error).__name__}: {error}")
    if picture is not None:
        picture.parent.mkdir(parents=True, exist_ok=True)
        picture.write_text(plan_svg(*_last(done)), encoding="utf-8")
    plans = [run.plan for _, run in done]
    left = [entry.shipment for plan in plans for entry in plan.unserved]
    values = {item.id: item.value_fen for problem in problems for item in problem.shipments}
    return replace(
        asked,
        cost=round(sum(float(plan.cost) for plan in plans), 1),
        vans=sum(len(plan.routes) for plan in plans),
        unserved=len(left),
        left_fen=float(sum(values[label] for label in left)),
        took_s=round(sum(run.took_s for _, run in done), 2),
        memory_mb=_memory_mb(),
        ignores=done[0][1].ignores,
    )


def _last(done: list[tuple[Problem, Run]]) -> tuple[Problem, Solution]:
    problem, run = done[-1]
    return problem, run.plan


def _run(problem: Problem, asked: Day, parts: int) -> Run:
    if asked.iterations:
        solver, limits = any_engine(asked.engine), Limits(iterations=asked.iterations, workers=asked.workers)
        solver.solve(problem, limits=Limits(iterations=1), seed=1, listen=lambda progress: None)
        started = time.monotonic()
        plan = solver.solve(problem, limits=limits, seed=asked.seed, listen=lambda progress: None)
        return Run(plan, time.monotonic() - started, None, "")
    seconds = asked.seconds / parts
    return solve_with(asked.engine, problem, seconds=seconds, workers=asked.workers, seed=asked.seed)


def _memory_mb() -> int:
    """Most resident memory of this process and of those that it waited for."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(kind).ru_maxrss for kind in kinds) // 1024


def measure_start(asked: Day) -> Day:
    """Seconds of a whole `solve` process: interpreter, imports, machine code from disk, plan, answer."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "problem.json"
        write_problem(world(asked.world, shipments=asked.shipments), file)
        command = [sys.executable, "-m", "routing.solver", "solve", str(file)]
        started = time.monotonic()
        subprocess.run([*command, "--iterations", str(asked.iterations)], check=True, capture_output=True)
        return replace(asked, took_s=round(time.monotonic() - started, 2), memory_mb=_memory_mb())
