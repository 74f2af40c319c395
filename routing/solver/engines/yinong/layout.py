"""Two flat arenas, integers and floats, that hold everything a search reads and writes.

Compiled functions take these two arrays and nothing else: passing dozens of arrays by value costs more than
the work itself, and takes minutes to compile. The first HEADER integers are the table of contents: for each
table its offset, and a few sizes. A row of a table is read as `n[n[NODE] + x * NODE_WIDTH + PLACE]`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Stands for no limit; far from overflow when added up.
NEVER = 1e15
HEADER = 104

# --- sizes
(SLOTS, TYPES, REQUESTS, PLACES, LONGEST, COLUMNS, LEVELS, BREAKS, NEAR_WIDTH) = range(9)
# --- counters and flags of the running search
(
    STAMP,
    TOUCHED_COUNT,
    REMOVED_COUNT,
    POOL_ROWS,
    POOL_USED,
    MOST_ROUTES,
    RANDOM,
    PLAIN,
    ALL_DOWN,
    USED_COUNT,
) = range(10, 20)
# --- tables of integers: their offsets stand in these places of the header
(
    NODE,
    SECOND_OF_ALTERNATIVE,
    FIRST_OF_ALTERNATIVE,
    ALTERNATIVES_FROM,
    REQUEST,
    ALLOWED,
    EXPOSED,
    CELL_ROOM,
    CABINET_HOLDS,
    LEVEL,
    SLOT_TYPE,
    TYPE_START,
    NEAR,
    PLACE_NODES,
    PLACE_FROM,
    ROUTE,
    LENGTH,
    LOCKED,
    STOPS,
    FRAGILE,
    ROUTE_GOODS,
    POSITION,
    ROUTE_OF,
    NODE_OF,
    SECOND_OF,
    OLD_ROUTE,
    OLD_NODE,
    OLD_SECOND,
    MARKED,
    REMOVED,
    CELLS_USED,
    CABINET_GOODS,
    LEVEL_USED,
    TOUCHED,
    TOUCH_STAMP,
    SAVED_ROUTE,
    SAVED_LENGTH,
    BEST_ROUTE,
    BEST_LENGTH,
    SCRATCH,
    STOP_FIRST,
    BOARDED,
    POOL_NODES,
    POOL_FROM,
    POOL_SLOT,
    VERSION,
    KNOWN,
    KNOWN_AT,
    HERE,
    FROZEN,
    FOREIGN,
    USED,
) = range(20, 72)
# --- tables of floats
(
    DISTANCE,
    TIME,
    NODE_TIMES,
    DEMAND,
    CAPACITY,
    MOST_STOPS,
    REQUEST_VALUES,
    SORT_KEYS,
    TYPE_VALUES,
    BREAK,
    CLOCK,
    LOAD,
    ROUTE_VALUES,
    SAVED_COST,
    SORT_KEY,
    MISSED,
    STOP_TIMES,
    POOL_COST,
    KNOWN_COST,
    TOTAL,
    DISTANCE_TO,
    TIME_TO,
    SPARE,
    LEAST,
    LEVEL_PRICE,
    LEVEL_NOW,
) = range(72, 98)

# --- columns of the rows
NODE_WIDTH = 8
(OF_REQUEST, KIND, PLACE, SITE, CELLS, CABINET, PREFERENCE) = range(7)
NODE_TIMES_WIDTH = 5
(OPENS, CLOSES, SETUP, SERVICE, CHOICE) = range(5)
REQUEST_WIDTH = 5
(GOODS, NEED, WEIGHT) = (0, 1, 4)  # NEED: three columns, one per size
REQUEST_VALUES_WIDTH = 4
(VALUE, BUDGET, RELEASE, DUE_BACK) = range(4)
TYPE_VALUES_WIDTH = 6
(SHIFT_OPENS, SHIFT_CLOSES, FIXED, PER_METRE, PER_SECOND, RANGE) = range(6)
#: Earliest end of the stop, its latest end and start, metres and seconds from here to the next.
CLOCK_WIDTH = 5
(READY, LAST_END, LAST_START, LEG_M, LEG_S) = range(5)
#: Place and site of each position of a route, start and end included.
HERE_WIDTH = 2
LOAD_WIDTH = 3
(AFTER_HERE, MOST_BEFORE, MOST_AFTER) = range(3)
#: A route's version is a hash of its nodes (Fowler, Noll, Vo), so that equal routes are known again.
EMPTY_VERSION = 1469598103934665603
#: What is known of the cheapest insertion of a node into a slot: the version of the route in KNOWN, a lower
#: bound in KNOWN_COST, and the place in KNOWN_AT, packed as first * PACK + second (-1: none found).
PACK = 1 << 20
ROUTE_VALUES_WIDTH = 2
(COST, METRES) = range(2)
STOP_TIMES_WIDTH = 4
(STOP_OPENS, STOP_CLOSES, STOP_SERVICE, STOP_START) = range(4)
(CURRENT, BEST) = range(2)

#: Routes that a search remembers for recombination between two visits of the driver.
POOL_MOST_ROUTES = 4096
POOL_MOST_NODES = 1 << 17


class Arena:
    """The two arenas while they are laid out, and afterwards views of their tables for the driver."""

    def __init__(self) -> None:
        self._ints: list[Ints] = [np.zeros(HEADER, dtype=np.int64)]
        self._floats: list[Floats] = []
        self._sizes = [HEADER, 0]
        self._shapes: dict[int, tuple[int, tuple[int, ...]]] = {}
        self.n: Ints = self._ints[0]
        self.f: Floats = np.zeros(0)

    def set(self, slot: int, value: int) -> None:
        """Write a size or counter into the header."""
        self.n[slot] = value

    def ints(self, slot: int, values: Any) -> None:
        """Add a table of integers."""
        self._add(slot, np.ascontiguousarray(values, dtype=np.int64), 0)

    def floats(self, slot: int, values: Any) -> None:
        """Add a table of floats."""
        self._add(slot, np.ascontiguousarray(values, dtype=np.float64), 1)

    def _add(self, slot: int, values: Any, which: int) -> None:
        self._ints[0][slot] = self._sizes[which]
        self._shapes[slot] = (which, values.shape)
        (self._ints, self._floats)[which].append(values.ravel())
        self._sizes[which] += values.size

    def close(self) -> Arena:
        """Join the tables; from here on views see what compiled code writes."""
        self.n = np.concatenate(self._ints)
        self.f = np.concatenate([*self._floats, np.zeros(1)])
        self._ints, self._floats = [], []
        return self

    def twin(self, *, seed: int) -> Arena:
        """A second search of the same problem, with random numbers of its own."""
        other = Arena()
        other.n, other.f, other._shapes = self.n.copy(), self.f.copy(), self._shapes
        other.n[RANDOM] = random_start(seed)
        return other

    def view(self, slot: int) -> Any:
        """A table in its shape, backed by the arena."""
        which, shape = self._shapes[slot]
        begin = int(self.n[slot])
        return (self.n, self.f)[which][begin : begin + int(np.prod(shape))].reshape(shape)


def random_start(seed: int) -> int:
    """First state of the generator: odd multiples keep seeds apart."""
    return (seed * 0x9E3779B97F4A7C1 + 0x2545F4914F6CDD1) % (1 << 62)


def rows(values: Sequence[Sequence[float]], width: int) -> Floats:
    """Rows of one width as a table, also when there are none."""
    return np.array([[*row, *[0.0] * (width - len(row))] for row in values], dtype=np.float64).reshape(
        -1, width
    )
