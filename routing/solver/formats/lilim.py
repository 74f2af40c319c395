"""Pickup and delivery with time windows: Li and Lim 2001. Vehicles first, then real distance.

A plan lists the file's task numbers. A pair is collected at its pickup task and dropped at the other.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from routing.solver.errors import FormatError, ProblemError
from routing.solver.formats.lines import Lines, Row
from routing.solver.formats.solomon import ROUTE, SHIPMENT, fleet
from routing.solver.formats.visits import Step, load_routes, save_routes, timed
from routing.solver.matrix import Floats, Matrix
from routing.solver.problem import Collection, Option, Place, Problem, Shipment, Window
from routing.solver.solution import Action, Solution
from routing.solver.terms import Direction

_TASK = ("TASK NO.", "X", "Y", "DEMAND", "EARLIEST", "LATEST", "SERVICE", "PICKUP", "DELIVERY")


def read_problem(file: Path) -> Problem:
    """Read an instance. Raises FormatError naming line and field."""
    lines = Lines(file)
    count, capacity, _ = lines.numbers(("NUMBER", "CAPACITY", "SPEED"))
    rows: list[Row] = []
    while lines.more():
        row = lines.numbers(_TASK, signed=("X", "Y", "DEMAND"))
        lines.fits(row[3], capacity, row)
        if row[0] != len(rows):
            lines.fail(f"is {row[0]:g} where {len(rows)} should stand", field=_TASK[0])
        if row[5] < row[4]:
            lines.fail(f"task {row[0]:g} closes before it opens", field="LATEST")
        rows.append(row)
    if len(rows) < 3:
        lines.fail("the file ends where tasks should stand (truncated?)", field=_TASK[0])
    vehicles = lines.whole(count, "NUMBER", low=1)
    try:
        return Problem(
            name=file.stem,
            places=tuple(Place(str(int(row[0]))) for row in rows),
            vehicles=fleet(vehicles, capacity, Window(rows[0][4], rows[0][5]), True),
            shipments=tuple(_shipment(lines, rows, row) for row in rows[1:] if row[8] > 0),
            matrix=_matrix(rows),
        )
    except FormatError:
        raise
    except ProblemError as error:
        raise FormatError(error.message, file=str(file), path=error.path) from error


def cost(solution: Solution) -> float:
    """Distance alone: what stands beside the number of routes."""
    return float(sum(route.cost - ROUTE for route in solution.routes))


def read_plan(file: Path, problem: Problem) -> Solution:
    """A plan of task numbers in visiting order."""
    routes, _ = load_routes(file)
    steps = _steps(problem)
    return timed(problem, [[_step(steps, label, file) for label in route] for route in routes])


def write_plan(solution: Solution, problem: Problem, file: Path) -> None:
    """Task numbers in visiting order, and the distance."""
    routes = [
        [int(h.shipment if h.action is Action.COLLECT else h.option) for h in route.handlings()]
        for route in solution.routes
    ]
    save_routes(routes, cost(solution), file)


def _steps(problem: Problem) -> dict[str, Step]:
    steps: dict[str, Step] = {}
    for shipment in problem.shipments:
        steps[shipment.id] = (shipment, shipment.options[0], Action.COLLECT)
        steps[shipment.options[0].id] = (shipment, shipment.options[0], Action.DROP)
    return steps


def _step(steps: dict[str, Step], label: object, file: Path) -> Step:
    if str(label) not in steps:
        raise FormatError(f"points to the unknown task {label!r}", file=str(file), path="routes")
    return steps[str(label)]


def _shipment(lines: Lines, rows: list[Row], row: Row) -> Shipment:
    """The pair that begins at this task; its id is the pickup's number, its option's the delivery's."""
    other = lines.whole(row[8], "DELIVERY", low=1, below=len(rows), row=row)
    drop = rows[other]
    if drop[7] != row[0]:
        lines.fail(f"task {other} is not the delivery of task {row[0]:g}", field="PICKUP", row=drop)
    label, end = str(int(row[0])), str(other)
    return Shipment(
        id=label,
        direction=Direction.PAIR,
        options=(Option(end, end, window=Window(drop[4], drop[5]), service_s=drop[6]),),
        collection=Collection(label, window=Window(row[4], row[5]), service_s=row[6]),
        volume_ml=row[3],
        weight_g=0,
        value_fen=SHIPMENT,
    )


def _matrix(rows: list[Row]) -> Matrix:
    points = np.array([row[1:3] for row in rows])
    ways: Floats = np.hypot(*(points[:, None, :] - points[None, :, :]).transpose(2, 0, 1))
    return Matrix(ways, ways)
