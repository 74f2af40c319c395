"""Road servers: what their tables mean, and what is refused by name.

The real servers are tried where YINONG_TEST_OSRM_URL or YINONG_TEST_VALHALLA_URL names one that serves the
middle of Helsinki (docs/decisions/0007-road-servers.md tells how).
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
import pytest

from marketplace.kernel.geo import LonLat, great_circle_m
from routing.solver.roads import BLOCK, SERVERS, RoadServer, RoadServerError, ask_blocks
from tests.factories.road_server import ISLAND, RoadServerDouble, metres, road_server

HERE, THERE, ELSEWHERE = (115.0, 28.0), (115.2, 28.1), (121.0, 28.0)
HELSINKI = [(24.94, 60.17), (24.95, 60.175), (24.935, 60.165)]


@pytest.fixture(scope="module")
def shared() -> Iterator[RoadServerDouble]:
    with road_server() as double:
        yield double


@pytest.fixture
def double(shared: RoadServerDouble) -> RoadServerDouble:
    shared.asked.clear()
    shared.broken = shared.garbled = None
    return shared


@pytest.fixture(params=sorted(SERVERS))
def server(request: pytest.FixtureRequest, double: RoadServerDouble) -> RoadServer:
    return SERVERS[request.param](double.url + "/")


def test_a_table_is_metres_and_seconds(server: RoadServer) -> None:
    table = server.table([HERE, THERE], [HERE, THERE, (115.0, 28.3)])
    assert table.distance_m.tolist() == [[0, 30_000, 30_000], [30_000, 0, 40_000]]
    assert table.time_s.tolist() == [[0, 3_000, 3_000], [3_000, 0, 4_000]]


def test_where_no_road_leads_there_is_no_number(server: RoadServer) -> None:
    table = server.table([ISLAND, HERE], [HERE, ISLAND])
    assert np.isnan(table.distance_m).tolist() == [[True, False], [False, False]]
    assert np.isnan(table.time_s).tolist() == [[True, False], [False, False]]


def test_a_point_far_from_every_road_is_not_reached_by_way_of_another(server: RoadServer) -> None:
    table = server.table([HERE, ELSEWHERE], [THERE, ELSEWHERE])
    assert np.isnan(table.distance_m).tolist() == [[False, True], [True, True]]


def test_only_blocks_with_a_missing_cell_are_asked(server: RoadServer, double: RoadServerDouble) -> None:
    points = [(115 + k / 1000, 28.0) for k in range(2 * BLOCK + 1)]
    missing = ~np.eye(len(points), dtype=bool)
    seen = np.zeros_like(missing)
    for rows, columns, table in ask_blocks(server, points, missing, seconds=60):
        seen[np.ix_(rows, columns)] = True
        assert table.distance_m[0, -1] == round(metres(points[rows[0]], points[columns[-1]]))
    assert seen[missing].all()
    assert sorted(double.asked) == [*[BLOCK] * 4, *[BLOCK * BLOCK] * 4]
    double.asked.clear()
    missing[:] = False
    missing[7, :] = missing[:, 7] = True  # a place is new
    list(ask_blocks(server, points, missing, seconds=60))
    assert sum(double.asked) < len(points) ** 2 / 2


def test_a_planner_does_not_wait_for_ever(server: RoadServer) -> None:
    with pytest.raises(RoadServerError, match="not all asked") as refused:
        list(ask_blocks(server, [HERE, THERE], np.ones((2, 2), bool), seconds=-1))
    assert not refused.value.permanent


@pytest.mark.parametrize("garbled", [{"code": "InvalidQuery"}, {"sources_to_targets": [], "distances": 3}])
def test_another_answer_is_refused_by_name(server: RoadServer, double: RoadServerDouble, garbled) -> None:
    double.garbled = garbled if server.name == "osrm" else {"sources_to_targets": None} | garbled
    if server.name == "valhalla":
        double.garbled = {"sources_to_targets": {"distances": [[1]], "durations": [[2, 3]]}}
    with pytest.raises(RoadServerError, match=server.name) as refused:
        server.table([HERE], [HERE, THERE])
    assert refused.value.permanent


def test_negative_cells_are_named(double: RoadServerDouble) -> None:
    double.garbled = {"distances": [[0, -5]]}
    with pytest.raises(RoadServerError, match=r"distances\[0\]\[1\] is -5"):
        SERVERS["osrm"](double.url).table([HERE], [HERE, THERE])


def test_a_server_that_fails_may_be_asked_again(server: RoadServer, double: RoadServerDouble) -> None:
    double.broken = 503
    with pytest.raises(RoadServerError, match="status 503") as refused:
        server.table([HERE], [THERE])
    assert not refused.value.permanent


def test_nobody_listens() -> None:
    with pytest.raises(RoadServerError, match="ConnectError") as refused:
        SERVERS["osrm"]("http://127.0.0.1:9").table([HERE], [THERE])
    assert not refused.value.permanent


@pytest.mark.parametrize("name", sorted(SERVERS))
def test_the_real_server(name: str) -> None:
    url = os.environ.get(f"YINONG_TEST_{name.upper()}_URL")
    if not url:
        pytest.skip(f"YINONG_TEST_{name.upper()}_URL names no {name} server with Helsinki's roads")
    table = SERVERS[name](url).table([*HELSINKI, (10.0, 50.0)], HELSINKI)
    straight = np.array([[great_circle_m(LonLat(*a), LonLat(*b)) for b in HELSINKI] for a in HELSINKI])
    assert np.isnan(table.distance_m[3]).all()
    told = ~np.isnan(table.distance_m[:3])
    assert told.sum() >= 6  # the extract is cut: some roads lead out of it
    assert (table.distance_m[:3] >= straight - 120)[told].all()  # both ends are snapped to a road
    assert (table.distance_m[:3] <= 5 * straight + 500)[told].all()
    assert (table.time_s[:3][told & ~np.eye(3, dtype=bool)] > 0).all()
