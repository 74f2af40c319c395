"""Taking requests out (compiled): strings of neighbouring requests from nearby routes.

SISR: Christiaens & Vanden Berghe, "Slack Induction by String Removals for Vehicle Routing Problems",
Transportation Science 54 (2020), section 4.
"""

from __future__ import annotations

from routing.solver.engines.yinong import layout as at
from routing.solver.engines.yinong.book import begin, squeeze, take_out, touch
from routing.solver.engines.yinong.clock import uniform
from routing.solver.engines.yinong.compiling import Arena, compiled

# mypy: disable-error-code="no-any-return"

#: Average number of requests taken out, and longest string (SISR's c and L).
AVERAGE_REMOVED = 10.0
LONGEST_STRING = 10.0
#: Where stops have many requests, up to so many times as many are taken out, so that stops can move.
MOST_CROWD = 4.0
#: A string leaves a gap with this chance, which grows while a draw stays above DEPTH (SISR's alpha, beta).
SPLIT = 0.5
DEPTH = 0.01
#: Chance that, instead of strings, a whole stop is taken out, and the most that is taken out with it.
EMPTY_PLACE = 0.05
MOST_AT_PLACE = 60
#: Chance that up to MOST_FREED requests far away give their worse options back, where a level is tight.
FREE_LEVEL = 0.3
MOST_FREED = 3
#: Chance that requests that could come to one place are taken out wherever they are, and the most of them.
GATHER, MOST_GATHERED = 0.2, 6
#: Chance that strings are taken out where the first request could be served instead of where it is.
ELSEWHERE = 0.5
#: Draws of a request to begin with, when a worker owns only some routes.
SEED_DRAWS = 20


@compiled
def _is_locked(n: Arena, q: int, r: int) -> bool:
    """Whether the request is promised where it stands."""
    locked = n[n[at.LOCKED] + r]
    if locked == 0:
        return False
    second = n[n[at.SECOND_OF] + q]
    if second >= 0 and n[n[at.POSITION] + second] <= locked:
        return True
    return n[n[at.POSITION] + n[n[at.NODE_OF] + q]] <= locked


@compiled
def _take_string(n: Arena, f: Arena, r: int, center: int, most: float) -> None:
    """A string of the route round a position, now and then with a gap in it."""
    low, seq = n[n[at.LOCKED] + r] + 1, n[at.ROUTE] + r * n[at.LONGEST]
    count = n[n[at.LENGTH] + r] - n[n[at.LOCKED] + r]
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
        q = n[n[at.NODE] + n[seq + i] * at.NODE_WIDTH + at.OF_REQUEST]
        if n[n[at.ROUTE_OF] + q] == r and not _is_locked(n, q, r):
            take_out(n, f, q)


@compiled
def ruin(n: Arena, f: Arena) -> None:
    """Strings from the routes round a random request (SISR, section 4)."""
    used, served, stops = 0, 0, 0
    for r in range(n[at.SLOTS]):
        if n[n[at.LENGTH] + r] > 0:
            served += n[n[at.LENGTH] + r]
            stops += n[n[at.STOPS] + r]
            used += 1
    if used == 0:
        return
    crowd = min(MOST_CROWD, max(1.0, served / max(1, stops) - 1.0))
    longest = min(LONGEST_STRING * crowd, served / used)
    strings = int(uniform(n) * (4.0 * AVERAGE_REMOVED * crowd / (1.0 + longest) - 1.0) + 1.0)
    seed = _seed(n)
    x = n[n[at.NODE_OF] + seed]
    choices = n[n[at.ALTERNATIVES_FROM] + seed + 1] - n[n[at.ALTERNATIVES_FROM] + seed]
    if x >= 0 and choices > 1 and uniform(n) < EMPTY_PLACE:
        _empty_place(n, f, seed)
        return
    if x >= 0 and choices > 1 and uniform(n) < GATHER:
        _gather(n, f, seed)
    x = _center(n, f, seed)
    near = n[at.NEAR] + n[n[at.NODE] + x * at.NODE_WIDTH + at.PLACE] * n[at.NEAR_WIDTH]
    for k in range(n[at.NEAR_WIDTH]):
        strings -= _ruin_at(n, f, n[near + k], longest, strings)
        if strings <= 0:
            break
    if n[at.LEVELS] > 0 and uniform(n) < FREE_LEVEL:
        _free_level(n, f)
    for k in range(n[at.TOUCHED_COUNT]):
        squeeze(n, f, n[n[at.TOUCHED] + k])


@compiled
def _seed(n: Arena) -> int:
    """A random request, out of the worker's own routes if a few draws find one."""
    seed = int(uniform(n) * n[at.REQUESTS])
    for _ in range(SEED_DRAWS):
        r = n[n[at.ROUTE_OF] + seed]
        if n[n[at.FROZEN] + r] == 0 if r >= 0 else n[n[at.FOREIGN] + seed] == 0:
            break
        seed = int(uniform(n) * n[at.REQUESTS])
    return seed


@compiled
def _ruin_at(n: Arena, f: Arena, place: int, longest: float, strings: int) -> int:
    """Take a string out of each untouched route that stops at a place; gives the number taken."""
    taken = 0
    for m in range(n[n[at.PLACE_FROM] + place], n[n[at.PLACE_FROM] + place + 1]):
        x = n[n[at.PLACE_NODES] + m]
        q = n[n[at.NODE] + x * at.NODE_WIDTH + at.OF_REQUEST]
        r = n[n[at.ROUTE_OF] + q]
        if r < 0 or n[n[at.FROZEN] + r] != 0 or (n[n[at.NODE_OF] + q] != x and n[n[at.SECOND_OF] + q] != x):
            continue
        if n[n[at.TOUCH_STAMP] + r] == n[at.STAMP] or n[n[at.POSITION] + x] <= n[n[at.LOCKED] + r]:
            continue
        touch(n, f, r)
        _take_string(n, f, r, n[n[at.POSITION] + x], min(longest, float(n[n[at.LENGTH] + r])))
        taken += 1
        if taken >= strings:
            break
    return taken


@compiled
def _free_level(n: Arena, f: Arena) -> None:
    """Take out some requests with worse options anywhere: a service level is shared by the whole plan."""
    wanted = 1 + int(uniform(n) * MOST_FREED)
    for _ in range(12 * wanted):
        q = int(uniform(n) * n[at.REQUESTS])
        r = n[n[at.ROUTE_OF] + q]
        if r < 0 or n[n[at.FROZEN] + r] != 0 or _is_locked(n, q, r):
            continue
        drop = n[n[at.SECOND_OF] + q]
        if drop < 0:
            drop = n[n[at.NODE_OF] + q]
        if n[n[at.NODE] + drop * at.NODE_WIDTH + at.PREFERENCE] > n[n[at.LEVEL]]:
            touch(n, f, r)
            take_out(n, f, q)
            wanted -= 1
            if wanted == 0:
                break


@compiled
def _center(n: Arena, f: Arena, seed: int) -> int:
    """The node round which strings are taken out: where the request is, or where it could be."""
    first = n[at.ALTERNATIVES_FROM] + seed
    r = n[n[at.ROUTE_OF] + seed]
    if r < 0:
        return n[n[at.FIRST_OF_ALTERNATIVE] + n[first]]
    if n[first + 1] - n[first] < 2 or uniform(n) >= ELSEWHERE:
        return n[n[at.NODE_OF] + seed]
    if n[n[at.FROZEN] + r] == 0 and not _is_locked(n, seed, r):
        touch(n, f, r)
        take_out(n, f, seed)
    return _some_drop(n, seed)


@compiled
def _some_drop(n: Arena, q: int) -> int:
    """The drop of a random alternative of a request."""
    first = n[n[at.ALTERNATIVES_FROM] + q]
    a = first + int(uniform(n) * (n[n[at.ALTERNATIVES_FROM] + q + 1] - first))
    second = n[n[at.SECOND_OF_ALTERNATIVE] + a]
    return n[n[at.FIRST_OF_ALTERNATIVE] + a] if second < 0 else second


@compiled
def _gather(n: Arena, f: Arena, q: int) -> None:
    """Take out some requests that are elsewhere and could come to a place where a request could come, too."""
    place = n[n[at.NODE] + _some_drop(n, q) * at.NODE_WIDTH + at.PLACE]
    taken = 0
    for m in range(n[n[at.PLACE_FROM] + place], n[n[at.PLACE_FROM] + place + 1]):
        x = n[n[at.PLACE_NODES] + m]
        other = n[n[at.NODE] + x * at.NODE_WIDTH + at.OF_REQUEST]
        r = n[n[at.ROUTE_OF] + other]
        if r < 0 or n[n[at.FROZEN] + r] != 0 or n[n[at.NODE_OF] + other] == x:
            continue
        if uniform(n) < 0.5 and not _is_locked(n, other, r) and taken < MOST_GATHERED:
            touch(n, f, r)
            take_out(n, f, other)
            taken += 1


@compiled
def _empty_place(n: Arena, f: Arena, q: int) -> None:
    """Take out all that is dropped where a request is dropped: a stop can only be saved as a whole."""
    drop = n[n[at.SECOND_OF] + q]
    if drop < 0:
        drop = n[n[at.NODE_OF] + q]
    place = n[n[at.NODE] + drop * at.NODE_WIDTH + at.PLACE]
    for m in range(n[n[at.PLACE_FROM] + place], n[n[at.PLACE_FROM] + place + 1]):
        x = n[n[at.PLACE_NODES] + m]
        other = n[n[at.NODE] + x * at.NODE_WIDTH + at.OF_REQUEST]
        r = n[n[at.ROUTE_OF] + other]
        if r < 0 or n[n[at.FROZEN] + r] != 0:
            continue
        if n[n[at.NODE_OF] + other] != x and n[n[at.SECOND_OF] + other] != x:
            continue
        if n[at.REMOVED_COUNT] >= MOST_AT_PLACE or _is_locked(n, other, r):
            continue
        touch(n, f, r)
        take_out(n, f, other)
    for k in range(n[at.TOUCHED_COUNT]):
        squeeze(n, f, n[n[at.TOUCHED] + k])


@compiled
def dissolve(n: Arena, f: Arena) -> bool:
    """Empty the route whose requests were missed least often; False when none may go."""
    chosen, least = -1, at.NEVER
    for r in range(n[at.SLOTS]):
        if n[n[at.LENGTH] + r] == 0 or n[n[at.LOCKED] + r] > 0:
            continue
        missed = 0.0
        for i in range(1, n[n[at.LENGTH] + r] + 1):
            node = n[at.NODE] + n[n[at.ROUTE] + r * n[at.LONGEST] + i] * at.NODE_WIDTH
            missed += f[n[at.MISSED] + n[node + at.OF_REQUEST]]
        if missed < least:
            chosen, least = r, missed
    if chosen < 0:
        return False
    begin(n)
    touch(n, f, chosen)
    for i in range(1, n[n[at.LENGTH] + chosen] + 1):
        node = n[at.NODE] + n[n[at.ROUTE] + chosen * n[at.LONGEST] + i] * at.NODE_WIDTH
        if n[n[at.ROUTE_OF] + n[node + at.OF_REQUEST]] == chosen:
            take_out(n, f, n[node + at.OF_REQUEST])
    squeeze(n, f, chosen)
    return True
