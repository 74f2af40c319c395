"""The product's own JSON: `yinong/1` for problems, `yinong-plan/1` for plans. docs/routing.md shows both.

Fields bear the names of the dataclasses. An absent optional field means its default; an unknown field,
a missing matrix cell or a number that is none is refused with file, path and field.
"""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from routing.solver.errors import FormatError, ProblemError
from routing.solver.formats.fields import Fields, load_json
from routing.solver.matrix import COUNTRY_KMH, DEFAULT_DETOUR, Matrix, estimate
from routing.solver.problem import (
    Break,
    Cells,
    Collection,
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
from routing.solver.solution import Action, Handling, Route, Solution, Unserved, Visit
from routing.solver.terms import Direction, Goods, Reason, Size, Zone

PROBLEM_FORMAT = "yinong/1"
PLAN_FORMAT = "yinong-plan/1"


def read_problem(file: Path) -> Problem:
    """Read and prove a problem. Raises FormatError."""
    return parse_problem(load_json(file), file=str(file))


def parse_problem(data: Any, *, file: str = "<memory>") -> Problem:
    """The problem in already parsed JSON. Raises FormatError."""
    whole = Fields.of(data, file=file, path="")
    _expect_format(whole, PROBLEM_FORMAT)
    try:
        places = whole.each("places", _place)
        problem = Problem(
            name=whole.text("name"),
            places=places,
            vehicles=whole.each("vehicles", _vehicle),
            shipments=whole.each("shipments", _shipment),
            matrix=_matrix(whole, places),
            objective=whole.one("objective", _objective) or Objective(),
            closed=frozenset(_closed(whole)),
        )
    except FormatError:
        raise
    except ProblemError as error:
        raise FormatError(error.message, file=file, path=error.path) from error
    whole.done()
    return problem


def parse_vehicle(data: Any, *, file: str = "<memory>") -> Vehicle:
    """The vehicle that `plain` turned into JSON. Raises FormatError."""
    whole = Fields.of(data, file=file, path="")
    vehicle = _vehicle(whole)
    whole.done()
    return vehicle


def read_plan(file: Path) -> Solution:
    """Read a plan; whether it fits its problem is for `check` to say. Raises FormatError."""
    return parse_plan(load_json(file), file=str(file))


def parse_plan(data: Any, *, file: str = "<memory>") -> Solution:
    """The plan in already parsed JSON. Raises FormatError."""
    whole = Fields.of(data, file=file, path="")
    _expect_format(whole, PLAN_FORMAT)
    try:
        plan = Solution(
            problem=whole.text("problem"),
            routes=whole.each("routes", _route),
            unserved=whole.each("unserved", _unserved),
            cost=whole.number("cost"),
            engine=whole.text("engine", ""),
            seed=whole.number("seed", 0),
        )
    except FormatError:
        raise
    except ProblemError as error:
        raise FormatError(error.message, file=file, path=error.path) from error
    whole.done()
    return plan


def write_problem(problem: Problem, file: Path) -> None:
    """Write a problem so that `read_problem` returns its equal."""
    file.write_text(dump_problem(problem), encoding="utf-8")


def dump_problem(problem: Problem) -> str:
    """A problem as text that `parse_problem` reads back."""
    data = {"format": PROBLEM_FORMAT, **plain(problem)}
    data["matrix"] = {
        "distance_m": problem.matrix.distance_m.tolist(),
        "time_s": problem.matrix.time_s.tolist(),
    }
    return json.dumps(data, ensure_ascii=False, allow_nan=False)


def write_plan(solution: Solution, file: Path) -> None:
    """Write a plan so that `read_plan` returns its equal."""
    file.write_text(dump_plan(solution, indent=1), encoding="utf-8")


def dump_plan(solution: Solution, *, indent: int | None = None) -> str:
    """A plan as text that `parse_plan` reads back."""
    data = {"format": PLAN_FORMAT, **plain(solution)}
    return json.dumps(data, ensure_ascii=False, allow_nan=False, indent=indent)


def _expect_format(whole: Fields, expected: str) -> None:
    found = whole.text("format")
    if found != expected:
        whole.fail("format", f"is {found!r}, not {expected!r}")


def _window(f: Fields) -> Window:
    return Window(f.number("opens_s"), f.number("closes_s"))


def _cells(f: Fields) -> Cells:
    return Cells(
        zone=f.enum(Zone, "zone"),
        small=f.number("small", 0),
        medium=f.number("medium", 0),
        large=f.number("large", 0),
        min_c=f.number("min_c", None),
        max_c=f.number("max_c", None),
    )


def _place(f: Fields) -> Place:
    return Place(
        id=f.text("id"),
        lon=f.number("lon", None),
        lat=f.number("lat", None),
        windows=f.each("windows", _window, []),
        setup_s=f.number("setup_s", 0),
        cells=f.each("cells", _cells) if f.values.get("cells") is not None else f.take("cells", None),
        needs=frozenset(f.texts("needs")),
        holds=frozenset(Goods(value) for value in _members(f, "holds", Goods)),
    )


def _option(f: Fields) -> Option:
    return Option(
        id=f.text("id"),
        place=f.text("place"),
        window=f.one("window", _window),
        preference=f.number("preference", 0),
        compensation_fen=f.number("compensation_fen", 0),
        service_s=f.number("service_s", 0),
    )


def _collection(f: Fields) -> Collection:
    return Collection(f.text("place"), f.one("window", _window), f.number("service_s", 0))


def _shipment(f: Fields) -> Shipment:
    vehicles = f.texts("vehicles") if f.values.get("vehicles") is not None else f.take("vehicles", None)
    return Shipment(
        id=f.text("id"),
        direction=f.enum(Direction, "direction"),
        options=f.each("options", _option),
        volume_ml=f.number("volume_ml"),
        weight_g=f.number("weight_g"),
        size=_size(f, "size"),
        zone=f.enum(Zone, "zone", Zone.AMBIENT),
        min_c=f.number("min_c", None),
        max_c=f.number("max_c", None),
        goods=f.enum(Goods, "goods", Goods.NEUTRAL),
        value_fen=f.number("value_fen", 1_000_000),
        release_s=f.number("release_s", None),
        due_s=f.number("due_s", None),
        cold_budget_s=f.number("cold_budget_s", None),
        collection=f.one("collection", _collection),
        hub=f.text("hub", None),
        vehicles=None if vehicles is None else frozenset(vehicles),
    )


def _compartment(f: Fields) -> Compartment:
    return Compartment(
        zone=f.enum(Zone, "zone"),
        volume_ml=f.number("volume_ml"),
        weight_g=f.number("weight_g"),
        min_c=f.number("min_c", None),
        max_c=f.number("max_c", None),
    )


def _break(f: Fields) -> Break:
    return Break(f.number("earliest_s"), f.number("latest_s"), f.number("duration_s"))


def _vehicle(f: Fields) -> Vehicle:
    shift = f.one("shift", _window)
    if shift is None:
        f.fail("shift", "is missing")
    return Vehicle(
        id=f.text("id"),
        start=f.text("start"),
        end=f.text("end"),
        compartments=f.each("compartments", _compartment),
        shift=shift,
        fixed_fen=f.number("fixed_fen", 0),
        fen_per_km=f.number("fen_per_km", 0),
        fen_per_hour=f.number("fen_per_hour", 0),
        door_s=f.number("door_s", 0),
        breaks=f.each("breaks", _break, []),
        max_distance_m=f.number("max_distance_m", None),
        max_trips=f.number("max_trips", 1),
        reload_s=f.number("reload_s", 0),
        has=frozenset(f.texts("has")),
        locked=f.texts("locked"),
        co2_g_per_km=f.number("co2_g_per_km", 0),
    )


def _objective(f: Fields) -> Objective:
    return Objective(
        preference_fen=f.numbers("preference_fen", (0,)),
        service_levels=f.each("service_levels", _service_level, []),
    )


def _service_level(f: Fields) -> ServiceLevel:
    return ServiceLevel(f.number("preference"), f.number("share"))


def _matrix(whole: Fields, places: tuple[Place, ...]) -> Matrix:
    """Either both tables, or `{"great_circle": {"detour": .., "speed_kmh": ..}}` from the coordinates."""
    part = Fields.of(whole.take("matrix"), file=whole.file, path="matrix")
    circle = part.take("great_circle", None)
    if circle is None:
        matrix = Matrix(part.take("distance_m"), part.take("time_s"))
        part.done()
        return matrix
    part.done()
    rule = Fields.of(circle, file=whole.file, path="matrix.great_circle")
    detour, speed_kmh = rule.number("detour", DEFAULT_DETOUR), rule.number("speed_kmh", COUNTRY_KMH)
    rule.done()
    points = [(p.lon, p.lat) for p in places if p.lon is not None and p.lat is not None]
    for index, place in enumerate(places):
        if place.lon is None:
            whole.fail(f"places[{index}].lon", "is needed for a great-circle matrix")
    return estimate(
        lon=[lon for lon, _ in points], lat=[lat for _, lat in points], detour=detour, speed_kmh=speed_kmh
    )


def _closed(whole: Fields) -> list[tuple[str, str]]:
    pairs = whole.list("closed", [])
    for index, pair in enumerate(pairs):
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(p, str) for p in pair):
            whole.fail(f"closed[{index}]", "is not a pair of place ids")
    return [(a, b) for a, b in pairs]


def _members(f: Fields, name: str, kind: type[Enum]) -> tuple[str, ...]:
    values = f.texts(name)
    for index, value in enumerate(values):
        if value not in {member.value for member in kind}:
            f.fail(f"{name}[{index}]", f"is none of {', '.join(str(m.value) for m in kind)}: {value!r}")
    return values


def _size(f: Fields, name: str) -> Size | None:
    value = f.take(name, None)
    if value is None:
        return None
    if not isinstance(value, str) or value not in Size.__members__:
        f.fail(name, f"is none of S, M, L: {value!r}")
    return Size[value]


def _handling(f: Fields) -> Handling:
    return Handling(f.text("shipment"), f.text("option"), f.enum(Action, "action"), _size(f, "cell"))


def _visit(f: Fields) -> Visit:
    return Visit(
        place=f.text("place"),
        arrival_s=f.number("arrival_s"),
        start_s=f.number("start_s"),
        depart_s=f.number("depart_s"),
        handlings=f.each("handlings", _handling, []),
        reload=bool(f.take("reload", False)),
    )


def _route(f: Fields) -> Route:
    return Route(
        vehicle=f.text("vehicle"),
        depart_s=f.number("depart_s"),
        return_s=f.number("return_s"),
        visits=f.each("visits", _visit),
        distance_m=f.number("distance_m"),
        cost=f.number("cost"),
    )


def _unserved(f: Fields) -> Unserved:
    return Unserved(f.text("shipment"), f.enum(Reason, "reason"), f.text("detail", ""))


def plain(value: Any) -> Any:
    """Dataclasses as JSON: enums by value, sizes by name, sets sorted, the matrix left to the caller."""
    if isinstance(value, Size):
        return value.name
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value) if f.name != "matrix"}
    if isinstance(value, frozenset):
        return sorted(plain(item) for item in value)
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return value
