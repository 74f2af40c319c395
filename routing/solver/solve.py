"""Wiring: the engines by name, and the one function that runs one and proves its plan."""

from __future__ import annotations

from importlib import import_module

from routing.solver.check import check
from routing.solver.engines.base import Engine, Limits, Listener, Progress
from routing.solver.errors import SolverError, Unsupported
from routing.solver.problem import Problem
from routing.solver.solution import Solution

#: Module and class by name; imported on first use, so that readers of plans do not load OR-Tools.
ENGINES: dict[str, tuple[str, str]] = {
    "yinong": ("routing.solver.engines.yinong", "Yinong"),
    "ortools": ("routing.solver.engines.ortools", "OrTools"),
}
#: What plans when nobody asks for another, and what plans when that refuses or fails its judge.
DEFAULT_ENGINE, FALLBACK_ENGINE = "yinong", "ortools"


class BrokenPlan(SolverError):
    """An engine returned a plan that its judge refuses. Nothing of it may be used."""


def solve(
    problem: Problem,
    *,
    limits: Limits,
    engine: str | None = None,
    seed: int = 1,
    listen: Listener = lambda progress: None,
) -> Solution:
    """Find a plan and prove it. Raises Unsupported for an unknown engine or a feature that it lacks.

    Without a named engine the default one plans, and the fallback if it refuses or fails its judge.
    """
    if engine is not None:
        return _proved(problem, limits=limits, engine=engine, seed=seed, listen=listen)
    try:
        return _proved(problem, limits=limits, engine=DEFAULT_ENGINE, seed=seed, listen=listen)
    except (BrokenPlan, Unsupported) as error:
        listen(Progress(FALLBACK_ENGINE, f"instead of {DEFAULT_ENGINE}: {error}", 0.0))
        return _proved(problem, limits=limits, engine=FALLBACK_ENGINE, seed=seed, listen=listen)


def _proved(problem: Problem, *, limits: Limits, engine: str, seed: int, listen: Listener) -> Solution:
    solution = engine_of(engine).solve(problem, limits=limits, seed=seed, listen=listen)
    verdict = check(problem, solution)
    if not verdict.feasible:
        raise BrokenPlan("; ".join(str(violation) for violation in verdict.violations[:5]))
    return solution


def engine_of(name: str) -> Engine:
    """The engine by name. Raises Unsupported."""
    if name not in ENGINES:
        raise Unsupported(f"unknown engine {name!r}; known: {', '.join(sorted(ENGINES))}")
    module, label = ENGINES[name]
    engine: Engine = getattr(import_module(module), label)()
    return engine


__all__ = ["DEFAULT_ENGINE", "ENGINES", "BrokenPlan", "Limits", "Listener", "Progress", "engine_of", "solve"]
