"""Book-keeping of the search (compiled): who is where, counters, costs, and undoing an iteration exactly."""

from __future__ import annotations

from routing.solver.engines.yinong import layout as at
from routing.solver.engines.yinong.clock import refresh, uniform
from routing.solver.engines.yinong.compiling import Arena, compiled

# mypy: disable-error-code="no-any-return"

#: By how much the price of a service level changes with an accepted plan.
DEARER, CHEAPER = 1.001, 0.999


@compiled
def use(n: Arena, q: int, sign: int) -> None:
    """Count a request's chosen nodes in (+1) or out (-1): cells, company in the cabinet, service levels."""
    drop = n[n[at.SECOND_OF] + q]
    if drop < 0:
        drop = n[n[at.NODE_OF] + q]
    node, row = n[at.NODE] + drop * at.NODE_WIDTH, n[at.REQUEST] + q * at.REQUEST_WIDTH
    group, cabinet = n[node + at.CELLS], n[node + at.CABINET]
    if group >= 0:
        for level in range(3):
            n[n[at.CELLS_USED] + 3 * group + level] += sign * n[row + at.NEED + level]
    if cabinet >= 0:
        n[n[at.CABINET_GOODS] + 3 * cabinet + n[row + at.GOODS]] += sign
    for v in range(n[at.LEVELS]):
        if n[node + at.PREFERENCE] > n[n[at.LEVEL] + 2 * v]:
            n[n[at.LEVEL_USED] + v] += sign * n[row + at.WEIGHT]


@compiled
def has_room(n: Arena, q: int, drop: int) -> bool:
    """Whether cells, company and service levels allow this drop now."""
    node, row = n[at.NODE] + drop * at.NODE_WIDTH, n[at.REQUEST] + q * at.REQUEST_WIDTH
    group, cabinet = n[node + at.CELLS], n[node + at.CABINET]
    if group >= 0:
        for level in range(3):
            used = n[n[at.CELLS_USED] + 3 * group + level] + n[row + at.NEED + level]
            if n[row + at.NEED + level] > 0 and used > n[n[at.CELL_ROOM] + 3 * group + level]:
                return False
    if cabinet >= 0:
        other = 3 - n[row + at.GOODS]
        if (
            n[n[at.CABINET_GOODS] + 3 * cabinet + other] > 0
            or (n[n[at.CABINET_HOLDS] + cabinet] >> other) & 1
        ):
            return False
    for v in range(n[at.LEVELS]):
        worse = n[node + at.PREFERENCE] > n[n[at.LEVEL] + 2 * v]
        if worse and n[n[at.LEVEL_USED] + v] + n[row + at.WEIGHT] > n[n[at.LEVEL] + 2 * v + 1]:
            return False
    return True


@compiled
def level_price(n: Arena, f: Arena, q: int, drop: int) -> float:
    """What this drop pays now for being worse than service levels, which all requests share."""
    price, preference = 0.0, n[n[at.NODE] + drop * at.NODE_WIDTH + at.PREFERENCE]
    for v in range(n[at.LEVELS]):
        if preference > n[n[at.LEVEL] + 2 * v]:
            price += f[n[at.LEVEL_NOW] + v] * n[n[at.REQUEST] + q * at.REQUEST_WIDTH + at.WEIGHT]
    return price


@compiled
def draw_prices(n: Arena, f: Arena) -> None:
    """Prices of this iteration: up to twice the going ones."""
    for v in range(n[at.LEVELS]):
        f[n[at.LEVEL_NOW] + v] = 2.0 * uniform(n) * f[n[at.LEVEL_PRICE] + v]


@compiled
def adapt_prices(n: Arena, f: Arena) -> None:
    """A level that is used up gets dearer, one with room cheaper."""
    for v in range(n[at.LEVELS]):
        tight = n[n[at.LEVEL_USED] + v] >= n[n[at.LEVEL] + 2 * v + 1]
        f[n[at.LEVEL_PRICE] + v] *= DEARER if tight else CHEAPER


@compiled
def value_of(n: Arena, f: Arena, q: int) -> float:
    return f[n[at.REQUEST_VALUES] + q * at.REQUEST_VALUES_WIDTH + at.VALUE]


@compiled
def cost_of(n: Arena, f: Arena, r: int) -> float:
    return f[n[at.ROUTE_VALUES] + r * at.ROUTE_VALUES_WIDTH + at.COST]


@compiled
def _copy_route(n: Arena, source: int, target: int, r: int, count: int) -> None:
    begin = n[source] + r * n[at.LONGEST]
    to = n[target] + r * n[at.LONGEST]
    for i in range(1, count + 1):
        n[to + i] = n[begin + i]


@compiled
def touch(n: Arena, f: Arena, r: int) -> None:
    """Remember a route as it was before this iteration."""
    if n[n[at.TOUCH_STAMP] + r] == n[at.STAMP]:
        return
    n[n[at.TOUCH_STAMP] + r] = n[at.STAMP]
    n[n[at.TOUCHED] + n[at.TOUCHED_COUNT]] = r
    n[at.TOUCHED_COUNT] += 1
    n[n[at.SAVED_LENGTH] + r] = n[n[at.LENGTH] + r]
    f[n[at.SAVED_COST] + r] = cost_of(n, f, r)
    _copy_route(n, at.ROUTE, at.SAVED_ROUTE, r, n[n[at.LENGTH] + r])


@compiled
def _renew(n: Arena, f: Arena, r: int) -> None:
    """Take a changed route into account."""
    f[n[at.TOTAL] + at.CURRENT] -= cost_of(n, f, r)
    refresh(n, f, r)
    f[n[at.TOTAL] + at.CURRENT] += cost_of(n, f, r)


@compiled
def note_removed(n: Arena, q: int) -> None:
    n[n[at.MARKED] + q] = n[at.STAMP]
    n[n[at.OLD_ROUTE] + q] = n[n[at.ROUTE_OF] + q]
    n[n[at.OLD_NODE] + q] = n[n[at.NODE_OF] + q]
    n[n[at.OLD_SECOND] + q] = n[n[at.SECOND_OF] + q]
    n[n[at.REMOVED] + n[at.REMOVED_COUNT]] = q
    n[at.REMOVED_COUNT] += 1


@compiled
def take_out(n: Arena, f: Arena, q: int) -> None:
    """Make a served request absent; its nodes leave the route at the next `squeeze`."""
    note_removed(n, q)
    use(n, q, -1)
    f[n[at.TOTAL] + at.CURRENT] += value_of(n, f, q)
    n[n[at.ROUTE_OF] + q] = -1
    n[n[at.NODE_OF] + q] = -1
    n[n[at.SECOND_OF] + q] = -1


@compiled
def squeeze(n: Arena, f: Arena, r: int) -> None:
    """Drop the nodes of absent requests from a route."""
    m, seq = 0, n[at.ROUTE] + r * n[at.LONGEST]
    for i in range(1, n[n[at.LENGTH] + r] + 1):
        x = n[seq + i]
        if n[n[at.ROUTE_OF] + n[n[at.NODE] + x * at.NODE_WIDTH + at.OF_REQUEST]] == r:
            m += 1
            n[seq + m] = x
    n[n[at.LENGTH] + r] = m
    _renew(n, f, r)


@compiled
def insert(n: Arena, f: Arena, q: int, r: int, x: int, i: int, y: int, j: int) -> None:
    """Insert a request: `x` after position i, `y` (if any) after position j of the route as it is."""
    touch(n, f, r)
    count, seq = n[n[at.LENGTH] + r], n[at.ROUTE] + r * n[at.LONGEST]
    if count == 0:
        _note_used(n, r)
    if y >= 0:
        for k in range(count, j, -1):
            n[seq + k + 1] = n[seq + k]
        n[seq + j + 1] = y
        count += 1
    for k in range(count, i, -1):
        n[seq + k + 1] = n[seq + k]
    n[seq + i + 1] = x
    n[n[at.LENGTH] + r] = count + 1
    n[n[at.ROUTE_OF] + q] = r
    n[n[at.NODE_OF] + q] = x
    n[n[at.SECOND_OF] + q] = y
    use(n, q, +1)
    f[n[at.TOTAL] + at.CURRENT] -= value_of(n, f, q)
    _renew(n, f, r)


@compiled
def undo(n: Arena, f: Arena, before: float) -> None:
    """Back to the plan before this iteration."""
    for k in range(n[at.REMOVED_COUNT]):
        q = n[n[at.REMOVED] + k]
        if n[n[at.ROUTE_OF] + q] >= 0:
            use(n, q, -1)
        n[n[at.ROUTE_OF] + q] = n[n[at.OLD_ROUTE] + q]
        n[n[at.NODE_OF] + q] = n[n[at.OLD_NODE] + q]
        n[n[at.SECOND_OF] + q] = n[n[at.OLD_SECOND] + q]
        if n[n[at.ROUTE_OF] + q] >= 0:
            use(n, q, +1)
    for k in range(n[at.TOUCHED_COUNT]):
        r = n[n[at.TOUCHED] + k]
        n[n[at.LENGTH] + r] = n[n[at.SAVED_LENGTH] + r]
        _copy_route(n, at.SAVED_ROUTE, at.ROUTE, r, n[n[at.LENGTH] + r])
        refresh(n, f, r)
    f[n[at.TOTAL] + at.CURRENT] = before


@compiled
def keep_best(n: Arena, f: Arena) -> None:
    """The current plan is the best so far."""
    f[n[at.TOTAL] + at.BEST] = f[n[at.TOTAL] + at.CURRENT]
    for r in range(n[at.SLOTS]):
        n[n[at.BEST_LENGTH] + r] = n[n[at.LENGTH] + r]
        _copy_route(n, at.ROUTE, at.BEST_ROUTE, r, n[n[at.LENGTH] + r])


@compiled
def pool_touched(n: Arena, f: Arena) -> None:
    """Remember the routes that this iteration changed, as long as there is room."""
    for k in range(n[at.TOUCHED_COUNT]):
        r, row, used = n[n[at.TOUCHED] + k], n[at.POOL_ROWS], n[at.POOL_USED]
        count = n[n[at.LENGTH] + r]
        if count == 0 or row >= at.POOL_MOST_ROUTES or used + count > at.POOL_MOST_NODES:
            continue
        n[n[at.POOL_FROM] + row] = used
        n[n[at.POOL_SLOT] + row] = r
        f[n[at.POOL_COST] + row] = cost_of(n, f, r)
        for i in range(count):
            n[n[at.POOL_NODES] + used + i] = n[n[at.ROUTE] + r * n[at.LONGEST] + i + 1]
        n[at.POOL_USED] = used + count
        n[at.POOL_ROWS] = row + 1
        n[n[at.POOL_FROM] + row + 1] = used + count


@compiled
def recount(n: Arena, f: Arena) -> None:
    """Make the sequences in ROUTE and LENGTH the current plan: whose request is where, counters, costs."""
    for q in range(n[at.REQUESTS]):
        if n[n[at.ROUTE_OF] + q] >= 0:
            use(n, q, -1)
        n[n[at.ROUTE_OF] + q] = -1
        n[n[at.NODE_OF] + q] = -1
        n[n[at.SECOND_OF] + q] = -1
    total = 0.0
    for r in range(n[at.SLOTS]):
        for i in range(1, n[n[at.LENGTH] + r] + 1):
            x = n[n[at.ROUTE] + r * n[at.LONGEST] + i]
            q = n[n[at.NODE] + x * at.NODE_WIDTH + at.OF_REQUEST]
            n[n[at.ROUTE_OF] + q] = r
            if n[n[at.NODE_OF] + q] < 0:
                n[n[at.NODE_OF] + q] = x
            else:
                n[n[at.SECOND_OF] + q] = x
        _renew(n, f, r)
        total += cost_of(n, f, r)
    for q in range(n[at.REQUESTS]):
        if n[n[at.ROUTE_OF] + q] >= 0:
            use(n, q, +1)
        else:
            total += value_of(n, f, q)
    f[n[at.TOTAL] + at.CURRENT] = total


@compiled
def routes_in_use(n: Arena) -> int:
    used = 0
    for r in range(n[at.SLOTS]):
        if n[n[at.LENGTH] + r] > 0:
            used += 1
    return used


@compiled
def begin(n: Arena) -> None:
    """A new iteration: nothing touched, nothing removed; USED lists the routes that may be changed."""
    n[at.STAMP] += 1
    n[at.TOUCHED_COUNT] = n[at.REMOVED_COUNT] = 0
    count, used = 0, n[at.USED]
    for r in range(n[at.SLOTS]):
        if n[n[at.LENGTH] + r] > 0 and n[n[at.FROZEN] + r] == 0:
            n[used + count] = r
            count += 1
    n[at.USED_COUNT] = count


@compiled
def _note_used(n: Arena, r: int) -> None:
    """A route that was empty is among those to insert into."""
    used, count = n[at.USED], n[at.USED_COUNT]
    for k in range(count):
        if n[used + k] == r:
            return
    n[used + count] = r
    n[at.USED_COUNT] = count + 1
