"""Valhalla's matrix service (`/sources_to_targets`, costing `auto`).

Trap: one point far from every road refuses the whole matrix. So `/locate` is asked first, and only points
near a road go into the matrix.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import httpx
import numpy as np

from marketplace.kernel.geo import LonLat, great_circle_m
from routing.solver.matrix import Floats
from routing.solver.roads.base import (
    SNAP_M,
    TIMEOUT,
    Flags,
    Point,
    RoadServerError,
    RoadTable,
    cells,
    exchange,
    joined,
)

_UNITS = {"kilometers": 1000.0, "miles": 1609.344}


class Valhalla:
    """`valhalla_service` at a base address."""

    name = "valhalla"

    def __init__(self, url: str, client: httpx.Client | None = None) -> None:
        self._url = url.rstrip("/")
        self._client = client or httpx.Client(timeout=TIMEOUT)

    def table(self, sources: Sequence[Point], targets: Sequence[Point]) -> RoadTable:
        """Raises RoadServerError."""
        near = self._near([*sources, *targets])
        rows, columns = np.flatnonzero(near[: len(sources)]), np.flatnonzero(near[len(sources) :])
        distance_m = np.full((len(sources), len(targets)), math.nan)
        time_s = distance_m.copy()
        if len(rows) and len(columns):
            part = np.ix_(rows, columns)
            distance_m[part], time_s[part] = self._matrix(
                [sources[int(k)] for k in rows], [targets[int(k)] for k in columns]
            )
        return joined(distance_m, time_s, ~near[: len(sources)], ~near[len(sources) :])

    def _near(self, points: Sequence[Point]) -> Flags:
        """Whether a road passes within SNAP_M of each point."""
        body = {"locations": _places(points), "costing": "auto", "verbose": False}
        found = self._post("/locate", body)
        if not isinstance(found, list) or len(found) != len(points):
            raise RoadServerError(f"valhalla: {_told(found)}", permanent=True)
        return np.array([_distance_m(p, one) <= SNAP_M for p, one in zip(points, found, strict=True)], bool)

    def _matrix(self, sources: Sequence[Point], targets: Sequence[Point]) -> tuple[Floats, Floats]:
        body = {
            "sources": _places(sources),
            "targets": _places(targets),
            "costing": "auto",
            "verbose": False,
            "units": "kilometers",
        }
        answer = self._post("/sources_to_targets", body)
        table = answer.get("sources_to_targets") if isinstance(answer, dict) else None
        if not isinstance(table, dict):
            raise RoadServerError(f"valhalla: {_told(answer)}", permanent=True)
        shape, unit = (len(sources), len(targets)), _UNITS.get(answer.get("units", ""), 0.0)
        if not unit:
            raise RoadServerError(f"valhalla: unknown units {answer.get('units')!r}", permanent=True)
        return (
            cells(table.get("distances"), shape, server=self.name, label="distances", unit=unit),
            cells(table.get("durations"), shape, server=self.name, label="durations"),
        )

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        request = self._client.build_request("POST", f"{self._url}{path}", json=body)
        return exchange(self._client, request, server=self.name)


def _places(points: Sequence[Point]) -> list[dict[str, float]]:
    return [{"lon": round(lon, 6), "lat": round(lat, 6)} for lon, lat in points]


def _distance_m(point: Point, located: Any) -> float:
    """Metres to the nearest correlated road, infinite without one."""
    edges = located.get("edges") if isinstance(located, dict) else None
    found = [(edge["correlated_lon"], edge["correlated_lat"]) for edge in edges or ()]
    return min((great_circle_m(LonLat(*point), LonLat(*on)) for on in found), default=math.inf)


def _told(answer: Any) -> str:
    if isinstance(answer, dict) and "error" in answer:
        return f"{answer.get('error_code')}: {answer['error']}"
    return "an answer of another shape"
