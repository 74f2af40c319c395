"""A road server for tests: real HTTP, the answers' shapes as OSRM 26.10 and Valhalla 3.9.1 gave them.

On its map a road leads along the meridians and parallels, 100 km a degree at 36 km/h, and nothing lies east
of `SHORE`: a point there is snapped to the shore, as OSRM does, or has no edges, as Valhalla says. From
`ISLAND` no road leads on.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

SHORE = 118.0
ISLAND = (116.5, 28.5)
OSRM_MOST, VALHALLA_MOST = 100, 2_500
Point = tuple[float, float]


def metres(a: Point, b: Point) -> float:
    return 100_000 * (abs(a[0] - b[0]) + abs(a[1] - b[1]))


class RoadServerDouble(ThreadingHTTPServer):
    """`asked`: cells of each table asked for; `broken`: status that it answers instead."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[int] = []
        self.broken: int | None = None
        self.garbled: dict[str, Any] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: RoadServerDouble

    def log_message(self, *args: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        points = [tuple(map(float, pair.split(","))) for pair in url.path.rsplit("/", 1)[1].split(";")]
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        if len(points) > OSRM_MOST:
            return self._answer(400, {"code": "TooBig", "message": "Too many table coordinates"})
        sources = [points[int(k)] for k in query["sources"].split(";")]
        targets = [points[int(k)] for k in query["destinations"].split(";")]
        self.server.asked.append(len(sources) * len(targets))
        return self._answer(
            200,
            {
                "code": "Ok",
                "distances": _table(sources, targets, 1.0),
                "durations": _table(sources, targets, 0.1),
                "sources": [_waypoint(point) for point in sources],
                "destinations": [_waypoint(point) for point in targets],
            },
        )

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/locate":
            return self._answer(200, [_located(point) for point in _points(body["locations"])])
        sources, targets = _points(body["sources"]), _points(body["targets"])
        if len(sources) * len(targets) > VALHALLA_MOST:
            return self._refuse(150, "Exceeded max locations: 2500.000000")
        if any(point[0] > SHORE for point in (*sources, *targets)):
            return self._refuse(171, "No suitable edges near location")
        self.server.asked.append(len(sources) * len(targets))
        tables = {
            "durations": _table(sources, targets, 0.1),
            "distances": _table(sources, targets, 0.001),
        }
        return self._answer(
            200, {"sources_to_targets": tables, "units": "kilometers", "algorithm": "costmatrix"}
        )

    def _refuse(self, code: int, why: str) -> None:
        self._answer(400, {"error_code": code, "error": why, "status_code": 400, "status": "Bad Request"})

    def _answer(self, status: int, body: Any) -> None:
        if self.server.garbled is not None and isinstance(body, dict):
            body = body | self.server.garbled
        data = json.dumps(body).encode()
        self.send_response(self.server.broken or status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _points(locations: list[dict[str, float]]) -> list[Point]:
    return [(place["lon"], place["lat"]) for place in locations]


def _table(sources: list[Any], targets: list[Any], unit: float) -> list[list[float | None]]:
    def cell(a: Point, b: Point) -> float | None:
        if a == ISLAND and b != ISLAND:
            return None
        return round(unit * metres((min(a[0], SHORE), a[1]), (min(b[0], SHORE), b[1])), 4)

    return [[cell(a, b) for b in targets] for a in sources]


def _waypoint(point: Any) -> dict[str, Any]:
    on = [min(point[0], SHORE), point[1]]
    return {"location": on, "name": "", "distance": metres(point, (on[0], on[1]))}


def _located(point: Point) -> dict[str, Any]:
    edge = {"way_id": 1, "correlated_lat": point[1], "correlated_lon": point[0], "percent_along": 0.5}
    edges = [] if point[0] > SHORE else [edge]
    return {"input_lat": point[1], "input_lon": point[0], "edges": edges, "nodes": []}


@contextmanager
def road_server() -> Iterator[RoadServerDouble]:
    double = RoadServerDouble()
    thread = threading.Thread(target=double.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield double
    finally:
        double.shutdown()
        double.server_close()
