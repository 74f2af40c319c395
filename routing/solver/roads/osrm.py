"""OSRM's table service (HTTP API v1, profile `driving`).

Trap: OSRM takes the nearest road to a point however far it is, and says how far in `distance` of each
waypoint. A point elsewhere gets an answer all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx
import numpy as np

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


class Osrm:
    """`osrm-routed` at a base address."""

    name = "osrm"

    def __init__(self, url: str, client: httpx.Client | None = None) -> None:
        self._url = url.rstrip("/")
        self._client = client or httpx.Client(timeout=TIMEOUT)

    def table(self, sources: Sequence[Point], targets: Sequence[Point]) -> RoadTable:
        """Raises RoadServerError."""
        points = ";".join(f"{lon:.6f},{lat:.6f}" for lon, lat in (*sources, *targets))
        split = len(sources)
        query = {
            "annotations": "duration,distance",
            "sources": ";".join(str(k) for k in range(split)),
            "destinations": ";".join(str(k) for k in range(split, split + len(targets))),
            "generate_hints": "false",
        }
        request = self._client.build_request(
            "GET", f"{self._url}/table/v1/driving/{points}", params=httpx.QueryParams(query)
        )
        answer = exchange(self._client, request, server=self.name)
        if not isinstance(answer, dict) or answer.get("code") != "Ok":
            told = f"{answer.get('code')}: {answer.get('message')}" if isinstance(answer, dict) else answer
            raise RoadServerError(f"osrm: {told}", permanent=True)
        shape = (len(sources), len(targets))
        return joined(
            cells(answer.get("distances"), shape, server=self.name, label="distances"),
            cells(answer.get("durations"), shape, server=self.name, label="durations"),
            _off_the_road(answer.get("sources"), len(sources), "sources"),
            _off_the_road(answer.get("destinations"), len(targets), "destinations"),
        )


def _off_the_road(waypoints: Any, count: int, label: str) -> Flags:
    if not isinstance(waypoints, list) or len(waypoints) != count:
        raise RoadServerError(f"osrm: {label} has not {count} waypoints", permanent=True)
    return np.array([not _near(point) for point in waypoints], bool)


def _near(waypoint: Any) -> bool:
    """Older servers do not say how far the road is; their word is taken."""
    return isinstance(waypoint, dict) and float(waypoint.get("distance", 0.0)) <= SNAP_M
