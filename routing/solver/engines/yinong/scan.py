"""What an insertion into a route costs and whether it holds, in O(1) per position (compiled).

Where breaks, cold budgets and the like make a route *fragile*, each better place is driven through whole.
"""

from __future__ import annotations

from routing.solver.engines.yinong import layout as at
from routing.solver.engines.yinong.clock import uniform
from routing.solver.engines.yinong.compiling import DELIVER, EPS, PICK_UP, Arena, compiled
from routing.solver.engines.yinong.through import drive_through

# mypy: disable-error-code="no-any-return"


@compiled
def may_join(n: Arena, f: Arena, r: int, x: int) -> bool:
    """Whether access, goods and least load of the route let a request with first node `x` onto it."""
    t, q, kind = (
        n[n[at.SLOT_TYPE] + r],
        n[n[at.NODE] + x * at.NODE_WIDTH + at.OF_REQUEST],
        n[n[at.NODE] + x * at.NODE_WIDTH + at.KIND],
    )
    if n[n[at.ALLOWED] + x * n[at.TYPES] + t] == 0 or n[n[at.LENGTH] + r] + 4 > n[at.LONGEST]:
        return False
    mine = n[n[at.REQUEST] + q * at.REQUEST_WIDTH + at.GOODS]
    if mine > 0 and n[n[at.ROUTE_GOODS] + 3 * r + 3 - mine] > 0:
        return False
    columns = n[at.COLUMNS]
    step = columns * at.LOAD_WIDTH
    row = n[at.LOAD] + r * n[at.LONGEST] * step
    demand = n[at.DEMAND] + (t * n[at.REQUESTS] + q) * columns
    for k in range(columns):
        if kind == DELIVER:
            least = f[row + n[n[at.LOCKED] + r] * step + k * at.LOAD_WIDTH + at.MOST_BEFORE]
        elif kind == PICK_UP:
            least = f[row + n[n[at.LENGTH] + r] * step + k * at.LOAD_WIDTH + at.MOST_AFTER]
        else:
            least = 0.0
        if least + f[demand + k] > f[n[at.CAPACITY] + t * columns + k] * (1 + EPS):
            return False
    return True


@compiled
def _needs_drive(n: Arena, f: Arena, r: int, q: int, more_stops: int) -> bool:
    """Whether O(1) answers do not suffice for this request on this route."""
    t = n[n[at.SLOT_TYPE] + r]
    values = n[at.REQUEST_VALUES] + q * at.REQUEST_VALUES_WIDTH
    if n[n[at.FRAGILE] + r] != 0 or f[values + at.DUE_BACK] < at.NEVER:
        return True
    if f[values + at.RELEASE] > f[n[at.CLOCK] + r * n[at.LONGEST] * at.CLOCK_WIDTH + at.READY]:
        return True
    if n[n[at.EXPOSED] + t * n[at.REQUESTS] + q] != 0:
        return True
    return f[n[at.MOST_STOPS] + t * n[at.REQUESTS] + q] < n[n[at.STOPS] + r] + 1 + more_stops


@compiled
def scan_single(n: Arena, f: Arena, r: int, x: int, best: float, blink: float) -> tuple[float, int]:  # noqa: C901, PLR0915 - one hot loop
    """(cost, position after which to insert `x`) of the cheapest place below `best`, or (best, -1)."""
    t, count, where = n[n[at.SLOT_TYPE] + r], n[n[at.LENGTH] + r], -1
    node, times = n[at.NODE] + x * at.NODE_WIDTH, n[at.NODE_TIMES] + x * at.NODE_TIMES_WIDTH
    q, px, sx = n[node + at.OF_REQUEST], n[node + at.PLACE], n[node + at.SITE]
    opens, closes, setup, service = f[times], f[times + at.CLOSES], f[times + at.SETUP], f[times + at.SERVICE]
    kind = n[at.TYPE_VALUES] + t * at.TYPE_VALUES_WIDTH
    per_metre, per_second = f[kind + at.PER_METRE], f[kind + at.PER_SECOND]
    fixed = f[times + at.CHOICE] + (f[kind + at.FIXED] if count == 0 else 0.0)
    places = n[at.PLACES]
    there, onward = n[at.DISTANCE_TO] + px * places, n[at.DISTANCE] + px * places
    there_s, onward_s = n[at.TIME_TO] + px * places, n[at.TIME] + px * places
    drive = _needs_drive(n, f, r, q, 1)
    reach = f[kind + at.RANGE] - f[n[at.ROUTE_VALUES] + r * at.ROUTE_VALUES_WIDTH + at.METRES]
    first = n[n[at.LOCKED] + r]
    here = n[at.HERE] + (r * n[at.LONGEST] + first) * at.HERE_WIDTH
    row = n[at.CLOCK] + (r * n[at.LONGEST] + first - 1) * at.CLOCK_WIDTH
    pb, sb = n[here], n[here + 1]
    for i in range(first, count + 1):
        here += at.HERE_WIDTH
        row += at.CLOCK_WIDTH
        pa, sa, pb, sb = pb, sb, n[here], n[here + 1]
        ready = f[row + at.READY]
        if ready > closes and sa != sx:
            break
        metres = f[there + pa] + f[onward + pb] - f[row + at.LEG_M]
        cost = metres * per_metre + fixed
        if per_second > 0.0:
            seconds = f[there_s + pa] + f[onward_s + pb] - f[row + at.LEG_S] + service
            if sa != sx and sb != sx:
                seconds += setup
            cost += seconds * per_second
        if cost >= best:
            continue
        if sa == sx:
            done = ready + service
        else:
            start = max(ready + f[there_s + pa], opens)
            if start > closes:
                continue
            done = start + setup + service
        if sb == sx:
            if done > f[row + at.CLOCK_WIDTH + at.LAST_END] - _service_at(n, f, r, i + 1) + EPS:
                continue
        elif done + f[onward_s + pb] > f[row + at.CLOCK_WIDTH + at.LAST_START] + EPS:
            continue
        if metres > reach or not _single_fits(n, f, r, i, x):
            continue
        if blink > 0.0 and uniform(n) < blink:
            continue
        if drive and not _drives(n, f, r, x, i, -1, -1):
            continue
        best, where = cost, i
    return best, where


@compiled
def _service_at(n: Arena, f: Arena, r: int, i: int) -> float:
    x = n[n[at.ROUTE] + r * n[at.LONGEST] + i]
    return f[n[at.NODE_TIMES] + x * at.NODE_TIMES_WIDTH + at.SERVICE]


@compiled
def _single_fits(n: Arena, f: Arena, r: int, i: int, x: int) -> bool:
    """Whether the load before or after position i leaves room for the request of a node."""
    if n[at.ALL_DOWN] != 0:
        return True  # may_join has asked
    node, t, columns = n[at.NODE] + x * at.NODE_WIDTH, n[n[at.SLOT_TYPE] + r], n[at.COLUMNS]
    demand = n[at.DEMAND] + (t * n[at.REQUESTS] + n[node + at.OF_REQUEST]) * columns
    row = n[at.LOAD] + (r * n[at.LONGEST] + i) * columns * at.LOAD_WIDTH
    row += at.MOST_BEFORE if n[node + at.KIND] == DELIVER else at.MOST_AFTER
    capacity = n[at.CAPACITY] + t * columns
    for k in range(columns):
        if f[row + k * at.LOAD_WIDTH] + f[demand + k] > f[capacity + k] * (1 + EPS):
            return False
    return True


@compiled
def _after(n: Arena, f: Arena, a: int, x: int, ready: float) -> float:
    """Earliest end of service of `x` behind node `a`, or -1 when it is too late."""
    node, before = n[at.NODE] + x * at.NODE_WIDTH, n[at.NODE] + a * at.NODE_WIDTH
    times = n[at.NODE_TIMES] + x * at.NODE_TIMES_WIDTH
    if n[node + at.SITE] == n[before + at.SITE]:
        return ready + f[times + at.SERVICE]
    start = max(
        ready + f[n[at.TIME] + n[before + at.PLACE] * n[at.PLACES] + n[node + at.PLACE]], f[times + at.OPENS]
    )
    if start > f[times + at.CLOSES]:
        return -1.0
    return start + f[times + at.SETUP] + f[times + at.SERVICE]


@compiled
def _pair_fits(n: Arena, f: Arena, r: int, i: int, q: int) -> bool:
    """Whether the load after position i leaves room for the request."""
    t, columns = n[n[at.SLOT_TYPE] + r], n[at.COLUMNS]
    row = n[at.LOAD] + (r * n[at.LONGEST] + i) * columns * at.LOAD_WIDTH
    demand = n[at.DEMAND] + (t * n[at.REQUESTS] + q) * columns
    for k in range(columns):
        if f[row + k * at.LOAD_WIDTH + at.AFTER_HERE] + f[demand + k] > f[
            n[at.CAPACITY] + t * columns + k
        ] * (1 + EPS):
            return False
    return True


@compiled
def _holds_before(n: Arena, f: Arena, r: int, i: int, y: int, done: float) -> bool:
    """Whether `y`, done at this time, leaves the rest of the route from position i on in time."""
    node, onward = n[at.NODE] + y * at.NODE_WIDTH, n[at.ROUTE] + r * n[at.LONGEST] + i
    there = n[at.NODE] + n[onward] * at.NODE_WIDTH
    row = n[at.CLOCK] + (r * n[at.LONGEST] + i) * at.CLOCK_WIDTH
    if n[there + at.SITE] == n[node + at.SITE]:
        return (
            done
            <= f[row + at.LAST_END] - f[n[at.NODE_TIMES] + n[onward] * at.NODE_TIMES_WIDTH + at.SERVICE] + EPS
        )
    return (
        done + f[n[at.TIME] + n[node + at.PLACE] * n[at.PLACES] + n[there + at.PLACE]]
        <= f[row + at.LAST_START] + EPS
    )


@compiled
def scan_pair(  # noqa: C901, PLR0915 - one hot loop
    n: Arena, f: Arena, r: int, x: int, y: int, best: float, blink: float
) -> tuple[float, int, int]:
    """(cost, position after which `x`, position after which `y` goes) of the cheapest pair below `best`.

    Both positions count in the route as it is; equal ones put `y` directly behind `x`.
    """
    t, count, first, second = n[n[at.SLOT_TYPE] + r], n[n[at.LENGTH] + r], -1, -1
    seq, clock = n[at.ROUTE] + r * n[at.LONGEST], n[at.CLOCK] + r * n[at.LONGEST] * at.CLOCK_WIDTH
    q = n[n[at.NODE] + x * at.NODE_WIDTH + at.OF_REQUEST]
    px, py = n[n[at.NODE] + x * at.NODE_WIDTH + at.PLACE], n[n[at.NODE] + y * at.NODE_WIDTH + at.PLACE]
    closes_x = f[n[at.NODE_TIMES] + x * at.NODE_TIMES_WIDTH + at.CLOSES]
    closes_y = f[n[at.NODE_TIMES] + y * at.NODE_TIMES_WIDTH + at.CLOSES]
    kind = n[at.TYPE_VALUES] + t * at.TYPE_VALUES_WIDTH
    metre, per_second = f[kind + at.PER_METRE], f[kind + at.PER_SECOND]
    fixed = f[n[at.NODE_TIMES] + y * at.NODE_TIMES_WIDTH + at.CHOICE] + (
        f[kind + at.FIXED] if count == 0 else 0.0
    )
    for z in (x, y):
        times = n[at.NODE_TIMES] + z * at.NODE_TIMES_WIDTH
        fixed += per_second * (f[times + at.SERVICE] + f[times + at.SETUP])
    places, distance, time = n[at.PLACES], n[at.DISTANCE], n[at.TIME]
    reach = f[kind + at.RANGE] - f[n[at.ROUTE_VALUES] + r * at.ROUTE_VALUES_WIDTH + at.METRES]
    drive = _needs_drive(n, f, r, q, 2)
    for i in range(n[n[at.LOCKED] + r], count + 1):
        a, b = n[seq + i], n[seq + i + 1]
        pa, pb = n[n[at.NODE] + a * at.NODE_WIDTH + at.PLACE], n[n[at.NODE] + b * at.NODE_WIDTH + at.PLACE]
        ready = f[clock + i * at.CLOCK_WIDTH + at.READY]
        if (
            ready > closes_x
            and n[n[at.NODE] + a * at.NODE_WIDTH + at.SITE] != n[n[at.NODE] + x * at.NODE_WIDTH + at.SITE]
        ):
            break
        old, old_s = 0.0, 0.0
        if count > 0:
            old, old_s = f[distance + pa * places + pb], f[time + pa * places + pb]
        way = f[distance + pa * places + px] + f[distance + px * places + pb] - old
        if way * metre + fixed >= best or not _pair_fits(n, f, r, i, q):
            continue
        done = _after(n, f, a, x, ready)
        if done < 0.0:
            continue
        here, ph = x, px
        for j in range(i, count + 1):
            c = n[seq + j + 1]
            pc = n[n[at.NODE] + c * at.NODE_WIDTH + at.PLACE]
            if (
                done > closes_y
                and n[n[at.NODE] + here * at.NODE_WIDTH + at.SITE]
                != n[n[at.NODE] + y * at.NODE_WIDTH + at.SITE]
            ):
                break
            metres = f[distance + ph * places + py] + f[distance + py * places + pc]
            seconds = f[time + ph * places + py] + f[time + py * places + pc] - old_s
            if j == i:
                metres += f[distance + pa * places + px] - old
                seconds += f[time + pa * places + px]
            else:
                metres += way - f[distance + ph * places + pc]
                seconds += (
                    f[time + pa * places + px] + f[time + px * places + pb] - f[time + ph * places + pc]
                )
            cost = metres * metre + fixed + per_second * seconds
            if cost < best and metres <= reach:
                dropped = _after(n, f, here, y, done)
                holds = dropped >= 0.0 and _holds_before(n, f, r, j + 1, y, dropped)
                holds = holds and not (blink > 0.0 and uniform(n) < blink)
                if holds and (not drive or _drives(n, f, r, x, i, y, j)):
                    best, first, second = cost, i, j
            if j == count:
                break
            done = _after(n, f, here, c, done)
            row = clock + (j + 1) * at.CLOCK_WIDTH
            if done < 0.0 or done > f[row + at.LAST_END] + EPS or not _pair_fits(n, f, r, j + 1, q):
                break
            here, ph = c, pc
    return best, first, second


@compiled
def _drives(n: Arena, f: Arena, r: int, x: int, i: int, y: int, j: int) -> bool:
    """Whether the route with `x` after position i (and `y` after j) holds in every respect but the load."""
    seq, out, m = n[at.ROUTE] + r * n[at.LONGEST], n[at.SCRATCH], 0
    for k in range(n[n[at.LENGTH] + r] + 1):
        if k > 0:
            n[out + m] = n[seq + k]
            m += 1
        if k == i:
            n[out + m] = x
            m += 1
        if k == j and y >= 0:
            n[out + m] = y
            m += 1
    return drive_through(n, f, n[n[at.SLOT_TYPE] + r], m)
