"""Times and loads of one route in compiled code, recomputed after each change.

Forward times (earliest end of service), backward times (latest start and end) and the highest load before
and after each position let `scan` answer for windows, shift and room in O(1). In all compiled functions `n`
and `f` are the arenas of layout.py, `r` is a slot, `x` and `y` are nodes, `q` is a request.
"""

from __future__ import annotations

from routing.solver.engines.yinong import layout as at
from routing.solver.engines.yinong.compiling import DELIVER, DROP, EPS, Arena, compiled

# mypy: disable-error-code="no-any-return"


@compiled
def uniform(n: Arena) -> float:
    """The next number of a 64-bit linear congruential generator (Knuth) in [0, 1), by its high bits."""
    n[at.RANDOM] = n[at.RANDOM] * 6364136223846793005 + 1442695040888963407
    return ((n[at.RANDOM] >> 20) & 0xFFFFFFFFFF) / 1099511627776.0


@compiled
def refresh(n: Arena, f: Arena, r: int) -> None:
    """Recompute everything about a route from its sequence of nodes."""
    t, count, nodes = n[n[at.SLOT_TYPE] + r], n[n[at.LENGTH] + r], n[at.NODE]
    seq, here = n[at.ROUTE] + r * n[at.LONGEST], n[at.HERE] + r * n[at.LONGEST] * at.HERE_WIDTH
    n[seq] = n[n[at.TYPE_START] + 2 * t]
    n[seq + count + 1] = n[n[at.TYPE_START] + 2 * t + 1]
    positions, version = n[at.POSITION], at.EMPTY_VERSION
    for i in range(count + 2):
        x = n[seq + i]
        version = (version ^ x) * 1099511628211
        n[here + i * at.HERE_WIDTH] = n[nodes + x * at.NODE_WIDTH + at.PLACE]
        n[here + i * at.HERE_WIDTH + 1] = n[nodes + x * at.NODE_WIDTH + at.SITE]
        if 0 < i <= count:
            n[positions + x] = i
    n[n[at.VERSION] + r] = version
    depart = f[n[at.TYPE_VALUES] + t * at.TYPE_VALUES_WIDTH + at.SHIFT_OPENS]
    if n[at.PLAIN] != 0:
        _forward(n, f, r, depart)
        n[n[at.FRAGILE] + r] = 1 if n[at.BREAKS] > 0 else 0
    else:
        depart, fragile, most = _terms(n, f, r, depart)
        _forward(n, f, r, depart)
        n[n[at.FRAGILE] + r] = 1 if fragile or most < n[n[at.STOPS] + r] + 2 else 0
    _backward(n, f, r)
    f[n[at.SPARE] + r] = at.NEVER
    for k in range(n[at.COLUMNS]):
        if n[at.ALL_DOWN] != 0:
            _load_at_start(n, f, r, k)
        else:
            _loads(n, f, r, k)


@compiled
def _terms(n: Arena, f: Arena, r: int, depart: float) -> tuple[float, bool, float]:
    """(earliest departure, whether O(1) answers never suffice, fewest stops that a shipment allows)."""
    t, count = n[n[at.SLOT_TYPE] + r], n[n[at.LENGTH] + r]
    seq, goods = n[at.ROUTE] + r * n[at.LONGEST], n[at.ROUTE_GOODS] + 3 * r
    exposed, due, most = False, at.NEVER, at.NEVER
    n[goods] = n[goods + 1] = n[goods + 2] = 0
    for i in range(1, count + 1):
        q = n[n[at.NODE] + n[seq + i] * at.NODE_WIDTH + at.OF_REQUEST]
        v = n[at.REQUEST_VALUES] + q * at.REQUEST_VALUES_WIDTH
        depart = max(depart, f[v + at.RELEASE])
        exposed |= n[n[at.EXPOSED] + t * n[at.REQUESTS] + q] != 0
        due = min(due, f[v + at.DUE_BACK])
        most = min(most, f[n[at.MOST_STOPS] + t * n[at.REQUESTS] + q])
        n[goods + n[n[at.REQUEST] + q * at.REQUEST_WIDTH + at.GOODS]] += 1
    return depart, exposed or n[at.BREAKS] > 0 or due < at.NEVER, most


@compiled
def _forward(n: Arena, f: Arena, r: int, depart: float) -> None:
    """Earliest times, legs, stops, metres and cost."""
    count, all_times = n[n[at.LENGTH] + r], n[at.NODE_TIMES]
    seq, here = n[at.ROUTE] + r * n[at.LONGEST], n[at.HERE] + r * n[at.LONGEST] * at.HERE_WIDTH
    row = n[at.CLOCK] + r * n[at.LONGEST] * at.CLOCK_WIDTH
    places, distance, time = n[at.PLACES], n[at.DISTANCE], n[at.TIME]
    metres, waited, slack, choice, stops, now = 0.0, 0.0, at.NEVER, 0.0, 0, depart
    f[row + at.READY] = now
    place, site = n[here], n[here + 1]
    for i in range(1, count + 1):
        times = all_times + n[seq + i] * at.NODE_TIMES_WIDTH
        there, there_site = n[here + i * at.HERE_WIDTH], n[here + i * at.HERE_WIDTH + 1]
        way = place * places + there
        f[row + at.LEG_M], f[row + at.LEG_S] = f[distance + way], f[time + way]
        row += at.CLOCK_WIDTH
        if there_site == site:
            now += f[times + at.SERVICE]
        else:
            arrival = now + f[time + way]
            start = max(arrival, f[times + at.OPENS])
            waited += start - arrival
            slack = min(slack, waited + f[times + at.CLOSES] - start)
            now = start + f[times + at.SETUP] + f[times + at.SERVICE]
            metres += f[distance + way]
            stops += 1
        choice += f[times + at.CHOICE]
        f[row + at.READY] = now
        place, site = there, there_site
    way = place * places + n[here + (count + 1) * at.HERE_WIDTH]
    back = now + f[time + way]
    f[row + at.LEG_M] = f[distance + way] if count > 0 else 0.0
    f[row + at.LEG_S] = f[time + way] if count > 0 else 0.0
    f[row + at.CLOCK_WIDTH + at.READY] = back
    n[n[at.STOPS] + r] = stops
    closes = f[n[at.TYPE_VALUES] + n[n[at.SLOT_TYPE] + r] * at.TYPE_VALUES_WIDTH + at.SHIFT_CLOSES]
    later = max(0.0, min(waited, min(slack, waited + closes - back)))
    _price(n, f, r, metres + f[distance + way], choice, back - depart - later)


@compiled
def _price(n: Arena, f: Arena, r: int, metres: float, choice: float, lasts: float) -> None:
    """Metres and cost of a route that lasts so many seconds."""
    kind = n[at.TYPE_VALUES] + n[n[at.SLOT_TYPE] + r] * at.TYPE_VALUES_WIDTH
    values = n[at.ROUTE_VALUES] + r * at.ROUTE_VALUES_WIDTH
    if n[n[at.LENGTH] + r] == 0:
        f[values + at.METRES] = f[values + at.COST] = 0.0
        return
    f[values + at.METRES] = metres
    f[values + at.COST] = f[kind + at.FIXED] + metres * f[kind + at.PER_METRE] + choice
    f[values + at.COST] += lasts * f[kind + at.PER_SECOND]


@compiled
def _backward(n: Arena, f: Arena, r: int) -> None:
    """Latest times."""
    t, count, all_times = n[n[at.SLOT_TYPE] + r], n[n[at.LENGTH] + r], n[at.NODE_TIMES]
    seq, here = n[at.ROUTE] + r * n[at.LONGEST], n[at.HERE] + r * n[at.LONGEST] * at.HERE_WIDTH
    end = f[n[at.TYPE_VALUES] + t * at.TYPE_VALUES_WIDTH + at.SHIFT_CLOSES]
    start, service = end, 0.0
    row = n[at.CLOCK] + (r * n[at.LONGEST] + count + 1) * at.CLOCK_WIDTH
    f[row + at.LAST_START], f[row + at.LAST_END] = start, end
    site = n[here + (count + 1) * at.HERE_WIDTH + 1]
    for i in range(count, -1, -1):
        row -= at.CLOCK_WIDTH
        before = n[here + i * at.HERE_WIDTH + 1]
        if before == site:
            end -= service
        elif count > 0:
            end = start - f[row + at.LEG_S]
        f[row + at.LAST_END] = end
        times = all_times + n[seq + i] * at.NODE_TIMES_WIDTH
        service = f[times + at.SERVICE]
        start = min(f[times + at.CLOSES], end - service - f[times + at.SETUP])
        f[row + at.LAST_START] = start
        site = before


@compiled
def _load_at_start(n: Arena, f: Arena, r: int, k: int) -> None:
    """Load in one column when nothing is collected: it only falls, so the first position tells all."""
    t, columns = n[n[at.SLOT_TYPE] + r], n[at.COLUMNS]
    seq, demand, load = n[at.ROUTE] + r * n[at.LONGEST], n[at.DEMAND] + t * n[at.REQUESTS] * columns + k, 0.0
    for i in range(1, n[n[at.LENGTH] + r] + 1):
        load += f[demand + n[n[at.NODE] + n[seq + i] * at.NODE_WIDTH + at.OF_REQUEST] * columns]
    row = n[at.LOAD] + (r * n[at.LONGEST] + n[n[at.LOCKED] + r]) * columns * at.LOAD_WIDTH
    f[row + k * at.LOAD_WIDTH + at.MOST_BEFORE] = load
    if k == 0:
        f[n[at.SPARE] + r] = f[n[at.CAPACITY] + t * columns] * (1 + EPS) - load


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
