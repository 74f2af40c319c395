"""VRP with time windows: Solomon 1987, Gehring and Homberger 1999.

Distance only (DIMACS): each arc and time truncated to one decimal. With `routes_first`: vehicles first, then
real distance (the SINTEF convention). A plan lists the file's customer numbers.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from routing.solver.errors import FormatError, ProblemError
from routing.solver.formats.lines import Lines, Row
from routing.solver.formats.visits import Step, load_routes, save_routes, timed
from routing.solver.matrix import Floats, Matrix
from routing.solver.problem import Compartment, Option, Place, Problem, Shipment, Vehicle, Window
from routing.solver.solution import Action, Solution
from routing.solver.terms import Direction, Zone

#: A further route costs more than any distance; what stays unserved costs more than any route.
ROUTE = 1e6
SHIPMENT = 1e9

_CUSTOMER = ("CUST NO.", "XCOORD.", "YCOORD.", "DEMAND", "READY TIME", "DUE DATE", "SERVICE TIME")


def read_problem(file: Path, *, routes_first: bool = False) -> Problem:
    """Read an instance. Raises FormatError naming line and field."""
    lines = Lines(file)
    lines.next("the name of the instance")
    lines.expect("VEHICLE")
    lines.expect("NUMBER CAPACITY")
    count, capacity = lines.numbers(("NUMBER", "CAPACITY"))
    vehicles = lines.whole(count, "NUMBER", low=1)
    lines.expect("CUSTOMER")
    lines.expect("CUST NO.")
    rows: list[Row] = []
    while lines.more():
        row = lines.numbers(_CUSTOMER, signed=("XCOORD.", "YCOORD."))
        lines.fits(row[3], capacity, row)
        if row[0] != len(rows):
            lines.fail(f"is {row[0]:g} where {len(rows)} should stand", field=_CUSTOMER[0])
        if row[5] < row[4]:
            lines.fail(f"customer {row[0]:g} closes before it opens", field="DUE DATE")
        rows.append(row)
    if len(rows) < 2:
        lines.fail("the file ends where customers should stand (truncated?)", field=_CUSTOMER[0])
    scale = 1.0 if routes_first else 10.0
    try:
        return Problem(
            name=file.stem,
            places=tuple(Place(str(int(row[0]))) for row in rows),
            vehicles=fleet(vehicles, capacity, Window(rows[0][4] * scale, rows[0][5] * scale), routes_first),
            shipments=tuple(_shipment(row, scale) for row in rows[1:]),
            matrix=_matrix(rows, real=routes_first),
        )
    except FormatError:
        raise
    except ProblemError as error:
        raise FormatError(error.message, file=str(file), path=error.path) from error


def fleet(count: int, capacity: float, shift: Window, routes_first: bool) -> tuple[Vehicle, ...]:
    """Equal vehicles at place 0; cost is distance, after the number of routes if that comes first."""
    room = Compartment(Zone.AMBIENT, volume_ml=capacity, weight_g=0)
    fixed = ROUTE if routes_first else 0
    return tuple(
        Vehicle(f"v{k}", "0", "0", (room,), shift, fixed_fen=fixed, fen_per_km=1000) for k in range(count)
    )


def cost(solution: Solution, problem: Problem) -> float:
    """Distance as the convention counts it."""
    scale = 1.0 if problem.vehicles[0].fixed_fen else 10.0
    return float(sum(route.cost - problem.vehicles[0].fixed_fen for route in solution.routes)) / scale


def read_plan(file: Path, problem: Problem) -> Solution:
    """A plan of customer numbers in visiting order."""
    routes, _ = load_routes(file)
    return timed(problem, [[step(problem, label, file) for label in route] for route in routes])


def write_plan(solution: Solution, problem: Problem, file: Path) -> None:
    """Customer numbers in visiting order, and the distance."""
    routes = [[int(h.shipment) for h in route.handlings()] for route in solution.routes]
    save_routes(routes, cost(solution, problem), file)


def step(problem: Problem, label: object, file: Path) -> Step:
    """The delivery to a customer. Raises FormatError for an unknown number."""
    number = problem.index.shipments.get(str(label))
    if number is None:
        raise FormatError(f"points to the unknown customer {label!r}", file=str(file), path="routes")
    shipment = problem.shipments[number]
    return shipment, shipment.options[0], Action.DROP


def _shipment(row: list[float], scale: float) -> Shipment:
    label = str(int(row[0]))
    window = Window(row[4] * scale, row[5] * scale)
    option = Option(label, label, window=window, service_s=row[6] * scale)
    return Shipment(label, Direction.DOWN, (option,), volume_ml=row[3], weight_g=0, value_fen=SHIPMENT)


def _matrix(rows: list[Row], *, real: bool) -> Matrix:
    points = np.array([row[1:3] for row in rows])
    ways: Floats = np.hypot(*(points[:, None, :] - points[None, :, :]).transpose(2, 0, 1))
    if not real:
        ways = np.floor(10 * ways + 1e-9)
    return Matrix(ways, ways)
