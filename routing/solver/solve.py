"""Wiring: the engines by name, and the one function that runs one and proves its plan."""

from __future__ import annotations

from routing.solver.check import check
from routing.solver.engines.base import Engine, Limits, Listener, Progress
from routing.solver.engines.ortools import OrTools
from routing.solver.errors import SolverError, Unsupported
from routing.solver.problem import Problem
from routing.solver.solution import Solution

ENGINES: dict[str, Engine] = {engine.name: engine for engine in (OrTools(),)}


class BrokenPlan(SolverError):
    """An engine returned a plan that its judge refuses. Nothing of it may be used."""


def solve(
    problem: Problem,
    *,
    limits: Limits,
    engine: str = "ortools",
    seed: int = 1,
    listen: Listener = lambda progress: None,
) -> Solution:
    """Find a plan and prove it. Raises Unsupported for an unknown engine or a feature that it lacks."""
    if engine not in ENGINES:
        raise Unsupported(f"unknown engine {engine!r}; known: {', '.join(sorted(ENGINES))}")
    solution = ENGINES[engine].solve(problem, limits=limits, seed=seed, listen=listen)
    verdict = check(problem, solution)
    if not verdict.feasible:
        raise BrokenPlan("; ".join(str(violation) for violation in verdict.violations[:5]))
    return solution


__all__ = ["ENGINES", "BrokenPlan", "Limits", "Listener", "Progress", "solve"]
