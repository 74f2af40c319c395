"""Plans as lists of stops per route, as the public families write them, and the times that follow."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from routing.solver.errors import FormatError
from routing.solver.formats.fields import Fields, load_json
from routing.solver.problem import Option, Problem, Shipment, Vehicle, Window
from routing.solver.solution import Action, Handling, Route, Solution, Visit
from routing.solver.terms import Direction, Size

#: What one route of the file does at one stop: (shipment, option, action).
Step = tuple[Shipment, Option, Action]


def load_routes(file: Path) -> tuple[list[list[Any]], float]:
    """The lists and the cost of a plan file `{"routes": [[..]], "cost": ..}`. Raises FormatError."""
    whole = Fields.of(load_json(file), file=str(file), path="")
    routes = whole.list("routes")
    cost = whole.number("cost")
    whole.done()
    for index, route in enumerate(routes):
        if not isinstance(route, list):
            raise FormatError("is not a list", file=str(file), path=f"routes[{index}]")
    return routes, float(cost)


def save_routes(routes: Sequence[Sequence[int]], cost: float, file: Path) -> None:
    """Write a plan file of lists."""
    file.write_text(json.dumps({"routes": [list(route) for route in routes], "cost": cost}), encoding="utf-8")


def timed(problem: Problem, routes: Sequence[Sequence[Step]], *, engine: str = "file") -> Solution:
    """The plan in which vehicle k drives route k, each as early as windows allow.

    Neighbouring steps at one place are one stop. Nothing is judged here: a late stop stays late.
    """
    driven = [
        _route(problem, vehicle, steps)
        for vehicle, steps in zip(problem.vehicles, (r for r in routes if r), strict=False)
    ]
    surplus = sum(1 for steps in routes if steps) - len(problem.vehicles)
    if surplus > 0:
        raise FormatError(
            f"has {surplus} routes more than there are vehicles", file=problem.name, path="routes"
        )
    return Solution(problem.name, tuple(driven), (), sum(r.cost for r in driven), engine=engine)


def _route(problem: Problem, vehicle: Vehicle, steps: Sequence[Step]) -> Route:
    rows, matrix = problem.index.places, problem.matrix
    visits: list[Visit] = []
    here, time_s, metres = rows[vehicle.start], float(vehicle.shift.opens_s), 0.0
    cost = float(vehicle.fixed_fen)
    for place, group in _stops(steps):
        there = rows[place]
        arrival_s = time_s + float(matrix.time_s[here, there])
        metres += float(matrix.distance_m[here, there])
        windows = [*problem.places[there].windows[:1], *(w for step in group if (w := _window(step)))]
        start_s = max([arrival_s, *(float(w.opens_s) for w in windows)])
        service_s = float(problem.places[there].setup_s) + sum(_service_s(step) for step in group)
        handlings = tuple(
            Handling(s.id, o.id, action, _cell(problem, place, action)) for s, o, action in group
        )
        time_s = start_s + service_s
        visits.append(Visit(place, arrival_s, start_s, time_s, handlings))
        cost += sum(o.compensation_fen for s, o, a in group if not _collects_pair(s, a))
        here = there
    end = rows[vehicle.end]
    metres += float(matrix.distance_m[here, end])
    return_s = time_s + float(matrix.time_s[here, end])
    hours = (return_s - float(vehicle.shift.opens_s)) / 3600
    cost += metres / 1000 * vehicle.fen_per_km + hours * vehicle.fen_per_hour
    return Route(vehicle.id, vehicle.shift.opens_s, return_s, tuple(visits), metres, cost)


def _stops(steps: Sequence[Step]) -> list[tuple[str, list[Step]]]:
    stops: list[tuple[str, list[Step]]] = []
    for step in steps:
        shipment, option, action = step
        place = option.place
        if _collects_pair(shipment, action) and shipment.collection is not None:
            place = shipment.collection.place
        if stops and stops[-1][0] == place:
            stops[-1][1].append(step)
        else:
            stops.append((place, [step]))
    return stops


def _collects_pair(shipment: Shipment, action: Action) -> bool:
    return shipment.direction is Direction.PAIR and action is Action.COLLECT


def _service_s(step: Step) -> float:
    shipment, option, action = step
    if _collects_pair(shipment, action) and shipment.collection is not None:
        return float(shipment.collection.service_s)
    return float(option.service_s)


def _window(step: Step) -> Window | None:
    shipment, option, action = step
    if _collects_pair(shipment, action) and shipment.collection is not None:
        return shipment.collection.window
    return option.window


def _cell(problem: Problem, place: str, action: Action) -> Size | None:
    cells = problem.places[problem.index.places[place]].cells
    return Size.S if cells is not None and action is Action.DROP else None
