"""The judge of plans. It shares the problem's and the plan's data with the search, and no code.

`check` counts everything again from the problem: places, doors, cells, loads, °C, minutes, metres and
money. It trusts nothing that the plan says about itself.
"""

from __future__ import annotations

from routing.solver.check.facts import Facts, Verdict, Violation
from routing.solver.check.places import (
    judge_cells,
    judge_declared_cost,
    judge_locks,
    judge_service,
    judge_service_levels,
)
from routing.solver.check.route import judge_route
from routing.solver.problem import Problem
from routing.solver.solution import Solution

__all__ = ["Verdict", "Violation", "check"]


def check(problem: Problem, solution: Solution) -> Verdict:
    """Judge a plan. Returns every violation found and the judge's own account of the plan."""
    facts = Facts(problem, solution)
    judge_service(facts)
    for route in solution.routes:
        judge_route(facts, route)
    judge_cells(facts)
    judge_service_levels(facts)
    judge_locks(facts)
    judge_declared_cost(facts)
    return facts.verdict()
