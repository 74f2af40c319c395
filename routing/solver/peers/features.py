"""What a problem asks for beyond vehicles, windows, room and pairs: where solvers differ."""

from __future__ import annotations

from enum import StrEnum

from routing.solver.problem import Problem
from routing.solver.terms import CONFLICTS


class Feature(StrEnum):
    """A rule that some solver lacks."""

    OPTIONS = "options"
    SLOTS = "slots shared by vehicles"
    LEVELS = "service levels"
    COLD = "cold budget"
    SEGREGATION = "segregation"
    BREAKS = "breaks"
    CLOSED = "closed roads"
    RANGE = "range"
    TERMS = "release or return times"
    PROMISES = "promised stops or vehicles"
    ACCESS = "access limits"


def features(problem: Problem) -> frozenset[Feature]:
    """Which of them a problem really asks for."""
    shipments, vans = problem.shipments, problem.vehicles
    goods = {item.goods for item in shipments} | {kind for place in problem.places for kind in place.holds}
    asked = {
        Feature.OPTIONS: any(len(item.options) > 1 for item in shipments),
        Feature.SLOTS: any(place.cells is not None for place in problem.places),
        Feature.LEVELS: bool(problem.objective.service_levels),
        Feature.COLD: any(item.cold_budget_s is not None for item in shipments),
        Feature.SEGREGATION: any(pair <= goods for pair in CONFLICTS),
        Feature.BREAKS: any(van.breaks for van in vans),
        Feature.CLOSED: bool(problem.closed),
        Feature.RANGE: any(van.max_distance_m is not None for van in vans),
        Feature.TERMS: any(item.release_s is not None or item.due_s is not None for item in shipments),
        Feature.PROMISES: any(van.locked for van in vans) or any(item.vehicles for item in shipments),
        Feature.ACCESS: any(place.needs for place in problem.places),
    }
    return frozenset(feature for feature, there in asked.items() if there)
