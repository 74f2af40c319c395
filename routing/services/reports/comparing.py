"""Two plans side by side, and how far a plan is from what could be reached at best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from routing import rules
from routing.models import Plan, Route, Stop

#: a stop that began this much after its time was late
LATE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Figures:
    """What a plan is measured by. `late_min`: minutes over the planned time, of stops that were made late."""

    plan: Plan
    tours: int
    stops: int
    served: int
    unserved: int
    km: float
    hours: float
    cost_fen: int
    co2_g: int
    late_stops: int
    late_min: int
    fen_per_parcel: int


def figures(plans: Sequence[Plan]) -> list[Figures]:
    """One row for each plan, in order; three queries however many plans."""
    routes: dict[int, list[Route]] = {plan.pk: [] for plan in plans}
    for route in Route.objects.filter(plan__in=[plan.pk for plan in plans]).prefetch_related("stops__tasks"):
        routes[route.plan_id].append(route)
    return [_figures(plan, routes[plan.pk]) for plan in plans]


def _figures(plan: Plan, routes: Sequence[Route]) -> Figures:
    stops = [stop for route in routes for stop in route.stops.all()]
    served = len({task.leg_id for stop in stops for task in stop.tasks.all()})
    late = [over for stop in stops if (over := _over(stop)) >= LATE]
    seconds = sum(((route.returns_at - route.departs_at).total_seconds() for route in routes), 0.0)
    return Figures(
        plan=plan,
        tours=len(routes),
        stops=len(stops),
        served=served,
        unserved=plan.unserved.count(),
        km=plan.distance_m / 1000,
        hours=round(seconds / 3600, 2),
        cost_fen=plan.cost_fen,
        co2_g=plan.co2_g or round(plan.distance_m / 1000 * rules.CO2_G_PER_KM),
        late_stops=len(late),
        late_min=round(sum(late, timedelta()).total_seconds() / 60),
        fen_per_parcel=round(plan.cost_fen / served) if served else 0,
    )


def _over(stop: Stop) -> timedelta:
    if stop.arrived_at is None:
        return timedelta()
    return max(timedelta(), stop.arrived_at - stop.arrives_at)
