"""The loops of the search (compiled): construction, simulated annealing, and doing with fewer vehicles."""

from __future__ import annotations

import math

from routing.solver.engines.yinong import layout as at
from routing.solver.engines.yinong.book import (
    adapt_prices,
    begin,
    draw_prices,
    keep_best,
    note_removed,
    pool_touched,
    undo,
)
from routing.solver.engines.yinong.clock import uniform
from routing.solver.engines.yinong.compiling import EPS, Arena, compiled
from routing.solver.engines.yinong.recreate import add_absent, order, put_back
from routing.solver.engines.yinong.ruin import ruin

# mypy: disable-error-code="no-any-return"

#: Chance that the best place in a route is overlooked (SISR's beta).
BLINK = 0.01


@compiled
def construct(n: Arena, f: Arena) -> None:
    """Put every absent request somewhere; the result is the best so far if it is better."""
    begin(n)
    for q in range(n[at.REQUESTS]):
        if n[n[at.ROUTE_OF] + q] < 0:
            note_removed(n, q)
    order(n, f)
    for k in range(n[at.REMOVED_COUNT]):
        put_back(n, f, n[n[at.REMOVED] + k], BLINK)
    if f[n[at.TOTAL] + at.CURRENT] < f[n[at.TOTAL] + at.BEST] - EPS:
        keep_best(n, f)


@compiled
def _ruin_and_recreate(n: Arena, f: Arena) -> None:
    begin(n)
    draw_prices(n, f)
    ruin(n, f)
    add_absent(n)
    order(n, f)
    for k in range(n[at.REMOVED_COUNT]):
        put_back(n, f, n[n[at.REMOVED] + k], BLINK)


@compiled
def anneal(n: Arena, f: Arena, iterations: int, heat: float, pool_within: float) -> int:
    """Iterations of simulated annealing at one temperature; gives the number of new best plans."""
    found, total = 0, n[at.TOTAL]
    for _ in range(iterations):
        before = f[total + at.CURRENT]
        _ruin_and_recreate(n, f)
        after = f[total + at.CURRENT]
        if after < before - heat * math.log(max(uniform(n), 1e-300)):
            adapt_prices(n, f)
            if after < before - EPS and after < f[total + at.BEST] + pool_within:
                pool_touched(n, f)
            if after < f[total + at.BEST] - EPS:
                keep_best(n, f)
                found += 1
        else:
            undo(n, f, before)
    return found


@compiled
def shrink(n: Arena, f: Arena, iterations: int, heat: float) -> bool:
    """Try to serve everybody with the routes there are (SISR, section 5); True when nobody is absent.

    A plan is accepted when fewer are absent, or those absent were missed less often, or, with as many absent,
    as in annealing. The caller has set MOST_ROUTES.
    """
    for _ in range(iterations):
        absent, weight = _absent(n, f)
        if absent == 0:
            return True
        before = f[n[at.TOTAL] + at.CURRENT]
        _ruin_and_recreate(n, f)
        now_absent, now_weight = _absent(n, f)
        warm = f[n[at.TOTAL] + at.CURRENT] < before - heat * math.log(max(uniform(n), 1e-300))
        for k in range(n[at.REMOVED_COUNT]):
            if n[n[at.ROUTE_OF] + n[n[at.REMOVED] + k]] < 0:
                f[n[at.MISSED] + n[n[at.REMOVED] + k]] += 1.0
        if not (now_absent < absent or now_weight < weight or (now_absent == absent and warm)):
            undo(n, f, before)
    return _absent(n, f)[0] == 0


@compiled
def _absent(n: Arena, f: Arena) -> tuple[int, float]:
    """(number of absent requests, how often they were missed)."""
    number, weight = 0, 0.0
    for q in range(n[at.REQUESTS]):
        if n[n[at.ROUTE_OF] + q] < 0:
            number += 1
            weight += f[n[at.MISSED] + q]
    return number, weight
