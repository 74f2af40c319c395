"""A route driven through whole, in compiled code: for what O(1) answers cannot say.

Breaks, cold budgets, rides outside the zone, releases and returns due, by the rules of core.schedule.
"""

from __future__ import annotations

from routing.solver.engines.yinong import layout as at
from routing.solver.engines.yinong.compiling import COLLECT, DELIVER, EPS, PICK_UP, Arena, compiled

# mypy: disable-error-code="no-any-return"


@compiled
def drive_through(n: Arena, f: Arena, t: int, m: int) -> bool:
    """The rules of core.schedule on the `m` nodes in SCRATCH: windows, breaks, shift, cold, returns due."""
    depart, stops, site = f[n[at.TYPE_VALUES] + t * at.TYPE_VALUES_WIDTH + at.SHIFT_OPENS], 0, -(1 << 40)
    for k in range(m):
        x = n[n[at.SCRATCH] + k]
        node, times = n[at.NODE] + x * at.NODE_WIDTH, n[at.NODE_TIMES] + x * at.NODE_TIMES_WIDTH
        depart = max(
            depart, f[n[at.REQUEST_VALUES] + n[node + at.OF_REQUEST] * at.REQUEST_VALUES_WIDTH + at.RELEASE]
        )
        if n[node + at.SITE] == site:
            f[n[at.STOP_TIMES] + (stops - 1) * at.STOP_TIMES_WIDTH + at.STOP_SERVICE] += f[times + at.SERVICE]
            continue
        site = n[node + at.SITE]
        row = n[at.STOP_TIMES] + stops * at.STOP_TIMES_WIDTH
        n[n[at.STOP_FIRST] + stops] = k
        f[row + at.STOP_OPENS], f[row + at.STOP_CLOSES] = f[times + at.OPENS], f[times + at.CLOSES]
        f[row + at.STOP_SERVICE] = f[times + at.SETUP] + f[times + at.SERVICE]
        stops += 1
    n[n[at.STOP_FIRST] + stops] = m
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
    rest, place, now = 0, n[n[at.NODE] + n[n[at.TYPE_START] + 2 * t] * at.NODE_WIDTH + at.PLACE], depart
    waited, slack = 0.0, at.NEVER
    breaks = n[at.BREAK] + t * n[at.BREAKS] * 3
    while rest < n[at.BREAKS] and f[breaks + 3 * rest + 2] >= 0.0 and depart >= f[breaks + 3 * rest]:
        rest += 1
    for k in range(stops):
        row = n[at.STOP_TIMES] + k * at.STOP_TIMES_WIDTH
        there = n[n[at.NODE] + n[n[at.SCRATCH] + n[n[at.STOP_FIRST] + k]] * at.NODE_WIDTH + at.PLACE]
        arrival = now + f[n[at.TIME] + place * n[at.PLACES] + there]
        start = max(arrival, f[row + at.STOP_OPENS])
        if start > f[row + at.STOP_CLOSES] + EPS:
            return -1.0, 0.0
        waited += start - arrival
        slack = min(slack, waited + f[row + at.STOP_CLOSES] - start)
        f[row + at.STOP_START] = start
        if _has_break(n, f, t, rest) and _rests_waiting(f, breaks + 3 * rest, arrival, start):
            rest += 1
        place, now = there, start + f[row + at.STOP_SERVICE]
        if _has_break(n, f, t, rest) and not _may_rest_later(n, f, t, rest, k, stops, place, now):
            begin = max(now, f[breaks + 3 * rest])
            if begin > f[breaks + 3 * rest + 1] + EPS:
                return -1.0, 0.0
            now = begin + f[breaks + 3 * rest + 2]
            rest += 1
    end = n[n[at.NODE] + n[n[at.TYPE_START] + 2 * t + 1] * at.NODE_WIDTH + at.PLACE]
    back = now + f[n[at.TIME] + place * n[at.PLACES] + end]
    closes = f[n[at.TYPE_VALUES] + t * at.TYPE_VALUES_WIDTH + at.SHIFT_CLOSES]
    if back > closes + EPS:
        return -1.0, 0.0
    return back, min(waited, min(slack, waited + closes - back))


@compiled
def _has_break(n: Arena, f: Arena, t: int, rest: int) -> bool:
    return rest < n[at.BREAKS] and f[n[at.BREAK] + (t * n[at.BREAKS] + rest) * 3 + 2] >= 0.0


@compiled
def _rests_waiting(f: Arena, row: int, arrival: float, start: float) -> bool:
    begin = max(arrival, f[row])
    return begin <= f[row + 1] and begin + f[row + 2] <= start + EPS


@compiled
def _may_rest_later(
    n: Arena, f: Arena, t: int, rest: int, k: int, stops: int, place: int, now: float
) -> bool:
    row = n[at.BREAK] + (t * n[at.BREAKS] + rest) * 3
    if k + 1 == stops:
        end = n[n[at.NODE] + n[n[at.TYPE_START] + 2 * t + 1] * at.NODE_WIDTH + at.PLACE]
        return now + f[n[at.TIME] + place * n[at.PLACES] + end] <= f[row + 1]
    there = n[n[at.NODE] + n[n[at.SCRATCH] + n[n[at.STOP_FIRST] + k + 1]] * at.NODE_WIDTH + at.PLACE]
    stop = n[at.STOP_TIMES] + (k + 1) * at.STOP_TIMES_WIDTH
    arrival = now + f[n[at.TIME] + place * n[at.PLACES] + there]
    start = max(arrival, f[stop + at.STOP_OPENS])
    if start + f[stop + at.STOP_SERVICE] <= f[row + 1]:
        return True
    return _rests_waiting(f, row, arrival, start)


@compiled
def _keeps_cold(n: Arena, f: Arena, t: int, stops: int, depart: float, back: float) -> bool:
    """Door openings while aboard, rides outside the zone, and returns that are due."""
    for k in range(stops):
        for i in range(n[n[at.STOP_FIRST] + k], n[n[at.STOP_FIRST] + k + 1]):
            node = n[at.NODE] + n[n[at.SCRATCH] + i] * at.NODE_WIDTH
            q, kind = n[node + at.OF_REQUEST], n[node + at.KIND]
            values = n[at.REQUEST_VALUES] + q * at.REQUEST_VALUES_WIDTH
            if kind == PICK_UP and back > f[values + at.DUE_BACK] + EPS:
                return False
            if kind == COLLECT:
                n[n[at.BOARDED] + q] = k
                continue
            first = 0 if kind == DELIVER else (k if kind == PICK_UP else n[n[at.BOARDED] + q])
            final = stops - 1 if kind == PICK_UP else k
            if final - first + 1 > f[n[at.MOST_STOPS] + t * n[at.REQUESTS] + q]:
                return False
            if n[n[at.EXPOSED] + t * n[at.REQUESTS] + q] != 0:
                stop = n[at.STOP_TIMES] + k * at.STOP_TIMES_WIDTH
                begin = f[n[at.STOP_TIMES] + first * at.STOP_TIMES_WIDTH + at.STOP_START]
                if kind == DELIVER:
                    begin = depart
                end = back if kind == PICK_UP else f[stop + at.STOP_START] + f[stop + at.STOP_SERVICE]
                if end - begin > f[values + at.BUDGET] + EPS:
                    return False
    return True
