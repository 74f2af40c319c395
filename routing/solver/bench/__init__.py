"""Measuring the router: against best-known solutions, beside other solvers, on generated days.

`cases` names the instances, `measure` runs one, `results` keeps rows. `tables` has the runs of
docs/benchmarks.md, `page` writes it.
"""

from routing.solver.bench.cases import Budget, Case, cases, group_of, sample
from routing.solver.bench.measure import any_engine, run
from routing.solver.bench.results import Result, append_row, load_results, summary

__all__ = [
    "Budget",
    "Case",
    "Result",
    "any_engine",
    "append_row",
    "cases",
    "group_of",
    "load_results",
    "run",
    "sample",
    "summary",
]
