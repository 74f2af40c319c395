"""Capacitated VRP: CVRPLIB's .vrp (Uchoa et al. 2017), distance rounded to the nearest integer, free fleet.

A plan lists the file's customer numbers less one, as .sol files do (the depot is 0).
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from routing.solver.errors import FormatError, ProblemError
from routing.solver.formats.lines import Lines
from routing.solver.formats.solomon import SHIPMENT, fleet, step
from routing.solver.formats.visits import load_routes, save_routes, timed
from routing.solver.matrix import Matrix
from routing.solver.problem import Option, Place, Problem, Shipment, Window
from routing.solver.solution import Solution
from routing.solver.terms import Direction

_DAY = Window(0, 1e12)


def read_problem(file: Path) -> Problem:
    """Read an instance. Raises FormatError; other types and edge weights than EUC_2D are refused by name."""
    lines = Lines(file)
    header = _header(lines)
    for field, only in (("TYPE", "CVRP"), ("EDGE_WEIGHT_TYPE", "EUC_2D")):
        if header.get(field) != only:
            lines.fail(f"is {header.get(field)!r}; only {only} can be read", field=field)
    count = lines.whole(lines.number_of(header.get("DIMENSION", ""), "DIMENSION"), "DIMENSION", low=2)
    capacity = lines.number_of(header.get("CAPACITY", ""), "CAPACITY")
    points = [_row(lines, number, ("NODE", "X", "Y")) for number in range(count)]
    lines.expect("DEMAND_SECTION")
    demands = [_demand(lines, number, capacity) for number in range(count)]
    lines.expect("DEPOT_SECTION")
    if lines.numbers(("DEPOT",)) != [1.0]:
        lines.fail("only a single depot at node 1 can be read", field="DEPOT_SECTION")
    spots = np.array(points)
    ways = np.floor(np.hypot(*(spots[:, None, :] - spots[None, :, :]).transpose(2, 0, 1)) + 0.5)
    vehicles = math.ceil(1.3 * sum(demands) / capacity) + 5
    try:
        return Problem(
            name=header.get("NAME", file.stem),
            places=tuple(Place(str(k)) for k in range(count)),
            vehicles=fleet(min(vehicles, count), capacity, _DAY, False),
            shipments=tuple(_shipment(k, demands[k]) for k in range(1, count)),
            matrix=Matrix(ways, np.zeros_like(ways)),
        )
    except ProblemError as error:
        raise FormatError(error.message, file=str(file), path=error.path) from error


def cost(solution: Solution) -> float:
    """Total rounded distance."""
    return float(sum(route.cost for route in solution.routes))


def read_plan(file: Path, problem: Problem) -> Solution:
    """A plan of customer numbers (depot 0) in visiting order."""
    routes, _ = load_routes(file)
    return timed(problem, [[step(problem, label, file) for label in route] for route in routes])


def write_plan(solution: Solution, problem: Problem, file: Path) -> None:
    """Customer numbers (depot 0) in visiting order, and the distance."""
    routes = [[int(h.shipment) for h in route.handlings()] for route in solution.routes]
    save_routes(routes, cost(solution), file)


def _header(lines: Lines) -> dict[str, str]:
    """`KEY : value` lines up to the coordinates."""
    header: dict[str, str] = {}
    while True:
        line = lines.next("NODE_COORD_SECTION")
        if line.split()[0] == "NODE_COORD_SECTION":
            return header
        key, colon, value = line.partition(":")
        if not colon:
            lines.fail(f"neither `KEY : value` nor NODE_COORD_SECTION: {line[:40]!r}")
        header[key.strip()] = value.strip()


def _row(lines: Lines, number: int, fields: tuple[str, ...]) -> list[float]:
    row = lines.numbers(fields, signed=("X", "Y"))
    if row[0] != number + 1:
        lines.fail(f"is {row[0]:g} where {number + 1} should stand", field=fields[0])
    return row[1:]


def _demand(lines: Lines, number: int, capacity: float) -> float:
    row = lines.numbers(("NODE", "DEMAND"))
    if row[0] != number + 1:
        lines.fail(f"is {row[0]:g} where {number + 1} should stand", field="NODE")
    return lines.fits(row[1], capacity, row)


def _shipment(number: int, demand: float) -> Shipment:
    label = str(number)
    option = Option(label, label)
    return Shipment(label, Direction.DOWN, (option,), volume_ml=demand, weight_g=0, value_fen=SHIPMENT)
