"""File formats by name. A format reads problems, and reads and writes plans in the way of its family."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from routing.solver.errors import FormatError, Unsupported
from routing.solver.formats import yinong
from routing.solver.problem import Problem
from routing.solver.solution import Solution


@dataclass(frozen=True, slots=True)
class Format:
    """How one family of files is read and written.

    `claims(first bytes)`: whether a file looks like one of this family.
    """

    name: str
    claims: Callable[[str], bool]
    read_problem: Callable[[Path], Problem]
    read_plan: Callable[[Path, Problem], Solution]
    write_plan: Callable[[Solution, Problem, Path], None]


YINONG = Format(
    name="yinong",
    claims=lambda head: head.lstrip().startswith("{"),
    read_problem=yinong.read_problem,
    read_plan=lambda file, problem: yinong.read_plan(file),
    write_plan=lambda solution, problem, file: yinong.write_plan(solution, file),
)

FORMATS: dict[str, Format] = {item.name: item for item in (YINONG,)}


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
