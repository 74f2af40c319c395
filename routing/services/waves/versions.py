"""Versions of a plan as rows: what the one before looked like, and what its tours cost on the road."""

from __future__ import annotations

from collections.abc import Iterable

from marketplace.kernel.ids import uuid7
from routing.models import Plan, Route, Stop, StopTask

#: where rows wait while their sequence numbers are dealt out anew
ASIDE = 10_000
_ROUTE_FIELDS = (
    "vehicle",
    "status",
    "distance_m",
    "departs_at",
    "returns_at",
    "started_at",
    "finished_at",
    "courier_uuid",
    "metrics",
)
_STOP_FIELDS = (
    "seq",
    "place",
    "arrives_at",
    "departs_at",
    "status",
    "arrived_at",
    "ended_at",
    "reason",
)


def keep_a_copy(before: Plan, routes: Iterable[Route]) -> None:
    """The tours as they were, as rows of the version before."""
    for route in routes:
        stops = list(route.stops.all())
        copy = Route.objects.create(
            uuid=uuid7(),
            plan=before,
            # The live tours move on in a moment; until then numbers must not meet.
            seq=ASIDE + route.seq,
            **{field: getattr(route, field) for field in _ROUTE_FIELDS},
        )
        copies = Stop.objects.bulk_create(
            Stop(route=copy, **{field: getattr(stop, field) for field in _STOP_FIELDS}) for stop in stops
        )
        StopTask.objects.bulk_create(
            StopTask(stop=twin, leg=task.leg, kind=task.kind, cold_minutes=task.cold_minutes)
            for stop, twin in zip(stops, copies, strict=True)
            for task in stop.tasks.all()
        )


def drive_fen(plan: Plan) -> int:
    """What the tours of a version cost on the road, from their rows."""
    total = 0.0
    for route in Route.objects.filter(plan=plan).select_related("vehicle"):
        van, hours = route.vehicle, (route.returns_at - route.departs_at).total_seconds() / 3600
        total += van.fixed_cost_fen + route.distance_m / 1000 * van.cost_fen_per_km
        total += hours * van.cost_fen_per_h
    return round(total)
