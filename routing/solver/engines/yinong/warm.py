"""Machine code before the clock starts: loaded from disk in a second, compiled once per version.

`make install` runs it ahead.
"""

from __future__ import annotations

from functools import cache

from routing.solver.core.network import Network
from routing.solver.engines.yinong import layout as at
from routing.solver.engines.yinong.anneal import anneal, construct, shrink
from routing.solver.engines.yinong.arrays import compile_arrays
from routing.solver.engines.yinong.book import keep_best, recount
from routing.solver.engines.yinong.ruin import dissolve
from routing.solver.matrix import Matrix
from routing.solver.problem import Compartment, Option, Place, Problem, Shipment, Vehicle, Window
from routing.solver.terms import Direction, Zone


@cache
def warm() -> None:
    """Run every compiled entry point once in this process; all take the two arenas, so once is enough."""
    room = Compartment(Zone.AMBIENT, 10, 10)
    van = Vehicle("v", "h", "h", (room,), Window(0, 100))
    shipment = Shipment("s", Direction.DOWN, (Option("o", "p"),), 1, 1)
    matrix = Matrix([[0, 1], [1, 0]], [[0, 1], [1, 0]])
    problem = Problem("warm", (Place("h"), Place("p")), (van,), (shipment,), matrix)
    arena = compile_arrays(Network.of(problem), seed=1).arena
    n, f = arena.n, arena.f
    recount(n, f)
    f[n[at.TOTAL] + at.BEST] = f[n[at.TOTAL] + at.CURRENT]
    keep_best(n, f)
    construct(n, f)
    anneal(n, f, 1, 1.0, 1.0)
    dissolve(n, f)
    shrink(n, f, 1, 1.0)
