"""Putting requests back (compiled), one by one, at the cheapest place over all of their alternatives.

Now and then a place is overlooked (SISR's blinks). What is known of a route is remembered until it changes.
"""

from __future__ import annotations

from routing.solver.engines.yinong import layout as at
from routing.solver.engines.yinong.book import (
    has_room,
    insert,
    level_price,
    note_removed,
    routes_in_use,
    value_of,
)
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
def _look(n: Arena, f: Arena, r: int, x: int, y: int, best: float) -> tuple[float, int]:
    """(cost, packed place) of the cheapest insertion into one route, kept; (a bound, -1) when none is found.

    Single nodes are looked at to the end even where they cost more than `best`: the answer then serves until
    the route changes. For pairs and fragile routes, where looking is dear, the bound is `best`.
    """
    cost, i, j = best, -1, -1
    if not may_join(n, f, r, x):
        cost = at.NEVER
    elif y < 0:
        cost, i = scan_single(n, f, r, x, best if n[n[at.FRAGILE] + r] != 0 else at.NEVER, 0.0)
    else:
        cost, i, j = scan_pair(n, f, r, x, y, best, 0.0)
    row, place = x * n[at.SLOTS] + r, i * at.PACK + j + 1 if i >= 0 else -1
    n[n[at.KNOWN] + row] = n[n[at.VERSION] + r]
    n[n[at.KNOWN_AT] + row] = place
    f[n[at.KNOWN_COST] + row] = cost
    return cost, place


@compiled
def _look_again(n: Arena, f: Arena, r: int, x: int, y: int, best: float, blink: float) -> tuple[float, int]:
    """Like `_look`, each place being overlooked with chance `blink`, and not remembered."""
    if y < 0:
        cost, i = scan_single(n, f, r, x, best, blink)
        return cost, i * at.PACK if i >= 0 else -1
    cost, i, j = scan_pair(n, f, r, x, y, best, blink)
    return cost, i * at.PACK + j + 1 if i >= 0 else -1


@compiled
def _cheapest_used(n: Arena, f: Arena, x: int, y: int, best: float, blink: float) -> tuple[float, int, int]:
    """(cost, slot, packed place) of the cheapest insertion below `best` into a route in use, if any

    What is known of a route that has not changed is taken from memory; the best place is overlooked with
    chance `blink`, and the route then scanned anew as blindly.
    """
    slots, found, found_at = n[at.SLOTS], -1, -1
    known, lengths, versions = n[at.KNOWN] + x * slots, n[at.LENGTH], n[at.VERSION]
    costs, places, used, spare = (
        n[at.KNOWN_COST] + x * slots,
        n[at.KNOWN_AT] + x * slots,
        n[at.USED],
        n[at.SPARE],
    )
    need = f[n[at.LEAST] + n[n[at.NODE] + x * at.NODE_WIDTH + at.OF_REQUEST]]
    for k in range(n[at.USED_COUNT]):
        r = n[used + k]
        if need > f[spare + r]:
            continue
        if n[known + r] == n[versions + r]:
            if f[costs + r] >= best:
                continue
            cost, place = f[costs + r], n[places + r]
            if place < 0:
                cost, place = _look(n, f, r, x, y, best)
        elif n[lengths + r] == 0:
            continue
        else:
            cost, place = _look(n, f, r, x, y, best)
        if place >= 0 and uniform(n) < blink:
            cost, place = _look_again(n, f, r, x, y, best, blink)
        if place >= 0 and cost < best:
            best, found, found_at = cost, r, place
    return best, found, found_at


@compiled
def _cheapest_fresh(n: Arena, f: Arena, x: int, y: int, best: float) -> tuple[float, int, int]:
    """The same for the first free slot of each type."""
    seen_type, found, found_at = -1, -1, -1
    for r in range(n[at.SLOTS]):
        if n[n[at.LENGTH] + r] > 0 or n[n[at.SLOT_TYPE] + r] == seen_type or n[n[at.FROZEN] + r] != 0:
            continue
        seen_type = n[n[at.SLOT_TYPE] + r]
        if f[n[at.TYPE_VALUES] + seen_type * at.TYPE_VALUES_WIDTH + at.FIXED] >= best:
            continue
        cost, place = best, -1
        if may_join(n, f, r, x):
            cost, place = _look_again(n, f, r, x, y, best, 0.0)
        if place >= 0 and cost < best:
            best, found, found_at = cost, r, place
    return best, found, found_at


@compiled
def _may_open(n: Arena, f: Arena, best: float) -> bool:
    """Whether a further route is allowed and could cost less than `best`."""
    for t in range(n[at.TYPES]):
        if f[n[at.TYPE_VALUES] + t * at.TYPE_VALUES_WIDTH + at.FIXED] < best:
            return routes_in_use(n) < n[at.MOST_ROUTES]
    return False


@compiled
def put_back(n: Arena, f: Arena, q: int, blink: float) -> bool:
    """Insert a request where it costs least, new routes included."""
    best, best_r, best_x, best_y, best_at = value_of(n, f, q), -1, -1, -1, -1
    for fresh in range(2):
        for a in range(n[n[at.ALTERNATIVES_FROM] + q], n[n[at.ALTERNATIVES_FROM] + q + 1]):
            x, y = n[n[at.FIRST_OF_ALTERNATIVE] + a], n[n[at.SECOND_OF_ALTERNATIVE] + a]
            if not has_room(n, q, x if y < 0 else y):
                continue
            price = level_price(n, f, q, x if y < 0 else y)
            if fresh == 0:
                cost, r, place = _cheapest_used(n, f, x, y, best - price, blink)
            else:
                cost, r, place = _cheapest_fresh(n, f, x, y, best - price)
            if r >= 0:
                best, best_r, best_x, best_y, best_at = cost + price, r, x, y, place
        if not _may_open(n, f, best):
            break
    if best_r < 0:
        return False
    insert(n, f, q, best_r, best_x, best_at // at.PACK, best_y, best_at % at.PACK - 1)
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
    routes, marked, foreign = n[at.ROUTE_OF], n[at.MARKED], n[at.FOREIGN]
    for q in range(n[at.REQUESTS]):
        if n[routes + q] < 0 and n[marked + q] != stamp and n[foreign + q] == 0:
            absent += 1
    if absent == 0:
        return
    share = 1.0 if absent <= MOST_ABSENT else MOST_ABSENT / absent
    for q in range(n[at.REQUESTS]):
        mine = n[routes + q] < 0 and n[marked + q] != stamp and n[foreign + q] == 0
        if mine and (share >= 1.0 or uniform(n) < share):
            note_removed(n, q)
