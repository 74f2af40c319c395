"""Distances between places: a road server's table where one is configured, else great circle x detour.

Answers of the server are kept as rows of `RoadPair`, by position, so that a plan asks only for what is new.
`measure` asks, outside any transaction, before a wave is planned; everybody else reads. What the server could
not reach, and what was never asked, is an estimate; a plan says how many of its pairs are.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from django.conf import settings
from django.db.models import QuerySet

from marketplace.kernel import clock
from marketplace.kernel.geo import LonLat
from routing import rules
from routing.models import RoadPair
from routing.services.quotes.fitting import Flags, Floats, Road
from routing.solver.matrix import Matrix, estimate
from routing.solver.roads import SERVERS, RoadServer, RoadServerError, ask_blocks

log = logging.getLogger(__name__)
Point = LonLat
#: a pair older than this is asked again
KEPT = timedelta(days=90)
#: seconds that a planner waits for the road server altogether
PATIENCE_S = 30.0
BATCH = 5_000


@dataclass(frozen=True, slots=True)
class Distances:
    """`source`: "estimate", "osrm" or "valhalla"; `estimated`: of the ordered pairs, what no server told."""

    matrix: Matrix
    source: str
    pairs: int
    estimated: int

    def told(self) -> dict[str, int | str]:
        """For the plan's metrics."""
        return {"source": self.source, "pairs": self.pairs, "estimated": self.estimated}


def server() -> RoadServer | None:
    """The configured road server."""
    name = server_name()
    urls = {"osrm": settings.OSRM_URL, "valhalla": settings.VALHALLA_URL}
    return SERVERS[name](urls[name]) if name in SERVERS else None


def server_name() -> str:
    if settings.OSRM_URL:
        return "osrm"
    return "valhalla" if settings.VALHALLA_URL else "estimate"


def between(points: Sequence[Point], *, speed_kmh: float) -> Distances:
    """The tables between the points, from what is known; asks nobody."""
    guess = estimate(
        lon=[point.lon for point in points],
        lat=[point.lat for point in points],
        detour=rules.DETOUR,
        speed_kmh=speed_kmh,
    )
    pairs = len(points) * (len(points) - 1)
    name = server_name()
    if name == "estimate":
        return Distances(guess, name, pairs, pairs)
    metres, seconds, _ = _known(name, points)
    told = ~np.isnan(metres)
    matrix = Matrix(np.where(told, metres, guess.distance_m), np.where(told, seconds, guess.time_s))
    return Distances(matrix, name, pairs, int((~told).sum()))


def measure(points: Sequence[Point], by: RoadServer | None = None) -> int:
    """Ask the road server for the pairs that are not known, and keep the answers. Gives the pairs learnt.

    A server that fails is written to the log: what is missing stays an estimate.
    """
    asked = by or server()
    if asked is None:
        return 0
    _, _, known = _known(asked.name, points)
    learnt, pairs = 0, [(point.lon, point.lat) for point in points]
    try:
        for rows, columns, table in ask_blocks(asked, pairs, ~known, seconds=PATIENCE_S):
            learnt += _keep(
                asked.name,
                [points[k] for k in rows],
                [points[k] for k in columns],
                table.distance_m,
                table.time_s,
            )
    except RoadServerError as error:
        log.warning("road server: %s; %s pairs stay estimates", error, int((~known).sum()) - learnt)
    return learnt


def road_between(points: Sequence[Point], *, speed_kmh: float) -> Road:
    """Detour and speed that fit what is known between these points; the estimates where little is."""
    name = server_name()
    if name == "estimate" or len(points) < 2:
        return Road(rules.DETOUR, speed_kmh)
    metres, seconds, _ = _known(name, points)
    told = ~np.isnan(metres) & (metres > 0) & (seconds > 0)
    if told.sum() * 2 < len(points) * (len(points) - 1):
        return Road(rules.DETOUR, speed_kmh)
    straight = estimate(lon=[p.lon for p in points], lat=[p.lat for p in points], detour=1.0).distance_m
    detour = float(metres[told].sum() / max(1.0, straight[told].sum()))
    return Road(max(1.0, detour), float(3.6 * metres[told].sum() / seconds[told].sum()))


def key_of(point: Point) -> int:
    """A position in steps of 1e-5 degrees (a metre) as one whole number."""
    return (round((point.lon + 180) * 1e5) << 25) | round((point.lat + 90) * 1e5)


def _known(name: str, points: Sequence[Point]) -> tuple[Floats, Floats, Flags]:
    """(metres, seconds, whether the server was asked); NaN where it does not tell or was not asked."""
    keys = [key_of(point) for point in points]
    metres = np.where(np.equal.outer(keys, keys), 0.0, math.nan)
    seconds, known = metres.copy(), ~np.isnan(metres)
    at: dict[int, list[int]] = {}
    for index, key in enumerate(keys):
        at.setdefault(key, []).append(index)
    for origin, target, distance_m, time_s in _rows(name, list(at)).values_list(
        "origin", "target", "distance_m", "time_s"
    ):
        cell = np.ix_(at[origin], at[target])
        known[cell] = True
        if distance_m is not None and time_s is not None:
            metres[cell], seconds[cell] = distance_m, time_s
    return metres, seconds, known


def _rows(name: str, keys: list[int]) -> QuerySet[RoadPair]:
    young = clock.now() - KEPT
    return RoadPair.objects.filter(server=name, origin__in=keys, target__in=keys, measured_at__gte=young)


def _keep(
    name: str, sources: Sequence[Point], targets: Sequence[Point], distance_m: Floats, time_s: Floats
) -> int:
    """One block. Two who ask at once write the same."""
    now, rows = clock.now(), dict[tuple[int, int], RoadPair]()
    for i, source in enumerate(sources):
        for j, target in enumerate(targets):
            pair = key_of(source), key_of(target)
            if pair[0] == pair[1]:
                continue
            reached = not math.isnan(distance_m[i, j])
            rows[pair] = RoadPair(
                server=name,
                origin=pair[0],
                target=pair[1],
                distance_m=int(distance_m[i, j]) if reached else None,
                time_s=int(time_s[i, j]) if reached else None,
                measured_at=now,
            )
    RoadPair.objects.bulk_create(
        [rows[pair] for pair in sorted(rows)],
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["server", "origin", "target"],
        update_fields=["distance_m", "time_s", "measured_at"],
    )
    return len(rows)
