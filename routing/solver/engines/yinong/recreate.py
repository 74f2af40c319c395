"""Putting requests back (compiled), one by one, at the cheapest place over all of their alternatives.

Now and then a place is overlooked (SISR's blinks). What is known of a route is remembered until it changes.
"""

from __future__ import annotations

from routing.solver.engines.yinong import layout as at
from routing.solver.engines.yinong.book import has_room, insert, note_removed, routes_in_use, value_of
from routing.solver.engines.yinong.clock import uniform
from routing.solver.engines.yinong.compiling import Arena, compiled
from routing.solver.engines.yinong.scan import may_join, scan_pair, scan_single

# mypy: disable-error-code="no-any-return"

#: Of many absent requests, this many are tried per iteration.
MOST_ABSENT = 20
#: Weights of the orders in which requests are put back: random, then the rows of SORT_KEYS.
ORDER_WEIGHTS = (4.0, 4.0, 2.0, 1.0, 2.0, 2.0, 2.0)
ORDER_TOTAL = 17.0


@compiled
def _cheapest_in(
    n: Arena, f: Arena, r: int, x: int, y: int, best: float, blink: float
) -> tuple[float, int, int]:
    """The cheapest insertion into one route below `best`, from memory where the route has not changed since.

    The best place is overlooked with chance `blink`, and the route then scanned anew as blindly.
    """
    row = n[at.KNOWN] + (x * n[at.SLOTS] + r) * at.KNOWN_WIDTH
    cost_at = n[at.KNOWN_COST] + x * n[at.SLOTS] + r
    known = n[row + at.KNOWN_VERSION] == n[n[at.VERSION] + r]
    if known and f[cost_at] >= best:
        return best, -1, -1
    if not known or n[row + at.KNOWN_PLACE] < 0:
        cost, i, j = best, -1, -1
        if not may_join(n, f, r, x):
            cost = at.NEVER
        elif y < 0:
            cost, i = scan_single(n, f, r, x, best, 0.0)
        else:
            cost, i, j = scan_pair(n, f, r, x, y, best, 0.0)
        n[row + at.KNOWN_VERSION] = n[n[at.VERSION] + r]
        n[row + at.KNOWN_PLACE] = i * at.PACK + j + 1 if i >= 0 else -1
        f[cost_at] = cost
        if i < 0:
            return best, -1, -1
    if uniform(n) < blink:
        if y < 0:
            cost, i = scan_single(n, f, r, x, best, blink)
            return cost, i, -1
        return scan_pair(n, f, r, x, y, best, blink)
    place = n[row + at.KNOWN_PLACE]
    return f[cost_at], place // at.PACK, place % at.PACK - 1


@compiled
def put_back(n: Arena, f: Arena, q: int, blink: float) -> bool:
    """Insert a request where it costs least, into a new route only if no other takes it."""
    best, best_r, best_x, best_y, best_i, best_j = value_of(n, f, q), -1, -1, -1, -1, -1
    for fresh in range(2):
        for a in range(n[n[at.ALTERNATIVES_FROM] + q], n[n[at.ALTERNATIVES_FROM] + q + 1]):
            x, y = n[n[at.FIRST_OF_ALTERNATIVE] + a], n[n[at.SECOND_OF_ALTERNATIVE] + a]
            if not has_room(n, q, x if y < 0 else y):
                continue
            seen_type = -1
            for r in range(n[at.SLOTS]):
                empty = n[n[at.LENGTH] + r] == 0
                if empty != (fresh == 1) or (empty and n[n[at.SLOT_TYPE] + r] == seen_type):
                    continue
                if empty:
                    seen_type = n[n[at.SLOT_TYPE] + r]
                cost, i, j = _cheapest_in(n, f, r, x, y, best, blink)
                if i >= 0:
                    best, best_r, best_x, best_y, best_i, best_j = cost, r, x, y, i, j
        if best_r >= 0 or routes_in_use(n) >= n[at.MOST_ROUTES]:
            break
    if best_r < 0:
        return False
    insert(n, f, q, best_r, best_x, best_i, best_y, best_j)
    return True


@compiled
def order(n: Arena, f: Arena) -> None:
    """Sort what is to be put back by one of the orders, drawn by weight."""
    count, which = n[at.REMOVED_COUNT], 0
    draw = uniform(n) * ORDER_TOTAL
    while which < len(ORDER_WEIGHTS) - 1 and draw >= ORDER_WEIGHTS[which]:
        draw -= ORDER_WEIGHTS[which]
        which += 1
    removed, keys = n[at.REMOVED], n[at.SORT_KEY]
    for k in range(count):
        if which == 0:
            f[keys + k] = uniform(n)
        else:
            f[keys + k] = f[n[at.SORT_KEYS] + (which - 1) * n[at.REQUESTS] + n[removed + k]]
    for k in range(1, count):
        q, key, m = n[removed + k], f[keys + k], k
        while m > 0 and f[keys + m - 1] > key:
            n[removed + m], f[keys + m] = n[removed + m - 1], f[keys + m - 1]
            m -= 1
        n[removed + m], f[keys + m] = q, key


@compiled
def add_absent(n: Arena) -> None:
    """Absent requests join those to put back; of many only some."""
    absent, stamp = 0, n[at.STAMP]
    for q in range(n[at.REQUESTS]):
        if n[n[at.ROUTE_OF] + q] < 0 and n[n[at.MARKED] + q] != stamp:
            absent += 1
    if absent == 0:
        return
    share = 1.0 if absent <= MOST_ABSENT else MOST_ABSENT / absent
    for q in range(n[at.REQUESTS]):
        if (
            n[n[at.ROUTE_OF] + q] < 0
            and n[n[at.MARKED] + q] != stamp
            and (share >= 1.0 or uniform(n) < share)
        ):
            note_removed(n, q)
