"""What an engine is: a function of a problem and limits that returns a plan."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from routing.solver import guards
from routing.solver.errors import ProblemError
from routing.solver.problem import Problem
from routing.solver.solution import Solution


@dataclass(frozen=True, slots=True)
class Progress:
    """What a search reports while it runs."""

    engine: str
    stage: str
    elapsed_s: float
    cost: float | None = None
    unserved: int | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """When to stop: seconds, iterations, or a gap; at least one of the first two.

    `gap`: a plan that serves all is good enough when it costs at most this share more than `bound`, or than
    the floor of `routing.solver.floor` when no bound is given.
    With `iterations` and no `seconds` a run depends on nothing but the problem and the seed.
    """

    seconds: float | None = None
    iterations: int | None = None
    gap: float | None = None
    bound: float | None = None
    workers: int = 1

    def __post_init__(self) -> None:
        if self.seconds is None and self.iterations is None:
            raise ProblemError("needs seconds or iterations", path="limits")
        for label in ("seconds", "gap", "bound"):
            if getattr(self, label) is not None:
                guards.number(getattr(self, label), f"limits.{label}")
        if self.iterations is not None:
            guards.integer(self.iterations, "limits.iterations", low=1)
        guards.integer(self.workers, "limits.workers", low=1)


@dataclass(slots=True)
class Watch:
    """The time that a run has left. Without a time limit there is always some."""

    limits: Limits
    started_s: float = field(default_factory=time.monotonic)

    def elapsed(self) -> float:
        return time.monotonic() - self.started_s

    def left(self, *, at_most: float = 1e9) -> float:
        """Seconds left, no more than `at_most`, never below zero."""
        if self.limits.seconds is None:
            return at_most
        return max(0.0, min(at_most, self.limits.seconds - self.elapsed()))


Listener = Callable[[Progress], None]


class Engine(Protocol):
    """Finds a plan. Same problem, seed and iteration limit: same plan. Raises Unsupported by name."""

    name: str

    def solve(self, problem: Problem, *, limits: Limits, seed: int, listen: Listener) -> Solution: ...
