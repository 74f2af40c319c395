"""Times and loads of one route in compiled code, recomputed after each change.

Forward times (earliest end of service), backward times (latest start and end) and the highest load before
and after each position let `scan` answer for windows, shift and room in O(1). In all compiled functions `n`
and `f` are the arenas of layout.py, `r` is a slot, `x` and `y` are nodes, `q` is a request.
"""

from __future__ import annotations

from routing.solver.engines.yinong import layout as at
from routing.solver.engines.yinong.compiling import DELIVER, DROP, Arena, compiled

# mypy: disable-error-code="no-any-return"


@compiled
def uniform(n: Arena) -> float:
    """The next number of a 64-bit linear congruential generator (Knuth) in [0, 1), by its high bits."""
    n[at.RANDOM] = n[at.RANDOM] * 6364136223846793005 + 1442695040888963407
    return ((n[at.RANDOM] >> 20) & 0xFFFFFFFFFF) / 1099511627776.0


@compiled
def refresh(n: Arena, f: Arena, r: int) -> None:
    """Recompute everything about a route from its sequence of nodes."""
    t, count = n[n[at.SLOT_TYPE] + r], n[n[at.LENGTH] + r]
    seq = n[at.ROUTE] + r * n[at.LONGEST]
    n[seq] = n[n[at.TYPE_START] + 2 * t]
    n[seq + count + 1] = n[n[at.TYPE_START] + 2 * t + 1]
    depart = f[n[at.TYPE_VALUES] + t * at.TYPE_VALUES_WIDTH + at.SHIFT_OPENS]
    exposed, due, most = False, at.NEVER, at.NEVER
    goods = n[at.ROUTE_GOODS] + 3 * r
    n[goods] = n[goods + 1] = n[goods + 2] = 0
    for i in range(1, count + 1):
        x = n[seq + i]
        q = n[n[at.NODE] + x * at.NODE_WIDTH + at.OF_REQUEST]
        n[n[at.POSITION] + x] = i
        v = n[at.REQUEST_VALUES] + q * at.REQUEST_VALUES_WIDTH
        depart = max(depart, f[v + at.RELEASE])
        exposed |= n[n[at.EXPOSED] + t * n[at.REQUESTS] + q] != 0
        due = min(due, f[v + at.DUE_BACK])
        most = min(most, f[n[at.MOST_STOPS] + t * n[at.REQUESTS] + q])
        n[goods + n[n[at.REQUEST] + q * at.REQUEST_WIDTH + at.GOODS]] += 1
    _forward(n, f, r, depart)
    _backward(n, f, r)
    for k in range(n[at.COLUMNS]):
        _loads(n, f, r, k)
    fragile = exposed or n[at.BREAKS] > 0 or due < at.NEVER or most < n[n[at.STOPS] + r] + 2
    n[n[at.FRAGILE] + r] = 1 if fragile else 0


@compiled
def _forward(n: Arena, f: Arena, r: int, depart: float) -> None:
    t, count = n[n[at.SLOT_TYPE] + r], n[n[at.LENGTH] + r]
    seq, clock = n[at.ROUTE] + r * n[at.LONGEST], n[at.CLOCK] + r * n[at.LONGEST] * at.CLOCK_WIDTH
    kind = n[at.TYPE_VALUES] + t * at.TYPE_VALUES_WIDTH
    places, distance, time = n[at.PLACES], n[at.DISTANCE], n[at.TIME]
    metres, waited, slack, choice, stops = 0.0, 0.0, at.NEVER, 0.0, 0
    now = depart
    f[clock + at.READY] = now
    before = n[at.NODE] + n[seq] * at.NODE_WIDTH
    for i in range(1, count + 1):
        here = n[at.NODE] + n[seq + i] * at.NODE_WIDTH
        times = n[at.NODE_TIMES] + n[seq + i] * at.NODE_TIMES_WIDTH
        if n[here + at.SITE] == n[before + at.SITE]:
            now += f[times + at.SERVICE]
        else:
            way = n[before + at.PLACE] * places + n[here + at.PLACE]
            arrival = now + f[time + way]
            start = max(arrival, f[times + at.OPENS])
            waited += start - arrival
            slack = min(slack, waited + f[times + at.CLOSES] - start)
            now = start + f[times + at.SETUP] + f[times + at.SERVICE]
            metres += f[distance + way]
            stops += 1
        choice += f[times + at.CHOICE]
        f[clock + i * at.CLOCK_WIDTH + at.READY] = now
        before = here
    way = n[before + at.PLACE] * places + n[n[at.NODE] + n[seq + count + 1] * at.NODE_WIDTH + at.PLACE]
    back = now + f[time + way]
    f[clock + (count + 1) * at.CLOCK_WIDTH + at.READY] = back
    metres += f[distance + way]
    later = max(0.0, min(waited, min(slack, waited + f[kind + at.SHIFT_CLOSES] - back)))
    values = n[at.ROUTE_VALUES] + r * at.ROUTE_VALUES_WIDTH
    n[n[at.STOPS] + r] = stops
    f[values + at.METRES] = f[values + at.COST] = 0.0
    if count > 0:
        f[values + at.METRES] = metres
        f[values + at.COST] = f[kind + at.FIXED] + metres * f[kind + at.PER_METRE] + choice
        f[values + at.COST] += (back - depart - later) * f[kind + at.PER_SECOND]


@compiled
def _backward(n: Arena, f: Arena, r: int) -> None:
    t, count = n[n[at.SLOT_TYPE] + r], n[n[at.LENGTH] + r]
    seq, clock = n[at.ROUTE] + r * n[at.LONGEST], n[at.CLOCK] + r * n[at.LONGEST] * at.CLOCK_WIDTH
    end = f[n[at.TYPE_VALUES] + t * at.TYPE_VALUES_WIDTH + at.SHIFT_CLOSES]
    start = end
    f[clock + (count + 1) * at.CLOCK_WIDTH + at.LAST_START] = start
    f[clock + (count + 1) * at.CLOCK_WIDTH + at.LAST_END] = end
    service = 0.0
    for i in range(count + 1, 0, -1):
        here = n[at.NODE] + n[seq + i] * at.NODE_WIDTH
        before = n[at.NODE] + n[seq + i - 1] * at.NODE_WIDTH
        if n[here + at.SITE] == n[before + at.SITE]:
            end -= service
        else:
            end = start - f[n[at.TIME] + n[before + at.PLACE] * n[at.PLACES] + n[here + at.PLACE]]
        row = clock + (i - 1) * at.CLOCK_WIDTH
        f[row + at.LAST_END] = end
        times = n[at.NODE_TIMES] + n[seq + i - 1] * at.NODE_TIMES_WIDTH
        service = f[times + at.SERVICE]
        start = min(f[times + at.CLOSES], end - service - f[times + at.SETUP])
        f[row + at.LAST_START] = start


@compiled
def _loads(n: Arena, f: Arena, r: int, k: int) -> None:
    """Load in one column after each position, and the highest before and after it."""
    t, count, columns = n[n[at.SLOT_TYPE] + r], n[n[at.LENGTH] + r], n[at.COLUMNS]
    seq = n[at.ROUTE] + r * n[at.LONGEST]
    step = columns * at.LOAD_WIDTH
    row = n[at.LOAD] + r * n[at.LONGEST] * step + k * at.LOAD_WIDTH
    demand = n[at.DEMAND] + t * n[at.REQUESTS] * columns + k
    load = 0.0
    for i in range(1, count + 1):
        node = n[at.NODE] + n[seq + i] * at.NODE_WIDTH
        if n[node + at.KIND] == DELIVER:
            load += f[demand + n[node + at.OF_REQUEST] * columns]
    most = load
    f[row + at.AFTER_HERE] = f[row + at.MOST_BEFORE] = load
    for i in range(1, count + 1):
        node = n[at.NODE] + n[seq + i] * at.NODE_WIDTH
        amount = f[demand + n[node + at.OF_REQUEST] * columns]
        if n[node + at.KIND] == DELIVER or n[node + at.KIND] == DROP:
            amount = -amount
        load += amount
        most = max(most, load)
        f[row + i * step + at.AFTER_HERE] = load
        f[row + i * step + at.MOST_BEFORE] = most
    most = load
    for i in range(count, -1, -1):
        most = max(most, f[row + i * step + at.AFTER_HERE])
        f[row + i * step + at.MOST_AFTER] = most
