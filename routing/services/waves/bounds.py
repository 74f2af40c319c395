"""The floor under the cost of what a plan serves; the gap to it is shown on each plan."""

from __future__ import annotations

from routing.solver.floor import floor
from routing.solver.problem import Problem
from routing.solver.solution import Solution


def floor_fen(problem: Problem, solution: Solution) -> float:
    """Cost that any plan serving the same shipments has at least; 0 without vans or served shipments."""
    return floor(problem, set(solution.chosen()))
