"""A plan as frozen data: what every engine returns, every format writes and `check` judges."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from routing.solver import guards
from routing.solver.guards import Number
from routing.solver.terms import Reason, Size


class Action(StrEnum):
    """What happens to a shipment at a stop, seen from the vehicle."""

    DROP = "drop"
    COLLECT = "collect"


@dataclass(frozen=True, slots=True)
class Handling:
    """One shipment at one stop. `cell`: class of the compartment that it goes into, if it goes into one.

    `option` is the option that serves the shipment, also at the collection of a pair.
    """

    shipment: str
    option: str
    action: Action
    cell: Size | None = None


@dataclass(frozen=True, slots=True)
class Visit:
    """One stop. Service begins at `start_s`; the set-up time, then each handling's service follows.

    `reload`: the vehicle is back at its start place, gives off what it collected and loads again.
    """

    place: str
    arrival_s: Number
    start_s: Number
    depart_s: Number
    handlings: tuple[Handling, ...] = ()
    reload: bool = False

    def __post_init__(self) -> None:
        for label in ("arrival_s", "start_s", "depart_s"):
            guards.number(getattr(self, label), label, low=None)


@dataclass(frozen=True, slots=True)
class Route:
    """What one vehicle does. Metres and cost are the engine's own account; `check` counts again."""

    vehicle: str
    depart_s: Number
    return_s: Number
    visits: tuple[Visit, ...]
    distance_m: Number
    cost: Number

    def __post_init__(self) -> None:
        guards.number(self.depart_s, "depart_s", low=None)
        guards.number(self.return_s, "return_s", low=None)
        guards.number(self.distance_m, "distance_m")
        guards.number(self.cost, "cost")

    def handlings(self) -> tuple[Handling, ...]:
        """All handlings in driving order."""
        return tuple(h for visit in self.visits for h in visit.handlings)


@dataclass(frozen=True, slots=True)
class Unserved:
    """A shipment that the plan leaves, and what stood in its way at the most promising place."""

    shipment: str
    reason: Reason
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Solution:
    """A plan. `cost` counts vehicles, km, hours, compensation and preference, not what is unserved."""

    problem: str
    routes: tuple[Route, ...]
    unserved: tuple[Unserved, ...]
    cost: Number
    engine: str = ""
    seed: int = 0

    def chosen(self) -> dict[str, str]:
        """Option by served shipment."""
        return {h.shipment: h.option for route in self.routes for h in route.handlings()}
