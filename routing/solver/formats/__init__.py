"""File formats by name. A format reads problems, and reads and writes plans in the way of its family."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from routing.solver.errors import FormatError, Unsupported
from routing.solver.formats import cvrplib, lilim, solomon, vrpdo, yinong
from routing.solver.problem import Problem
from routing.solver.solution import Solution


@dataclass(frozen=True, slots=True)
class Convention:
    """What a file does not say itself. `tilk`: the 2021 convention of VRPDO; `routes_first`: for Solomon."""

    tilk: bool = False
    routes_first: bool = False


@dataclass(frozen=True, slots=True)
class Format:
    """How one family of files is read and written.

    `claims`: whether the beginning of a file looks like this family. `cost`: what the family reports.
    """

    name: str
    claims: Callable[[str], bool]
    read_problem: Callable[[Path, Convention], Problem]
    read_plan: Callable[[Path, Problem], Solution]
    write_plan: Callable[[Solution, Problem, Path], None]
    cost: Callable[[Solution, Problem], float]


def _words(head: str, line: int) -> list[str]:
    lines = [text for text in head.splitlines() if text.strip()]
    return lines[line].split() if line < len(lines) else []


FORMATS: dict[str, Format] = {
    item.name: item
    for item in (
        Format(
            name="yinong",
            claims=lambda head: head.lstrip().startswith("{"),
            read_problem=lambda file, convention: yinong.read_problem(file),
            read_plan=lambda file, problem: yinong.read_plan(file),
            write_plan=lambda solution, problem, file: yinong.write_plan(solution, file),
            cost=lambda solution, problem: float(solution.cost),
        ),
        Format(
            name="vrpdo",
            claims=lambda head: _words(head, 1)[:3] == ["VEHICLE", "CAPACITY", "LOCATIONS"],
            read_problem=lambda file, convention: vrpdo.read_problem(file, tilk=convention.tilk),
            read_plan=vrpdo.read_plan,
            write_plan=vrpdo.write_plan,
            cost=lambda solution, problem: vrpdo.cost(solution),
        ),
        Format(
            name="solomon",
            claims=lambda head: _words(head, 1) == ["VEHICLE"] and _words(head, 2)[:1] == ["NUMBER"],
            read_problem=lambda file, convention: solomon.read_problem(
                file, routes_first=convention.routes_first
            ),
            read_plan=solomon.read_plan,
            write_plan=solomon.write_plan,
            cost=solomon.cost,
        ),
        Format(
            name="lilim",
            claims=lambda head: len(_words(head, 0)) == 3 and len(_words(head, 1)) == 9,
            read_problem=lambda file, convention: lilim.read_problem(file),
            read_plan=lilim.read_plan,
            write_plan=lilim.write_plan,
            cost=lambda solution, problem: lilim.cost(solution),
        ),
        Format(
            name="cvrplib",
            claims=lambda head: "NODE_COORD_SECTION" in head,
            read_problem=lambda file, convention: cvrplib.read_problem(file),
            read_plan=cvrplib.read_plan,
            write_plan=cvrplib.write_plan,
            cost=lambda solution, problem: cvrplib.cost(solution),
        ),
    )
}


def format_of(name: str, file: Path) -> Format:
    """The format by name, or with `auto` the one that claims the file. Raises FormatError, Unsupported."""
    if name != "auto":
        if name not in FORMATS:
            raise Unsupported(f"unknown format {name!r}; known: auto, {', '.join(FORMATS)}")
        return FORMATS[name]
    try:
        with file.open(encoding="utf-8", errors="replace") as stream:
            head = stream.read(4096)
    except OSError as error:
        raise FormatError(f"cannot be read: {error.strerror}", file=str(file)) from error
    for item in FORMATS.values():
        if item.claims(head):
            return item
    raise FormatError(f"looks like none of: {', '.join(FORMATS)}", file=str(file))
