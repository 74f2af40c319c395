"""VRP with delivery options: Dumez, Lehuédé and Péton 2021; Tilk, Olkis and Irnich 2021.

Routes first, then cost. A window binds the arrival at a location, before its preparation time, which is paid
once per stop; an option's service time is paid per parcel. A location's capacity counts parcels over all
vehicles (-1: no limit). At least 80 % of the customers get priority 0, at least 90 % priority 0 or 1.

Dumez et al.: real Euclidean distances. Tilk et al.: ceil(10 x Euclidean), times x 10, and a window closes 5
(type 2) or 2 (type 1) of the file's units later.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from routing.solver.errors import FormatError, ProblemError
from routing.solver.formats.lines import Lines, Row
from routing.solver.formats.visits import Step, load_routes, save_routes, timed
from routing.solver.matrix import Floats, Matrix
from routing.solver.problem import (
    Cells,
    Compartment,
    Objective,
    Option,
    Place,
    Problem,
    ServiceLevel,
    Shipment,
    Vehicle,
    Window,
)
from routing.solver.solution import Action, Solution
from routing.solver.terms import Direction, Size, Zone

#: A further route costs more than any distance; what stays unserved costs more than any route.
ROUTE = 1e6
SHIPMENT = 1e9
LEVELS = (ServiceLevel(0, 0.8), ServiceLevel(1, 0.9))
#: By how much a window closes later in the convention of Tilk et al., by type of location.
LATER = {1: 2.0, 2: 5.0}

_HEAD = ("VEHICLE", "CAPACITY", "LOCATIONS", "CUSTOMER", "OPTIONS", "PRIORITIES", "NUMTYPS")
_LOCATION = ("LOCATION", "XCOORD", "YCOORD", "CAP", "READY", "DUE", "TYP", "SERVICETIME")
_SIGNED = ("XCOORD", "YCOORD", "CAP")
_OPTION = ("OPTION", "LOCATION", "CUSTOMER", "PRIO", "SERVICETIME", "COST")


@dataclass(frozen=True, slots=True)
class _Head:
    vehicles: int
    capacity: float
    locations: int
    customers: int
    options: int


def read_problem(file: Path, *, tilk: bool = False) -> Problem:
    """Read an instance. Raises FormatError naming line and field."""
    lines = Lines(file)
    lines.next("the name of the instance")
    lines.expect("VEHICLE CAPACITY LOCATIONS CUSTOMER")
    head = _head(lines)
    demands = _table(lines, "CUSTOMER DEMAND", ("CUSTOMER", "DEMAND"), head.customers)
    locations = _table(lines, "LOCATION XCOORD YCOORD", _LOCATION, head.locations)
    options = _table(lines, "OPTION LOCATION CUSTOMER", _OPTION, head.options)
    if lines.more():
        lines.next("the end of the file")
        lines.fail("nothing may follow the options")
    scale = 10.0 if tilk else 1.0
    places = tuple(_place(lines, row, tilk=tilk) for row in locations)
    try:
        return Problem(
            name=file.stem,
            places=places,
            vehicles=_vehicles(head, places[0]),
            shipments=_shipments(lines, head, demands, options, scale),
            matrix=_matrix(locations, tilk=tilk),
            objective=Objective(preference_fen=(0,), service_levels=LEVELS),
        )
    except FormatError:
        raise
    except ProblemError as error:
        raise FormatError(error.message, file=str(file), path=error.path) from error


def cost(solution: Solution) -> float:
    """Distance alone: what stands beside the number of routes."""
    return float(sum(route.cost - ROUTE for route in solution.routes))


def read_plan(file: Path, problem: Problem) -> Solution:
    """A plan of option ids in visiting order."""
    routes, _ = load_routes(file)
    return timed(problem, [[_step(problem, label, file) for label in route] for route in routes])


def write_plan(solution: Solution, problem: Problem, file: Path) -> None:
    """Option ids of the file, in visiting order, and the distance."""
    routes = [[int(h.option) for h in route.handlings()] for route in solution.routes]
    save_routes(routes, cost(solution), file)


def _step(problem: Problem, label: object, file: Path) -> Step:
    found = problem.index.options.get(str(label))
    if found is None:
        raise FormatError(f"points to the unknown option {label!r}", file=str(file), path="routes")
    shipment = problem.shipments[found[0]]
    return shipment, shipment.options[found[1]], Action.DROP


def _head(lines: Lines) -> _Head:
    values = lines.numbers(_HEAD)
    counts = [
        lines.whole(value, field, low=1)
        for value, field in zip(values, _HEAD, strict=True)
        if field != _HEAD[1]
    ]
    return _Head(counts[0], values[1], counts[1], counts[2], counts[3])


def _table(lines: Lines, title: str, fields: tuple[str, ...], count: int) -> list[Row]:
    """Rows numbered from 0 under their title."""
    lines.expect(title)
    rows = []
    for number in range(count):
        row = lines.numbers(fields, signed=_SIGNED)
        if row[0] != number:
            lines.fail(f"is {row[0]:g} where {number} should stand", field=fields[0])
        rows.append(row)
    return rows


def _place(lines: Lines, row: Row, *, tilk: bool) -> Place:
    number, _, _, cap, ready, due, kind, service = row
    scale = 10.0 if tilk else 1.0
    later = LATER.get(int(kind), 0.0) if tilk else 0.0
    if due < ready:
        lines.fail(f"location {number:g} closes before it opens", field="DUE", row=row)
    if cap < -1 or cap != int(cap):
        lines.fail(f"location {number:g} has the capacity {cap:g}", field="CAP", row=row)
    return Place(
        id=str(int(number)),
        windows=(Window(ready * scale, (due + later) * scale),),
        setup_s=service * scale,
        cells=None if cap == -1 else (Cells(Zone.AMBIENT, small=int(cap)),),
    )


def _vehicles(head: _Head, depot: Place) -> tuple[Vehicle, ...]:
    room = Compartment(Zone.AMBIENT, volume_ml=head.capacity, weight_g=head.capacity)
    return tuple(
        Vehicle(
            id=f"v{number}",
            start=depot.id,
            end=depot.id,
            compartments=(room,),
            shift=depot.windows[0],
            fixed_fen=ROUTE,
            fen_per_km=1000,
        )
        for number in range(head.vehicles)
    )


def _shipments(
    lines: Lines, head: _Head, demands: list[Row], rows: list[Row], scale: float
) -> tuple[Shipment, ...]:
    options: list[list[Option]] = [[] for _ in demands]
    for row in rows:
        location = lines.whole(row[1], "LOCATION", below=head.locations, row=row)
        customer = lines.whole(row[2], "CUSTOMER", below=head.customers, row=row)
        priority = lines.whole(row[3], "PRIO", row=row)
        option = Option(
            str(int(row[0])),
            str(location),
            preference=priority,
            service_s=row[4] * scale,
            compensation_fen=row[5],
        )
        options[customer].append(option)
    return tuple(
        Shipment(
            id=str(number),
            direction=Direction.DOWN,
            options=tuple(options[number]),
            volume_ml=lines.fits(row[1], head.capacity, row),
            weight_g=0,
            size=Size.S,
            value_fen=SHIPMENT,
        )
        for number, row in enumerate(demands)
    )


def _matrix(rows: list[Row], *, tilk: bool) -> Matrix:
    points = np.array([row[1:3] for row in rows])
    ways: Floats = np.hypot(*(points[:, None, :] - points[None, :, :]).transpose(2, 0, 1))
    if tilk:
        ways = np.ceil(10 * ways - 1e-9)
    return Matrix(ways, ways)
