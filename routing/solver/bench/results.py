"""Rows of results: one per run, in a CSV that a later run adds to; and what they say per size class."""

from __future__ import annotations

import csv
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from routing.solver.bench.cases import group_of
from routing.solver.errors import FormatError

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Result:
    """One run. `gap_pct` compares distance; where routes come first, read `more_routes` before it.

    `claimed_*`: the engine's own account, without what it `ignores` (a peer that knows no lockers is
    optimistic); 0 where it made none. `took_s`: the solver alone, reading and judging apart.
    """

    folder: str
    instance: str
    engine: str
    seconds: float
    workers: int
    seed: int
    cost: float
    routes: int
    unserved: int
    bks_cost: float
    more_routes: int
    gap_pct: float
    feasible: bool
    took_s: float
    claimed_cost: float = 0.0
    claimed_routes: int = 0
    ignores: str = ""
    refused: str = ""

    @property
    def key(self) -> str:
        """What a resumed run compares."""
        return key_of(self.folder, self.instance, self.engine, self.seconds, self.workers, self.seed)

    def line(self) -> str:
        """The run in one line."""
        if self.refused:
            return f"{self.instance} {self.engine} refused: {self.refused}"
        left = f", {self.unserved} unserved" if self.unserved else ""
        return f"{self.instance} {self.engine} {self.more_routes:+d} routes {self.gap_pct:+.2f} %{left}"

    @property
    def even(self) -> bool:
        """All served, every rule kept, and no more routes than the best known: then the gap counts."""
        return self.feasible and self.more_routes <= 0


def key_of(folder: str, instance: str, engine: str, seconds: float, workers: int, seed: int) -> str:
    """Folder, instance, engine and budget in one word."""
    return f"{folder}/{instance}/{engine}/{float(seconds):g}/{workers}/{seed}"


def load_rows(file: Path, kind: type[Row]) -> list[Row]:
    """Rows of an earlier run; none where there is no file. Raises FormatError for a file of another shape."""
    if not file.exists():
        return []
    hints = get_type_hints(kind)
    with file.open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        if reader.fieldnames != list(hints):
            raise FormatError("is not a file of results", file=str(file), line=1)
        try:
            return [kind(**_values(hints, row)) for row in reader]
        except (TypeError, ValueError) as error:
            raise FormatError(f"cannot be read: {error}", file=str(file), line=reader.line_num) from error


def _values(hints: dict[str, Any], row: dict[str, str]) -> dict[str, Any]:
    return {name: row[name] == "True" if kind is bool else kind(row[name]) for name, kind in hints.items()}


def load_results(file: Path) -> list[Result]:
    """Rows of instances with a best-known solution."""
    return load_rows(file, Result)


def append_row(file: Path, row: object) -> None:
    """Add one row, with a header in a new file."""
    fresh = not file.exists()
    with file.open("a", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, [field.name for field in fields(row)], lineterminator="\n")  # type: ignore[arg-type]
        if fresh:
            writer.writeheader()
        writer.writerow(asdict(row))  # type: ignore[call-overload]


@dataclass(frozen=True, slots=True)
class Line:
    """What the runs of one size class, engine and budget say together. Gaps over even runs only."""

    folder: str
    size: str
    engine: str
    seconds: float
    workers: int
    runs: int
    feasible: int
    even: int
    fewer: int
    median_pct: float | None
    worst_pct: float | None
    ignores: str

    def __str__(self) -> str:
        gaps = "no comparable run"
        if self.median_pct is not None:
            gaps = f"median {self.median_pct:+.2f} %, worst {self.worst_pct:+.2f} %"
        share = 100 * self.feasible / self.runs
        return (
            f"{self.folder} {self.size} {self.engine} {self.seconds:g} s x {self.workers}: {self.runs} runs, "
            f"{share:.0f} % feasible, {self.even} with the known routes, {gaps}"
        )


def summary(results: Iterable[Result]) -> list[Line]:
    """A line per folder, size class, engine and budget."""
    groups = defaultdict[tuple[str, int, str, str, float, int], list[Result]](list)
    for r in results:
        size = group_of(r.instance)
        order = int(size) if size.isdecimal() else 0
        groups[r.folder, order, size, r.engine, r.seconds, r.workers].append(r)
    return [_line(*key, mine) for key, mine in sorted(groups.items())]


def _line(
    folder: str, _: int, size: str, engine: str, seconds: float, workers: int, mine: Sequence[Result]
) -> Line:
    gaps = [r.gap_pct for r in mine if r.even]
    return Line(
        folder=folder,
        size=size,
        engine=engine,
        seconds=seconds,
        workers=workers,
        runs=len(mine),
        feasible=sum(r.feasible for r in mine),
        even=len(gaps),
        fewer=sum(r.feasible and r.more_routes < 0 for r in mine),
        median_pct=statistics.median(gaps) if gaps else None,
        worst_pct=max(gaps, default=None),
        ignores=next((r.ignores for r in mine if r.ignores), ""),
    )
