"""What a road server answers, and asking it in blocks.

A cell that the server cannot reach is NaN; so is a cell from or to a point that lies further than `SNAP_M`
from any road: a server would otherwise tell the way to some road elsewhere.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import httpx
import numpy as np
from numpy.typing import NDArray

from routing.solver.errors import SolverError
from routing.solver.matrix import Floats

Point = tuple[float, float]
Flags = NDArray[np.bool_]

#: sources and targets of one question each: what both servers accept as they are shipped
#: (OSRM 100 coordinates a table, Valhalla 2,500 pairs)
BLOCK = 50
#: a point further from every road than this is not reached by road
SNAP_M = 1_000.0
#: seconds to connect, and to wait for an answer
TIMEOUT = httpx.Timeout(20.0, connect=2.0)


class RoadServerError(SolverError):
    """The server did not give a usable table. `permanent`: the same question would fail again."""

    def __init__(self, message: str, *, permanent: bool) -> None:
        super().__init__(message)
        self.permanent = permanent


@dataclass(frozen=True, slots=True)
class RoadTable:
    """Rows are sources, columns targets; NaN where no road leads."""

    distance_m: Floats
    time_s: Floats


class RoadServer(Protocol):
    """Points are (lon, lat) in WGS-84 decimal degrees, at most `BLOCK` on each side."""

    name: str

    def table(self, sources: Sequence[Point], targets: Sequence[Point]) -> RoadTable:
        """Raises RoadServerError."""
        ...


def ask_blocks(
    server: RoadServer, points: Sequence[Point], missing: Flags, *, seconds: float
) -> Iterator[tuple[list[int], list[int], RoadTable]]:
    """(rows, columns, answer) for every block that holds a missing cell, until the seconds are spent.

    Points that miss most come last, so that a new place among known ones costs one row and one column of
    blocks. Raises RoadServerError; what was given before stays good.
    """
    order = [int(k) for k in np.argsort(missing.sum(axis=0) + missing.sum(axis=1), kind="stable")]
    parts = [order[at : at + BLOCK] for at in range(0, len(order), BLOCK)]
    ends = time.monotonic() + seconds
    for rows in parts:
        for columns in parts:
            if not missing[np.ix_(rows, columns)].any():
                continue
            if time.monotonic() > ends:
                raise RoadServerError(f"not all asked within {seconds:g} s", permanent=False)
            yield rows, columns, server.table([points[k] for k in rows], [points[k] for k in columns])


def exchange(client: httpx.Client, request: httpx.Request, *, server: str) -> Any:
    """The JSON of an answer, whatever its status. Raises RoadServerError."""
    try:
        answer = client.send(request)
    except httpx.HTTPError as error:
        raise RoadServerError(f"{server}: {type(error).__name__}: {error}", permanent=False) from error
    if answer.status_code >= 500:
        raise RoadServerError(f"{server}: status {answer.status_code}", permanent=False)
    try:
        return answer.json()
    except ValueError as error:
        message = f"{server}: status {answer.status_code} without JSON"
        raise RoadServerError(message, permanent=True) from error


def cells(rows: Any, shape: tuple[int, int], *, server: str, label: str, unit: float = 1.0) -> Floats:
    """A table of numbers, NaN for null; refuses another shape, a negative or an infinite cell by name."""
    if not isinstance(rows, list) or len(rows) != shape[0]:
        raise RoadServerError(f"{server}: {label} has not {shape[0]} rows", permanent=True)
    table = np.full(shape, math.nan)
    for i, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != shape[1]:
            raise RoadServerError(f"{server}: {label}[{i}] has not {shape[1]} cells", permanent=True)
        for j, cell in enumerate(row):
            if cell is None:
                continue
            if isinstance(cell, bool) or not isinstance(cell, (int, float)) or not 0 <= cell < math.inf:
                raise RoadServerError(f"{server}: {label}[{i}][{j}] is {cell!r}", permanent=True)
            table[i, j] = cell * unit
    return table


def joined(distance_m: Floats, time_s: Floats, off_rows: Flags, off_columns: Flags) -> RoadTable:
    """Whole metres and seconds; NaN in both where either is, and at points off the road."""
    gone = np.isnan(distance_m) | np.isnan(time_s) | off_rows[:, None] | off_columns[None, :]
    return RoadTable(np.where(gone, math.nan, np.rint(distance_m)), np.where(gone, math.nan, np.rint(time_s)))
