"""One search with an arena of its own, and the part of a run that it is in."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from routing.solver.engines.yinong import layout as at
from routing.solver.engines.yinong.book import recount
from routing.solver.engines.yinong.layout import Arena
from routing.solver.engines.yinong.recombine import RoutePool

#: Temperature at the beginning and at the end, in average legs of the first plan.
HOT, COLD = 0.3, 0.03
#: Routes of so many stops on average are annealed hotter throughout: groups of requests change routes, each
#: time by way of plans that are many legs dearer.
LONG, LONG_HOT, LONG_COLD = 40, 4.0, 0.3


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of a run: its share of time and work, first temperature in legs, whether stops move whole."""

    share: float = 1.0
    hot: float = HOT
    stops: bool = False


WHOLE_RUN = Phase()


@dataclass(slots=True)
class Worker:
    """One search with an arena of its own."""

    arena: Arena
    pool: RoutePool = field(default_factory=RoutePool)
    iterations: int = 0
    call: int = 50

    @property
    def current(self) -> float:
        return float(self.arena.f[self.arena.n[at.TOTAL] + at.CURRENT])

    @property
    def best(self) -> float:
        return float(self.arena.f[self.arena.n[at.TOTAL] + at.BEST])

    def routes(self) -> int:
        """Vehicles in use in the current plan."""
        return int(np.count_nonzero(self.arena.view(at.LENGTH)))

    def absent(self) -> int:
        """Requests that the current plan leaves."""
        return int(np.count_nonzero(self.arena.view(at.ROUTE_OF) < 0))

    def adopt(self, routes: at.Ints, lengths: at.Ints) -> None:
        """Go on from another plan of the same problem."""
        self.arena.view(at.ROUTE)[:] = routes
        self.arena.view(at.LENGTH)[:] = lengths
        recount(self.arena.n, self.arena.f)

    def best_plan(self) -> tuple[at.Ints, at.Ints]:
        """Copies of the best plan's routes and lengths."""
        return self.arena.view(at.BEST_ROUTE).copy(), self.arena.view(at.BEST_LENGTH).copy()

    def current_plan(self) -> tuple[at.Ints, at.Ints]:
        """Copies of the current plan's routes and lengths."""
        return self.arena.view(at.ROUTE).copy(), self.arena.view(at.LENGTH).copy()
