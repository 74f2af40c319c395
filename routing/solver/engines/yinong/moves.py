"""Ruin and recreate in compiled code, after SISR (Christiaens & Vanden Berghe, Transportation Science 54, 2020).

Ruin takes strings of neighbouring requests out of nearby routes. Recreate puts them back one by one, each at the
cheapest place over all of its alternatives, now and then blind to one. What finds no place stays absent and costs
its value. A rejected iteration is undone exactly.
"""

from __future__ import annotations

import math

from routing.solver.engines.yinong.driving import (
    EPS,
    Arena,
    compiled,
    may_join,
    refresh,
    scan_pair,
    scan_single,
    uniform,
)
from routing.solver.engines.yinong.layout import (
    ALTERNATIVES_FROM,
    BEST,
    BEST_LENGTH,
    BEST_ROUTE,
    CABINET,
    CABINET_GOODS,
    CABINET_HOLDS,
    CELL_ROOM,
    CELLS,
    CELLS_USED,
    COST,
    CURRENT,
    FIRST_OF_ALTERNATIVE,
    GOODS,
    KNOWN,
    KNOWN_COST,
    KNOWN_PLACE,
    KNOWN_VERSION,
    KNOWN_WIDTH,
    LAST_VERSION,
    LENGTH,
    LEVEL,
    LEVEL_USED,
    LEVELS,
    LOCKED,
    LONGEST,
    MARKED,
    MISSED,
    MOST_ROUTES,
    NEAR,
    NEAR_WIDTH,
    NEED,
    NEVER,
    NODE,
    NODE_OF,
    NODE_WIDTH,
    OF_REQUEST,
    OLD_NODE,
    OLD_ROUTE,
    OLD_SECOND,
    PACK,
    PLACE,
    PLACE_FROM,
    PLACE_NODES,
    POOL_COST,
    POOL_FROM,
    POOL_MOST_NODES,
    POOL_MOST_ROUTES,
    POOL_NODES,
    POOL_ROWS,
    POOL_SLOT,
    POOL_USED,
    POSITION,
    PREFERENCE,
    REMOVED,
    REMOVED_COUNT,
    REQUEST,
    REQUEST_VALUES,
    REQUEST_VALUES_WIDTH,
    REQUEST_WIDTH,
    REQUESTS,
    ROUTE,
    ROUTE_OF,
    ROUTE_VALUES,
    ROUTE_VALUES_WIDTH,
    SAVED_COST,
    SAVED_LENGTH,
    SAVED_ROUTE,
    SAVED_VERSION,
    SECOND_OF,
    SECOND_OF_ALTERNATIVE,
    SLOT_TYPE,
    SLOTS,
    SORT_KEY,
    SORT_KEYS,
    STAMP,
    TOTAL,
    TOUCH_STAMP,
    TOUCHED,
    TOUCHED_COUNT,
    VALUE,
    VERSION,
    WEIGHT,
)

#: Average number of requests taken out, longest string (SISR's c and L), chance to be blind (beta).
AVERAGE_REMOVED = 10.0
LONGEST_STRING = 10.0
BLINK = 0.01
#: A string leaves a gap with this chance, which grows while a draw stays above DEPTH (SISR's alpha, beta).
SPLIT = 0.5
DEPTH = 0.01
#: Of many absent requests, this many are tried per iteration.
MOST_ABSENT = 20
#: Weights of the orders in which requests are put back: random, then Static.sort_keys.
ORDER_WEIGHTS = (4.0, 4.0, 2.0, 1.0, 2.0, 2.0, 2.0)
ORDER_TOTAL = 17.0


@compiled
def _use(n: Arena, q: int, sign: int) -> None:
    """Count a request's chosen nodes in (+1) or out (-1): cells, company in the cabinet, service levels."""
    drop = n[n[SECOND_OF] + q]
    if drop < 0:
        drop = n[n[NODE_OF] + q]
    node, row = n[NODE] + drop * NODE_WIDTH, n[REQUEST] + q * REQUEST_WIDTH
    group, cabinet = n[node + CELLS], n[node + CABINET]
    if group >= 0:
        for level in range(3):
            n[n[CELLS_USED] + 3 * group + level] += sign * n[row + NEED + level]
    if cabinet >= 0:
        n[n[CABINET_GOODS] + 3 * cabinet + n[row + GOODS]] += sign
    for v in range(n[LEVELS]):
        if n[node + PREFERENCE] > n[n[LEVEL] + 2 * v]:
            n[n[LEVEL_USED] + v] += sign * n[row + WEIGHT]


@compiled
def _has_room(n: Arena, q: int, drop: int) -> bool:
    """Whether cells, company and service levels allow this drop now."""
    node, row = n[NODE] + drop * NODE_WIDTH, n[REQUEST] + q * REQUEST_WIDTH
    group, cabinet = n[node + CELLS], n[node + CABINET]
    if group >= 0:
        for level in range(3):
            used = n[n[CELLS_USED] + 3 * group + level] + n[row + NEED + level]
            if n[row + NEED + level] > 0 and used > n[n[CELL_ROOM] + 3 * group + level]:
                return False
    if cabinet >= 0:
        other = 3 - n[row + GOODS]
        if n[n[CABINET_GOODS] + 3 * cabinet + other] > 0 or (n[n[CABINET_HOLDS] + cabinet] >> other) & 1:
            return False
    for v in range(n[LEVELS]):
        worse = n[node + PREFERENCE] > n[n[LEVEL] + 2 * v]
        if worse and n[n[LEVEL_USED] + v] + n[row + WEIGHT] > n[n[LEVEL] + 2 * v + 1]:
            return False
    return True


@compiled
def _value(n: Arena, f: Arena, q: int) -> float:
    return f[n[REQUEST_VALUES] + q * REQUEST_VALUES_WIDTH + VALUE]


@compiled
def _cost(n: Arena, f: Arena, r: int) -> float:
    return f[n[ROUTE_VALUES] + r * ROUTE_VALUES_WIDTH + COST]


@compiled
def _copy_route(n: Arena, source: int, target: int, r: int, count: int) -> None:
    begin = n[source] + r * n[LONGEST]
    to = n[target] + r * n[LONGEST]
    for i in range(1, count + 1):
        n[to + i] = n[begin + i]


@compiled
def touch(n: Arena, f: Arena, r: int) -> None:
    """Remember a route as it was before this iteration."""
    if n[n[TOUCH_STAMP] + r] == n[STAMP]:
        return
    n[n[TOUCH_STAMP] + r] = n[STAMP]
    n[n[TOUCHED] + n[TOUCHED_COUNT]] = r
    n[TOUCHED_COUNT] += 1
    n[n[SAVED_LENGTH] + r] = n[n[LENGTH] + r]
    f[n[SAVED_COST] + r] = _cost(n, f, r)
    n[n[SAVED_VERSION] + r] = n[n[VERSION] + r]
    _copy_route(n, ROUTE, SAVED_ROUTE, r, n[n[LENGTH] + r])


@compiled
def _renew(n: Arena, f: Arena, r: int) -> None:
    """Take a changed route into account; what was known of insertions into it is void."""
    n[LAST_VERSION] += 1
    n[n[VERSION] + r] = n[LAST_VERSION]
    f[n[TOTAL] + CURRENT] -= _cost(n, f, r)
    refresh(n, f, r)
    f[n[TOTAL] + CURRENT] += _cost(n, f, r)


@compiled
def _note_removed(n: Arena, q: int) -> None:
    n[n[MARKED] + q] = n[STAMP]
    n[n[OLD_ROUTE] + q] = n[n[ROUTE_OF] + q]
    n[n[OLD_NODE] + q] = n[n[NODE_OF] + q]
    n[n[OLD_SECOND] + q] = n[n[SECOND_OF] + q]
    n[n[REMOVED] + n[REMOVED_COUNT]] = q
    n[REMOVED_COUNT] += 1


@compiled
def take_out(n: Arena, f: Arena, q: int) -> None:
    """Make a served request absent; its nodes leave the route at the next `squeeze`."""
    _note_removed(n, q)
    _use(n, q, -1)
    f[n[TOTAL] + CURRENT] += _value(n, f, q)
    n[n[ROUTE_OF] + q] = -1
    n[n[NODE_OF] + q] = -1
    n[n[SECOND_OF] + q] = -1


@compiled
def squeeze(n: Arena, f: Arena, r: int) -> None:
    """Drop the nodes of absent requests from a route."""
    m, seq = 0, n[ROUTE] + r * n[LONGEST]
    for i in range(1, n[n[LENGTH] + r] + 1):
        x = n[seq + i]
        if n[n[ROUTE_OF] + n[n[NODE] + x * NODE_WIDTH + OF_REQUEST]] == r:
            m += 1
            n[seq + m] = x
    n[n[LENGTH] + r] = m
    _renew(n, f, r)


@compiled
def insert(n: Arena, f: Arena, q: int, r: int, x: int, i: int, y: int, j: int) -> None:
    """Insert a request: `x` after position i, `y` (if any) after position j of the route as it is."""
    touch(n, f, r)
    count, seq = n[n[LENGTH] + r], n[ROUTE] + r * n[LONGEST]
    if y >= 0:
        for k in range(count, j, -1):
            n[seq + k + 1] = n[seq + k]
        n[seq + j + 1] = y
        count += 1
    for k in range(count, i, -1):
        n[seq + k + 1] = n[seq + k]
    n[seq + i + 1] = x
    n[n[LENGTH] + r] = count + 1
    n[n[ROUTE_OF] + q] = r
    n[n[NODE_OF] + q] = x
    n[n[SECOND_OF] + q] = y
    _use(n, q, +1)
    f[n[TOTAL] + CURRENT] -= _value(n, f, q)
    _renew(n, f, r)


@compiled
def _cheapest_in(
    n: Arena, f: Arena, r: int, x: int, y: int, best: float, blink: float
) -> tuple[float, int, int]:
    """The cheapest insertion into one route below `best`, from memory where the route has not changed since.

    The best place is overlooked with chance `blink`, and the route then scanned anew as blindly.
    """
    row = n[KNOWN] + (x * n[SLOTS] + r) * KNOWN_WIDTH
    cost_at = n[KNOWN_COST] + x * n[SLOTS] + r
    known = n[row + KNOWN_VERSION] == n[n[VERSION] + r]
    if known and f[cost_at] >= best:
        return best, -1, -1
    if not known or n[row + KNOWN_PLACE] < 0:
        cost, i, j = best, -1, -1
        if not may_join(n, f, r, x):
            cost = NEVER
        elif y < 0:
            cost, i = scan_single(n, f, r, x, best, 0.0)
        else:
            cost, i, j = scan_pair(n, f, r, x, y, best, 0.0)
        n[row + KNOWN_VERSION] = n[n[VERSION] + r]
        n[row + KNOWN_PLACE] = i * PACK + j + 1 if i >= 0 else -1
        f[cost_at] = cost
        if i < 0:
            return best, -1, -1
    if uniform(n) < blink:
        if y < 0:
            cost, i = scan_single(n, f, r, x, best, blink)
            return cost, i, -1
        return scan_pair(n, f, r, x, y, best, blink)
    place = n[row + KNOWN_PLACE]
    return f[cost_at], place // PACK, place % PACK - 1


@compiled
def put_back(n: Arena, f: Arena, q: int, blink: float) -> bool:
    """Insert a request where it costs least, into a new route only if no other takes it."""
    best, best_r, best_x, best_y, best_i, best_j = _value(n, f, q), -1, -1, -1, -1, -1
    for fresh in range(2):
        for a in range(n[n[ALTERNATIVES_FROM] + q], n[n[ALTERNATIVES_FROM] + q + 1]):
            x, y = n[n[FIRST_OF_ALTERNATIVE] + a], n[n[SECOND_OF_ALTERNATIVE] + a]
            if not _has_room(n, q, x if y < 0 else y):
                continue
            seen_type = -1
            for r in range(n[SLOTS]):
                empty = n[n[LENGTH] + r] == 0
                if empty != (fresh == 1) or (empty and n[n[SLOT_TYPE] + r] == seen_type):
                    continue
                if empty:
                    seen_type = n[n[SLOT_TYPE] + r]
                cost, i, j = _cheapest_in(n, f, r, x, y, best, blink)
                if i >= 0:
                    best, best_r, best_x, best_y, best_i, best_j = cost, r, x, y, i, j
        if best_r >= 0 or _routes(n) >= n[MOST_ROUTES]:
            break
    if best_r < 0:
        return False
    insert(n, f, q, best_r, best_x, best_i, best_y, best_j)
    return True


@compiled
def _routes(n: Arena) -> int:
    used = 0
    for r in range(n[SLOTS]):
        if n[n[LENGTH] + r] > 0:
            used += 1
    return used


@compiled
def _is_locked(n: Arena, q: int, r: int) -> bool:
    """Whether the request is promised where it stands."""
    locked = n[n[LOCKED] + r]
    if locked == 0:
        return False
    second = n[n[SECOND_OF] + q]
    if second >= 0 and n[n[POSITION] + second] <= locked:
        return True
    return n[n[POSITION] + n[n[NODE_OF] + q]] <= locked


@compiled
def _take_string(n: Arena, f: Arena, r: int, center: int, most: float) -> None:
    """A string of the route round a position, now and then with a gap in it."""
    low, seq = n[n[LOCKED] + r] + 1, n[ROUTE] + r * n[LONGEST]
    count = n[n[LENGTH] + r] - n[n[LOCKED] + r]
    size = min(count, int(uniform(n) * most) + 1)
    keep = 0
    if size > 1 and size < count and uniform(n) < SPLIT:
        keep = 1
        while size + keep < count and uniform(n) > DEPTH:
            keep += 1
    whole = size + keep
    first, last = max(low, center - whole + 1), min(center, low + count - whole)
    start = first + int(uniform(n) * (last - first + 1))
    gap = start + 1 + int(uniform(n) * max(1, size - 1)) if keep > 0 else start + whole
    for i in range(start, start + whole):
        if gap <= i < gap + keep:
            continue
        q = n[n[NODE] + n[seq + i] * NODE_WIDTH + OF_REQUEST]
        if n[n[ROUTE_OF] + q] == r and not _is_locked(n, q, r):
            take_out(n, f, q)


@compiled
def ruin(n: Arena, f: Arena) -> None:
    """Strings from the routes round a random request (SISR, section 4)."""
    used, served = 0, 0
    for r in range(n[SLOTS]):
        served += n[n[LENGTH] + r]
        used += 1 if n[n[LENGTH] + r] > 0 else 0
    if used == 0:
        return
    longest = min(LONGEST_STRING, served / used)
    strings = int(uniform(n) * (4.0 * AVERAGE_REMOVED / (1.0 + longest) - 1.0) + 1.0)
    seed = int(uniform(n) * n[REQUESTS])
    x = n[n[NODE_OF] + seed]
    if x < 0:
        x = n[n[FIRST_OF_ALTERNATIVE] + n[n[ALTERNATIVES_FROM] + seed]]
    near = n[NEAR] + n[n[NODE] + x * NODE_WIDTH + PLACE] * n[NEAR_WIDTH]
    for k in range(n[NEAR_WIDTH]):
        strings -= _ruin_at(n, f, n[near + k], longest, strings)
        if strings <= 0:
            break
    for k in range(n[TOUCHED_COUNT]):
        squeeze(n, f, n[n[TOUCHED] + k])


@compiled
def _ruin_at(n: Arena, f: Arena, place: int, longest: float, strings: int) -> int:
    """Take a string out of each untouched route that stops at a place; gives the number taken."""
    taken = 0
    for m in range(n[n[PLACE_FROM] + place], n[n[PLACE_FROM] + place + 1]):
        x = n[n[PLACE_NODES] + m]
        q = n[n[NODE] + x * NODE_WIDTH + OF_REQUEST]
        r = n[n[ROUTE_OF] + q]
        if r < 0 or (n[n[NODE_OF] + q] != x and n[n[SECOND_OF] + q] != x):
            continue
        if n[n[TOUCH_STAMP] + r] == n[STAMP] or n[n[POSITION] + x] <= n[n[LOCKED] + r]:
            continue
        touch(n, f, r)
        _take_string(n, f, r, n[n[POSITION] + x], min(longest, float(n[n[LENGTH] + r])))
        taken += 1
        if taken >= strings:
            break
    return taken


@compiled
def order(n: Arena, f: Arena) -> None:
    """Sort what is to be put back by one of the orders, drawn by weight."""
    count, which = n[REMOVED_COUNT], 0
    draw = uniform(n) * ORDER_TOTAL
    while which < len(ORDER_WEIGHTS) - 1 and draw >= ORDER_WEIGHTS[which]:
        draw -= ORDER_WEIGHTS[which]
        which += 1
    removed, keys = n[REMOVED], n[SORT_KEY]
    for k in range(count):
        if which == 0:
            f[keys + k] = uniform(n)
        else:
            f[keys + k] = f[n[SORT_KEYS] + (which - 1) * n[REQUESTS] + n[removed + k]]
    for k in range(1, count):
        q, key, m = n[removed + k], f[keys + k], k
        while m > 0 and f[keys + m - 1] > key:
            n[removed + m], f[keys + m] = n[removed + m - 1], f[keys + m - 1]
            m -= 1
        n[removed + m], f[keys + m] = q, key


@compiled
def begin(n: Arena) -> None:
    """A new iteration: nothing touched, nothing removed."""
    n[STAMP] += 1
    n[TOUCHED_COUNT] = n[REMOVED_COUNT] = 0


@compiled
def add_absent(n: Arena) -> None:
    """Absent requests join those to put back; of many only some."""
    absent, stamp = 0, n[STAMP]
    for q in range(n[REQUESTS]):
        if n[n[ROUTE_OF] + q] < 0 and n[n[MARKED] + q] != stamp:
            absent += 1
    if absent == 0:
        return
    share = 1.0 if absent <= MOST_ABSENT else MOST_ABSENT / absent
    for q in range(n[REQUESTS]):
        if n[n[ROUTE_OF] + q] < 0 and n[n[MARKED] + q] != stamp and (share >= 1.0 or uniform(n) < share):
            _note_removed(n, q)


@compiled
def undo(n: Arena, f: Arena, before: float) -> None:
    """Back to the plan before this iteration."""
    for k in range(n[REMOVED_COUNT]):
        q = n[n[REMOVED] + k]
        if n[n[ROUTE_OF] + q] >= 0:
            _use(n, q, -1)
        n[n[ROUTE_OF] + q] = n[n[OLD_ROUTE] + q]
        n[n[NODE_OF] + q] = n[n[OLD_NODE] + q]
        n[n[SECOND_OF] + q] = n[n[OLD_SECOND] + q]
        if n[n[ROUTE_OF] + q] >= 0:
            _use(n, q, +1)
    for k in range(n[TOUCHED_COUNT]):
        r = n[n[TOUCHED] + k]
        n[n[LENGTH] + r] = n[n[SAVED_LENGTH] + r]
        n[n[VERSION] + r] = n[n[SAVED_VERSION] + r]
        _copy_route(n, SAVED_ROUTE, ROUTE, r, n[n[LENGTH] + r])
        refresh(n, f, r)
    f[n[TOTAL] + CURRENT] = before


@compiled
def keep_best(n: Arena, f: Arena) -> None:
    """The current plan is the best so far."""
    f[n[TOTAL] + BEST] = f[n[TOTAL] + CURRENT]
    for r in range(n[SLOTS]):
        n[n[BEST_LENGTH] + r] = n[n[LENGTH] + r]
        _copy_route(n, ROUTE, BEST_ROUTE, r, n[n[LENGTH] + r])


@compiled
def pool_touched(n: Arena, f: Arena) -> None:
    """Remember the routes that this iteration changed, as long as there is room."""
    for k in range(n[TOUCHED_COUNT]):
        r, row, used = n[n[TOUCHED] + k], n[POOL_ROWS], n[POOL_USED]
        count = n[n[LENGTH] + r]
        if count == 0 or row >= POOL_MOST_ROUTES or used + count > POOL_MOST_NODES:
            continue
        n[n[POOL_FROM] + row] = used
        n[n[POOL_SLOT] + row] = r
        f[n[POOL_COST] + row] = _cost(n, f, r)
        for i in range(count):
            n[n[POOL_NODES] + used + i] = n[n[ROUTE] + r * n[LONGEST] + i + 1]
        n[POOL_USED] = used + count
        n[POOL_ROWS] = row + 1
        n[n[POOL_FROM] + row + 1] = used + count


@compiled
def construct(n: Arena, f: Arena) -> None:
    """Put every absent request somewhere; the result is the best so far if it is better."""
    begin(n)
    for q in range(n[REQUESTS]):
        if n[n[ROUTE_OF] + q] < 0:
            _note_removed(n, q)
    order(n, f)
    for k in range(n[REMOVED_COUNT]):
        put_back(n, f, n[n[REMOVED] + k], BLINK)
    if f[n[TOTAL] + CURRENT] < f[n[TOTAL] + BEST] - EPS:
        keep_best(n, f)


@compiled
def _ruin_and_recreate(n: Arena, f: Arena) -> None:
    begin(n)
    ruin(n, f)
    add_absent(n)
    order(n, f)
    for k in range(n[REMOVED_COUNT]):
        put_back(n, f, n[n[REMOVED] + k], BLINK)


@compiled
def anneal(n: Arena, f: Arena, iterations: int, heat: float, pool_within: float) -> int:
    """Iterations of simulated annealing at one temperature; gives the number of new best plans."""
    found, total = 0, n[TOTAL]
    for _ in range(iterations):
        before = f[total + CURRENT]
        _ruin_and_recreate(n, f)
        after = f[total + CURRENT]
        if after < before - heat * math.log(max(uniform(n), 1e-300)):
            if after < before - EPS and after < f[total + BEST] + pool_within:
                pool_touched(n, f)
            if after < f[total + BEST] - EPS:
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
        before = f[n[TOTAL] + CURRENT]
        _ruin_and_recreate(n, f)
        now_absent, now_weight = _absent(n, f)
        warm = f[n[TOTAL] + CURRENT] < before - heat * math.log(max(uniform(n), 1e-300))
        for k in range(n[REMOVED_COUNT]):
            if n[n[ROUTE_OF] + n[n[REMOVED] + k]] < 0:
                f[n[MISSED] + n[n[REMOVED] + k]] += 1.0
        if not (now_absent < absent or now_weight < weight or (now_absent == absent and warm)):
            undo(n, f, before)
    return _absent(n, f)[0] == 0


@compiled
def _absent(n: Arena, f: Arena) -> tuple[int, float]:
    """(number of absent requests, how often they were missed)."""
    number, weight = 0, 0.0
    for q in range(n[REQUESTS]):
        if n[n[ROUTE_OF] + q] < 0:
            number += 1
            weight += f[n[MISSED] + q]
    return number, weight


@compiled
def dissolve(n: Arena, f: Arena) -> bool:
    """Empty the route whose requests were missed least often; False when none may go."""
    chosen, least = -1, NEVER
    for r in range(n[SLOTS]):
        if n[n[LENGTH] + r] == 0 or n[n[LOCKED] + r] > 0:
            continue
        missed = 0.0
        for i in range(1, n[n[LENGTH] + r] + 1):
            node = n[NODE] + n[n[ROUTE] + r * n[LONGEST] + i] * NODE_WIDTH
            missed += f[n[MISSED] + n[node + OF_REQUEST]]
        if missed < least:
            chosen, least = r, missed
    if chosen < 0:
        return False
    begin(n)
    touch(n, f, chosen)
    for i in range(1, n[n[LENGTH] + chosen] + 1):
        node = n[NODE] + n[n[ROUTE] + chosen * n[LONGEST] + i] * NODE_WIDTH
        if n[n[ROUTE_OF] + n[node + OF_REQUEST]] == chosen:
            take_out(n, f, n[node + OF_REQUEST])
    squeeze(n, f, chosen)
    return True


@compiled
def recount(n: Arena, f: Arena) -> None:
    """Make the sequences in ROUTE and LENGTH the current plan: whose request is where, counters, costs."""
    for q in range(n[REQUESTS]):
        if n[n[ROUTE_OF] + q] >= 0:
            _use(n, q, -1)
        n[n[ROUTE_OF] + q] = -1
        n[n[NODE_OF] + q] = -1
        n[n[SECOND_OF] + q] = -1
    total = 0.0
    for r in range(n[SLOTS]):
        for i in range(1, n[n[LENGTH] + r] + 1):
            x = n[n[ROUTE] + r * n[LONGEST] + i]
            q = n[n[NODE] + x * NODE_WIDTH + OF_REQUEST]
            n[n[ROUTE_OF] + q] = r
            if n[n[NODE_OF] + q] < 0:
                n[n[NODE_OF] + q] = x
            else:
                n[n[SECOND_OF] + q] = x
        _renew(n, f, r)
        total += _cost(n, f, r)
    for q in range(n[REQUESTS]):
        if n[n[ROUTE_OF] + q] >= 0:
            _use(n, q, +1)
        else:
            total += _value(n, f, q)
    f[n[TOTAL] + CURRENT] = total
