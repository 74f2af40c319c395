"""The closures of a hub as a wave meets them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import QuerySet

from marketplace.places.models import Hub, Place
from routing import rules
from routing.models import RoadClosure
from routing.services.waves.closing import Area, corners, detour
from routing.services.waves.distances import Distances, between
from routing.states import Wave


@dataclass(frozen=True, slots=True)
class Network:
    """`closed`: pairs of places (uuids) without a way; `cut_off`: places (uuids) that no van reaches."""

    roads: Distances
    closed: frozenset[tuple[str, str]] = frozenset()
    cut_off: frozenset[str] = frozenset()


def closures_of(*, hub: Hub, day: date, wave: Wave) -> QuerySet[RoadClosure]:
    """What is closed at any time while the wave's vans are out; they are planned as if all the time."""
    times = rules.WAVES[wave]
    rows = RoadClosure.objects.filter(
        hub=hub, lifted_at=None, from_at__lt=times.closes_at(day), until_at__gt=times.opens_at(day)
    )
    return rows.select_related("place", "other").order_by("pk")


def network_of(*, hub: Hub, day: date, wave: Wave, places: Sequence[Place], speed_kmh: float) -> Network:
    """Distances between the places, the hub first, with ways around what is closed."""
    points = [place.lon_lat for place in places]
    closures = list(closures_of(hub=hub, day=day, wave=wave))
    if not closures:
        return Network(between(points, speed_kmh=speed_kmh))
    at = {place.pk: number for number, place in enumerate(places)}
    areas = [Area(c.place.lon_lat, c.radius_m) for c in closures if c.radius_m is not None]
    ends = [(at.get(c.place_id), at.get(c.other_id)) for c in closures if c.other_id is not None]
    all_points = [*points, *corners(areas)]
    roads = between(all_points, speed_kmh=speed_kmh)
    found = detour(
        all_points,
        roads.matrix,
        places=len(points),
        areas=areas,
        roads=[(a, b) for a, b in ends if a is not None and b is not None],
    )
    names = [str(place.uuid) for place in places]
    pairs = len(points) * (len(points) - 1)
    return Network(
        Distances(found.matrix, roads.source, pairs, min(pairs, roads.estimated)),
        frozenset((names[a], names[b]) for a, b in found.closed),
        frozenset(names[k] for k in found.cut_off),
    )
