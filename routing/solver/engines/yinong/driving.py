"""One route in compiled code: what an insertion costs and whether it holds, in O(1) per position.

Forward times (earliest end of service), backward times (latest start and end) and the highest load before and
after each position answer for windows, shift and room. What they cannot answer (breaks, cold budgets, rides
outside the zone, releases, returns that are due) makes a route *fragile*: a change is then driven through whole.

In all functions `n` and `f` are the arenas of layout.py, `r` is a slot, `x` and `y` are nodes.
"""

from __future__ import annotations

from typing import Any

import numba as nb

from routing.solver.engines.yinong.layout import (
    AFTER_HERE,
    ALLOWED,
    BOARDED,
    BREAK,
    BREAKS,
    BUDGET,
    CAPACITY,
    CHOICE,
    CLOCK,
    CLOCK_WIDTH,
    CLOSES,
    COLUMNS,
    COST,
    DEMAND,
    DISTANCE,
    DUE_BACK,
    EXPOSED,
    FIXED,
    FRAGILE,
    GOODS,
    KIND,
    LAST_END,
    LAST_START,
    LENGTH,
    LOAD,
    LOAD_WIDTH,
    LOCKED,
    LONGEST,
    METRES,
    MOST_AFTER,
    MOST_BEFORE,
    MOST_STOPS,
    NEVER,
    NODE,
    NODE_TIMES,
    NODE_TIMES_WIDTH,
    NODE_WIDTH,
    OF_REQUEST,
    OPENS,
    PER_METRE,
    PER_SECOND,
    PLACE,
    PLACES,
    POSITION,
    RANDOM,
    RANGE,
    READY,
    RELEASE,
    REQUEST,
    REQUEST_VALUES,
    REQUEST_VALUES_WIDTH,
    REQUEST_WIDTH,
    REQUESTS,
    ROUTE,
    ROUTE_GOODS,
    ROUTE_VALUES,
    ROUTE_VALUES_WIDTH,
    SCRATCH,
    SERVICE,
    SETUP,
    SHIFT_CLOSES,
    SHIFT_OPENS,
    SITE,
    SLOT_TYPE,
    STOP_CLOSES,
    STOP_FIRST,
    STOP_OPENS,
    STOP_SERVICE,
    STOP_START,
    STOP_TIMES,
    STOP_TIMES_WIDTH,
    STOPS,
    TIME,
    TYPE_START,
    TYPE_VALUES,
    TYPE_VALUES_WIDTH,
    TYPES,
)

Arena = Any
EPS = 1e-7
DELIVER, PICK_UP, COLLECT, DROP, TERMINAL = range(5)
compiled = nb.njit(nogil=True, cache=True)


@compiled
def uniform(n: Arena) -> float:
    """The next number of a 64-bit linear congruential generator (Knuth) in [0, 1), by its high bits."""
    n[RANDOM] = n[RANDOM] * 6364136223846793005 + 1442695040888963407
    return ((n[RANDOM] >> 20) & 0xFFFFFFFFFF) / 1099511627776.0


@compiled
def refresh(n: Arena, f: Arena, r: int) -> None:
    """Recompute everything about a route from its sequence of nodes."""
    t, count = n[n[SLOT_TYPE] + r], n[n[LENGTH] + r]
    seq = n[ROUTE] + r * n[LONGEST]
    n[seq] = n[n[TYPE_START] + 2 * t]
    n[seq + count + 1] = n[n[TYPE_START] + 2 * t + 1]
    depart = f[n[TYPE_VALUES] + t * TYPE_VALUES_WIDTH + SHIFT_OPENS]
    exposed, due, most = False, NEVER, NEVER
    goods = n[ROUTE_GOODS] + 3 * r
    n[goods] = n[goods + 1] = n[goods + 2] = 0
    for i in range(1, count + 1):
        x = n[seq + i]
        q = n[n[NODE] + x * NODE_WIDTH + OF_REQUEST]
        n[n[POSITION] + x] = i
        v = n[REQUEST_VALUES] + q * REQUEST_VALUES_WIDTH
        depart = max(depart, f[v + RELEASE])
        exposed |= n[n[EXPOSED] + t * n[REQUESTS] + q] != 0
        due = min(due, f[v + DUE_BACK])
        most = min(most, f[n[MOST_STOPS] + t * n[REQUESTS] + q])
        n[goods + n[n[REQUEST] + q * REQUEST_WIDTH + GOODS]] += 1
    _forward(n, f, r, depart)
    _backward(n, f, r)
    for k in range(n[COLUMNS]):
        _loads(n, f, r, k)
    fragile = exposed or n[BREAKS] > 0 or due < NEVER or most < n[n[STOPS] + r] + 2
    n[n[FRAGILE] + r] = 1 if fragile else 0


@compiled
def _forward(n: Arena, f: Arena, r: int, depart: float) -> None:
    t, count = n[n[SLOT_TYPE] + r], n[n[LENGTH] + r]
    seq, clock = n[ROUTE] + r * n[LONGEST], n[CLOCK] + r * n[LONGEST] * CLOCK_WIDTH
    kind = n[TYPE_VALUES] + t * TYPE_VALUES_WIDTH
    places, distance, time = n[PLACES], n[DISTANCE], n[TIME]
    metres, waited, slack, choice, stops = 0.0, 0.0, NEVER, 0.0, 0
    now = depart
    f[clock + READY] = now
    before = n[NODE] + n[seq] * NODE_WIDTH
    for i in range(1, count + 1):
        here = n[NODE] + n[seq + i] * NODE_WIDTH
        times = n[NODE_TIMES] + n[seq + i] * NODE_TIMES_WIDTH
        if n[here + SITE] == n[before + SITE]:
            now += f[times + SERVICE]
        else:
            way = n[before + PLACE] * places + n[here + PLACE]
            arrival = now + f[time + way]
            start = max(arrival, f[times + OPENS])
            waited += start - arrival
            slack = min(slack, waited + f[times + CLOSES] - start)
            now = start + f[times + SETUP] + f[times + SERVICE]
            metres += f[distance + way]
            stops += 1
        choice += f[times + CHOICE]
        f[clock + i * CLOCK_WIDTH + READY] = now
        before = here
    way = n[before + PLACE] * places + n[n[NODE] + n[seq + count + 1] * NODE_WIDTH + PLACE]
    back = now + f[time + way]
    f[clock + (count + 1) * CLOCK_WIDTH + READY] = back
    metres += f[distance + way]
    later = max(0.0, min(waited, min(slack, waited + f[kind + SHIFT_CLOSES] - back)))
    values = n[ROUTE_VALUES] + r * ROUTE_VALUES_WIDTH
    n[n[STOPS] + r] = stops
    f[values + METRES] = f[values + COST] = 0.0
    if count > 0:
        f[values + METRES] = metres
        f[values + COST] = f[kind + FIXED] + metres * f[kind + PER_METRE] + choice
        f[values + COST] += (back - depart - later) * f[kind + PER_SECOND]


@compiled
def _backward(n: Arena, f: Arena, r: int) -> None:
    t, count = n[n[SLOT_TYPE] + r], n[n[LENGTH] + r]
    seq, clock = n[ROUTE] + r * n[LONGEST], n[CLOCK] + r * n[LONGEST] * CLOCK_WIDTH
    end = f[n[TYPE_VALUES] + t * TYPE_VALUES_WIDTH + SHIFT_CLOSES]
    start = end
    f[clock + (count + 1) * CLOCK_WIDTH + LAST_START] = start
    f[clock + (count + 1) * CLOCK_WIDTH + LAST_END] = end
    service = 0.0
    for i in range(count + 1, 0, -1):
        here = n[NODE] + n[seq + i] * NODE_WIDTH
        before = n[NODE] + n[seq + i - 1] * NODE_WIDTH
        if n[here + SITE] == n[before + SITE]:
            end -= service
        else:
            end = start - f[n[TIME] + n[before + PLACE] * n[PLACES] + n[here + PLACE]]
        row = clock + (i - 1) * CLOCK_WIDTH
        f[row + LAST_END] = end
        times = n[NODE_TIMES] + n[seq + i - 1] * NODE_TIMES_WIDTH
        service = f[times + SERVICE]
        start = min(f[times + CLOSES], end - service - f[times + SETUP])
        f[row + LAST_START] = start


@compiled
def _loads(n: Arena, f: Arena, r: int, k: int) -> None:
    """Load in one column after each position, and the highest before and after it."""
    t, count, columns = n[n[SLOT_TYPE] + r], n[n[LENGTH] + r], n[COLUMNS]
    seq = n[ROUTE] + r * n[LONGEST]
    step = columns * LOAD_WIDTH
    row = n[LOAD] + r * n[LONGEST] * step + k * LOAD_WIDTH
    demand = n[DEMAND] + t * n[REQUESTS] * columns + k
    load = 0.0
    for i in range(1, count + 1):
        node = n[NODE] + n[seq + i] * NODE_WIDTH
        if n[node + KIND] == DELIVER:
            load += f[demand + n[node + OF_REQUEST] * columns]
    most = load
    f[row + AFTER_HERE] = f[row + MOST_BEFORE] = load
    for i in range(1, count + 1):
        node = n[NODE] + n[seq + i] * NODE_WIDTH
        amount = f[demand + n[node + OF_REQUEST] * columns]
        if n[node + KIND] == DELIVER or n[node + KIND] == DROP:
            amount = -amount
        load += amount
        most = max(most, load)
        f[row + i * step + AFTER_HERE] = load
        f[row + i * step + MOST_BEFORE] = most
    most = load
    for i in range(count, -1, -1):
        most = max(most, f[row + i * step + AFTER_HERE])
        f[row + i * step + MOST_AFTER] = most


@compiled
def may_join(n: Arena, f: Arena, r: int, x: int) -> bool:
    """Whether access, goods and the least load of the route let a request with first node `x` onto it at all."""
    t, q, kind = (
        n[n[SLOT_TYPE] + r],
        n[n[NODE] + x * NODE_WIDTH + OF_REQUEST],
        n[n[NODE] + x * NODE_WIDTH + KIND],
    )
    if n[n[ALLOWED] + x * n[TYPES] + t] == 0:
        return False
    mine = n[n[REQUEST] + q * REQUEST_WIDTH + GOODS]
    if mine > 0 and n[n[ROUTE_GOODS] + 3 * r + 3 - mine] > 0:
        return False
    columns = n[COLUMNS]
    step = columns * LOAD_WIDTH
    row = n[LOAD] + r * n[LONGEST] * step
    demand = n[DEMAND] + (t * n[REQUESTS] + q) * columns
    for k in range(columns):
        if kind == DELIVER:
            least = f[row + n[n[LOCKED] + r] * step + k * LOAD_WIDTH + MOST_BEFORE]
        elif kind == PICK_UP:
            least = f[row + n[n[LENGTH] + r] * step + k * LOAD_WIDTH + MOST_AFTER]
        else:
            least = 0.0
        if least + f[demand + k] > f[n[CAPACITY] + t * columns + k] * (1 + EPS):
            return False
    return True


@compiled
def _needs_drive(n: Arena, f: Arena, r: int, q: int, more_stops: int) -> bool:
    """Whether O(1) answers do not suffice for this request on this route."""
    t = n[n[SLOT_TYPE] + r]
    values = n[REQUEST_VALUES] + q * REQUEST_VALUES_WIDTH
    if n[n[FRAGILE] + r] != 0 or f[values + DUE_BACK] < NEVER:
        return True
    if f[values + RELEASE] > f[n[CLOCK] + r * n[LONGEST] * CLOCK_WIDTH + READY]:
        return True
    if n[n[EXPOSED] + t * n[REQUESTS] + q] != 0:
        return True
    return f[n[MOST_STOPS] + t * n[REQUESTS] + q] < n[n[STOPS] + r] + 1 + more_stops


@compiled
def scan_single(n: Arena, f: Arena, r: int, x: int, best: float, blink: float) -> tuple[float, int]:  # noqa: C901 - one hot loop
    """(cost, position after which to insert `x`) of the cheapest place below `best`, or (best, -1)."""
    t, count, where = n[n[SLOT_TYPE] + r], n[n[LENGTH] + r], -1
    seq, clock = n[ROUTE] + r * n[LONGEST], n[CLOCK] + r * n[LONGEST] * CLOCK_WIDTH
    node, times = n[NODE] + x * NODE_WIDTH, n[NODE_TIMES] + x * NODE_TIMES_WIDTH
    q, px, sx = n[node + OF_REQUEST], n[node + PLACE], n[node + SITE]
    opens, closes, setup, service = f[times], f[times + CLOSES], f[times + SETUP], f[times + SERVICE]
    kind = n[TYPE_VALUES] + t * TYPE_VALUES_WIDTH
    per_metre, per_second = f[kind + PER_METRE], f[kind + PER_SECOND]
    fixed = f[times + CHOICE] + (f[kind + FIXED] if count == 0 else 0.0)
    places, distance, time = n[PLACES], n[DISTANCE], n[TIME]
    columns = n[COLUMNS]
    step, demand = columns * LOAD_WIDTH, n[DEMAND] + (t * n[REQUESTS] + q) * columns
    loads = n[LOAD] + r * n[LONGEST] * step + (MOST_BEFORE if n[node + KIND] == DELIVER else MOST_AFTER)
    capacity = n[CAPACITY] + t * columns
    drive = _needs_drive(n, f, r, q, 1)
    reach = f[kind + RANGE] - f[n[ROUTE_VALUES] + r * ROUTE_VALUES_WIDTH + METRES]
    a = n[NODE] + n[seq + n[n[LOCKED] + r]] * NODE_WIDTH
    earliest = opens + service
    for i in range(n[n[LOCKED] + r], count + 1):
        b = n[NODE] + n[seq + i + 1] * NODE_WIDTH
        row = clock + (i + 1) * CLOCK_WIDTH
        if f[row + LAST_END] < earliest:
            a = b
            continue
        pa, pb, sa, sb = n[a + PLACE], n[b + PLACE], n[a + SITE], n[b + SITE]
        a = b
        ready = f[clock + i * CLOCK_WIDTH + READY]
        if ready > closes and sa != sx:
            break
        metres = f[distance + pa * places + px] + f[distance + px * places + pb]
        if count > 0:
            metres -= f[distance + pa * places + pb]
        cost = metres * per_metre + fixed
        if cost >= best and per_second == 0.0:
            continue
        onward = f[time + px * places + pb]
        if per_second > 0.0:
            seconds = f[time + pa * places + px] + onward + service
            if count > 0:
                seconds -= f[time + pa * places + pb]
            if sa != sx and sb != sx:
                seconds += setup
            cost += seconds * per_second
            if cost >= best:
                continue
        if sa == sx:
            done = ready + service
        else:
            start = max(ready + f[time + pa * places + px], opens)
            if start > closes:
                continue
            done = start + setup + service
        if sb == sx:
            if (
                done
                > f[row + LAST_END] - f[n[NODE_TIMES] + n[seq + i + 1] * NODE_TIMES_WIDTH + SERVICE] + EPS
            ):
                continue
        elif done + onward > f[row + LAST_START] + EPS:
            continue
        fits = metres <= reach
        for k in range(columns):
            fits &= f[loads + i * step + k * LOAD_WIDTH] + f[demand + k] <= f[capacity + k] * (1 + EPS)
        if not fits or (blink > 0.0 and uniform(n) < blink):
            continue
        if drive and not _drives(n, f, r, x, i, -1, -1):
            continue
        best, where = cost, i
    return best, where


@compiled
def _after(n: Arena, f: Arena, a: int, x: int, ready: float) -> float:
    """Earliest end of service of `x` behind node `a`, or -1 when it is too late."""
    node, before = n[NODE] + x * NODE_WIDTH, n[NODE] + a * NODE_WIDTH
    times = n[NODE_TIMES] + x * NODE_TIMES_WIDTH
    if n[node + SITE] == n[before + SITE]:
        return ready + f[times + SERVICE]
    start = max(ready + f[n[TIME] + n[before + PLACE] * n[PLACES] + n[node + PLACE]], f[times + OPENS])
    if start > f[times + CLOSES]:
        return -1.0
    return start + f[times + SETUP] + f[times + SERVICE]


@compiled
def _pair_fits(n: Arena, f: Arena, r: int, i: int, q: int) -> bool:
    """Whether the load after position i leaves room for the request."""
    t, columns = n[n[SLOT_TYPE] + r], n[COLUMNS]
    row = n[LOAD] + (r * n[LONGEST] + i) * columns * LOAD_WIDTH
    demand = n[DEMAND] + (t * n[REQUESTS] + q) * columns
    for k in range(columns):
        if f[row + k * LOAD_WIDTH + AFTER_HERE] + f[demand + k] > f[n[CAPACITY] + t * columns + k] * (
            1 + EPS
        ):
            return False
    return True


@compiled
def _holds_before(n: Arena, f: Arena, r: int, i: int, y: int, done: float) -> bool:
    """Whether `y`, done at this time, leaves the rest of the route from position i on in time."""
    node, onward = n[NODE] + y * NODE_WIDTH, n[ROUTE] + r * n[LONGEST] + i
    there = n[NODE] + n[onward] * NODE_WIDTH
    row = n[CLOCK] + (r * n[LONGEST] + i) * CLOCK_WIDTH
    if n[there + SITE] == n[node + SITE]:
        return done <= f[row + LAST_END] - f[n[NODE_TIMES] + n[onward] * NODE_TIMES_WIDTH + SERVICE] + EPS
    return done + f[n[TIME] + n[node + PLACE] * n[PLACES] + n[there + PLACE]] <= f[row + LAST_START] + EPS


@compiled
def scan_pair(  # noqa: C901 - one hot loop
    n: Arena, f: Arena, r: int, x: int, y: int, best: float, blink: float
) -> tuple[float, int, int]:
    """(cost, position after which `x`, position after which `y` goes) of the cheapest pair below `best`.

    Both positions count in the route as it is; equal ones put `y` directly behind `x`.
    """
    t, count, first, second = n[n[SLOT_TYPE] + r], n[n[LENGTH] + r], -1, -1
    seq, clock = n[ROUTE] + r * n[LONGEST], n[CLOCK] + r * n[LONGEST] * CLOCK_WIDTH
    q = n[n[NODE] + x * NODE_WIDTH + OF_REQUEST]
    px, py = n[n[NODE] + x * NODE_WIDTH + PLACE], n[n[NODE] + y * NODE_WIDTH + PLACE]
    closes_x = f[n[NODE_TIMES] + x * NODE_TIMES_WIDTH + CLOSES]
    closes_y = f[n[NODE_TIMES] + y * NODE_TIMES_WIDTH + CLOSES]
    kind = n[TYPE_VALUES] + t * TYPE_VALUES_WIDTH
    metre, per_second = f[kind + PER_METRE], f[kind + PER_SECOND]
    fixed = f[n[NODE_TIMES] + y * NODE_TIMES_WIDTH + CHOICE] + (f[kind + FIXED] if count == 0 else 0.0)
    for z in (x, y):
        times = n[NODE_TIMES] + z * NODE_TIMES_WIDTH
        fixed += per_second * (f[times + SERVICE] + f[times + SETUP])
    places, distance, time = n[PLACES], n[DISTANCE], n[TIME]
    reach = f[kind + RANGE] - f[n[ROUTE_VALUES] + r * ROUTE_VALUES_WIDTH + METRES]
    drive = _needs_drive(n, f, r, q, 2)
    for i in range(n[n[LOCKED] + r], count + 1):
        a, b = n[seq + i], n[seq + i + 1]
        pa, pb = n[n[NODE] + a * NODE_WIDTH + PLACE], n[n[NODE] + b * NODE_WIDTH + PLACE]
        ready = f[clock + i * CLOCK_WIDTH + READY]
        if ready > closes_x and n[n[NODE] + a * NODE_WIDTH + SITE] != n[n[NODE] + x * NODE_WIDTH + SITE]:
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
            pc = n[n[NODE] + c * NODE_WIDTH + PLACE]
            if (
                done > closes_y
                and n[n[NODE] + here * NODE_WIDTH + SITE] != n[n[NODE] + y * NODE_WIDTH + SITE]
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
                if holds and not (blink > 0.0 and uniform(n) < blink):
                    if not drive or _drives(n, f, r, x, i, y, j):
                        best, first, second = cost, i, j
            if j == count:
                break
            done = _after(n, f, here, c, done)
            row = clock + (j + 1) * CLOCK_WIDTH
            if done < 0.0 or done > f[row + LAST_END] + EPS or not _pair_fits(n, f, r, j + 1, q):
                break
            here, ph = c, pc
    return best, first, second


@compiled
def _drives(n: Arena, f: Arena, r: int, x: int, i: int, y: int, j: int) -> bool:
    """Whether the route with `x` after position i (and `y` after j) holds in every respect but the load."""
    seq, out, m = n[ROUTE] + r * n[LONGEST], n[SCRATCH], 0
    for k in range(n[n[LENGTH] + r] + 1):
        if k > 0:
            n[out + m] = n[seq + k]
            m += 1
        if k == i:
            n[out + m] = x
            m += 1
        if k == j and y >= 0:
            n[out + m] = y
            m += 1
    return drive_through(n, f, n[n[SLOT_TYPE] + r], m)


@compiled
def drive_through(n: Arena, f: Arena, t: int, m: int) -> bool:
    """The rules of core.schedule on the `m` nodes in SCRATCH: windows, breaks, shift, cold, returns due."""
    depart, stops, site = f[n[TYPE_VALUES] + t * TYPE_VALUES_WIDTH + SHIFT_OPENS], 0, -(1 << 40)
    for k in range(m):
        x = n[n[SCRATCH] + k]
        node, times = n[NODE] + x * NODE_WIDTH, n[NODE_TIMES] + x * NODE_TIMES_WIDTH
        depart = max(depart, f[n[REQUEST_VALUES] + n[node + OF_REQUEST] * REQUEST_VALUES_WIDTH + RELEASE])
        if n[node + SITE] == site:
            f[n[STOP_TIMES] + (stops - 1) * STOP_TIMES_WIDTH + STOP_SERVICE] += f[times + SERVICE]
            continue
        site = n[node + SITE]
        row = n[STOP_TIMES] + stops * STOP_TIMES_WIDTH
        n[n[STOP_FIRST] + stops] = k
        f[row + STOP_OPENS], f[row + STOP_CLOSES] = f[times + OPENS], f[times + CLOSES]
        f[row + STOP_SERVICE] = f[times + SETUP] + f[times + SERVICE]
        stops += 1
    n[n[STOP_FIRST] + stops] = m
    back, later = _drive(n, f, t, stops, depart)
    if back < 0.0:
        return False
    if later > EPS:
        again, _ = _drive(n, f, t, stops, depart + later)
        if again >= 0.0:
            back, depart = again, depart + later
        else:
            back, _ = _drive(n, f, t, stops, depart)
    return _keeps_cold(n, f, t, stops, depart, back)


@compiled
def _drive(n: Arena, f: Arena, t: int, stops: int, depart: float) -> tuple[float, float]:
    """(time back or -1, by how much the departure may be later). Breaks are taken as in core.schedule."""
    rest, place, now = 0, n[n[NODE] + n[n[TYPE_START] + 2 * t] * NODE_WIDTH + PLACE], depart
    waited, slack = 0.0, NEVER
    breaks = n[BREAK] + t * n[BREAKS] * 3
    while rest < n[BREAKS] and f[breaks + 3 * rest + 2] >= 0.0 and depart >= f[breaks + 3 * rest]:
        rest += 1
    for k in range(stops):
        row = n[STOP_TIMES] + k * STOP_TIMES_WIDTH
        there = n[n[NODE] + n[n[SCRATCH] + n[n[STOP_FIRST] + k]] * NODE_WIDTH + PLACE]
        arrival = now + f[n[TIME] + place * n[PLACES] + there]
        start = max(arrival, f[row + STOP_OPENS])
        if start > f[row + STOP_CLOSES] + EPS:
            return -1.0, 0.0
        waited += start - arrival
        slack = min(slack, waited + f[row + STOP_CLOSES] - start)
        f[row + STOP_START] = start
        if _has_break(n, f, t, rest) and _rests_waiting(f, breaks + 3 * rest, arrival, start):
            rest += 1
        place, now = there, start + f[row + STOP_SERVICE]
        if _has_break(n, f, t, rest) and not _may_rest_later(n, f, t, rest, k, stops, place, now):
            begin = max(now, f[breaks + 3 * rest])
            if begin > f[breaks + 3 * rest + 1] + EPS:
                return -1.0, 0.0
            now = begin + f[breaks + 3 * rest + 2]
            rest += 1
    end = n[n[NODE] + n[n[TYPE_START] + 2 * t + 1] * NODE_WIDTH + PLACE]
    back = now + f[n[TIME] + place * n[PLACES] + end]
    closes = f[n[TYPE_VALUES] + t * TYPE_VALUES_WIDTH + SHIFT_CLOSES]
    if back > closes + EPS:
        return -1.0, 0.0
    return back, min(waited, min(slack, waited + closes - back))


@compiled
def _has_break(n: Arena, f: Arena, t: int, rest: int) -> bool:
    return rest < n[BREAKS] and f[n[BREAK] + (t * n[BREAKS] + rest) * 3 + 2] >= 0.0


@compiled
def _rests_waiting(f: Arena, row: int, arrival: float, start: float) -> bool:
    begin = max(arrival, f[row])
    return begin <= f[row + 1] and begin + f[row + 2] <= start + EPS


@compiled
def _may_rest_later(
    n: Arena, f: Arena, t: int, rest: int, k: int, stops: int, place: int, now: float
) -> bool:
    row = n[BREAK] + (t * n[BREAKS] + rest) * 3
    if k + 1 == stops:
        end = n[n[NODE] + n[n[TYPE_START] + 2 * t + 1] * NODE_WIDTH + PLACE]
        return now + f[n[TIME] + place * n[PLACES] + end] <= f[row + 1]
    there = n[n[NODE] + n[n[SCRATCH] + n[n[STOP_FIRST] + k + 1]] * NODE_WIDTH + PLACE]
    stop = n[STOP_TIMES] + (k + 1) * STOP_TIMES_WIDTH
    arrival = now + f[n[TIME] + place * n[PLACES] + there]
    start = max(arrival, f[stop + STOP_OPENS])
    if start + f[stop + STOP_SERVICE] <= f[row + 1]:
        return True
    return _rests_waiting(f, row, arrival, start)


@compiled
def _keeps_cold(n: Arena, f: Arena, t: int, stops: int, depart: float, back: float) -> bool:
    """Door openings while aboard, rides outside the zone, and returns that are due."""
    for k in range(stops):
        for i in range(n[n[STOP_FIRST] + k], n[n[STOP_FIRST] + k + 1]):
            node = n[NODE] + n[n[SCRATCH] + i] * NODE_WIDTH
            q, kind = n[node + OF_REQUEST], n[node + KIND]
            values = n[REQUEST_VALUES] + q * REQUEST_VALUES_WIDTH
            if kind == PICK_UP and back > f[values + DUE_BACK] + EPS:
                return False
            if kind == COLLECT:
                n[n[BOARDED] + q] = k
                continue
            first = 0 if kind == DELIVER else (k if kind == PICK_UP else n[n[BOARDED] + q])
            final = stops - 1 if kind == PICK_UP else k
            if final - first + 1 > f[n[MOST_STOPS] + t * n[REQUESTS] + q]:
                return False
            if n[n[EXPOSED] + t * n[REQUESTS] + q] != 0:
                stop = n[STOP_TIMES] + k * STOP_TIMES_WIDTH
                begin = f[n[STOP_TIMES] + first * STOP_TIMES_WIDTH + STOP_START]
                if kind == DELIVER:
                    begin = depart
                end = back if kind == PICK_UP else f[stop + STOP_START] + f[stop + STOP_SERVICE]
                if end - begin > f[values + BUDGET] + EPS:
                    return False
    return True
