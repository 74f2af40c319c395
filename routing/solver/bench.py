"""Measuring engines on folders of instances with their best-known solutions (bks.csv).

A folder's `bks.csv` gives per instance `bks_cost` and, where routes come first, `bks_routes`; `dimacs_cost`
wins where it stands, for distance only. Results are appended row by row, so that a long run can be resumed.
"""

from __future__ import annotations

import csv
import re
import statistics
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from random import Random

from routing.solver.check import check
from routing.solver.errors import FormatError, SolverError
from routing.solver.formats import FORMATS, Convention, Format, format_of
from routing.solver.solve import Limits, solve

_SUFFIXES = (".txt", ".vrp")


@dataclass(frozen=True, slots=True)
class Case:
    """One instance with what is known of it. `routes` None: only the distance counts."""

    file: Path
    form: Format
    convention: Convention
    cost: float
    routes: int | None


@dataclass(frozen=True, slots=True)
class Result:
    """One run. `gap_pct` compares distance; where routes come first, read `more_routes` before it."""

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
    refused: str = ""


def cases(folder: Path) -> list[Case]:
    """Instances of a folder that have a best-known cost and a format that we read. Raises FormatError."""
    table = folder / "bks.csv"
    try:
        with table.open(encoding="utf-8", newline="") as stream:
            known = {row["instance"]: row for row in csv.DictReader(stream)}
    except OSError as error:
        raise FormatError(f"cannot be read: {error.strerror}", file=str(table)) from error
    except KeyError as error:
        raise FormatError("has no such column", file=str(table), path=str(error)) from error
    return [case for name, row in sorted(known.items()) if (case := _case(folder, name, row)) is not None]


def _case(folder: Path, name: str, row: dict[str, str]) -> Case | None:
    file = next((f for s in _SUFFIXES if (f := folder / f"{name}{s}").exists()), None)
    if file is None or not row.get("bks_cost") or float(row["bks_cost"]) <= 0:
        return None  # -1: nobody has found a plan
    try:
        form = format_of("auto", file)
    except FormatError:
        return None
    distance_only = bool(row.get("dimacs_cost")) or form is FORMATS["cvrplib"]
    convention = Convention(tilk="tilk" in folder.name, routes_first=not distance_only)
    routes = None if distance_only or not row.get("bks_routes") else int(float(row["bks_routes"]))
    return Case(file, form, convention, float(row.get("dimacs_cost") or row["bks_cost"]), routes)


def sample(found: Sequence[Case], count: int | None) -> list[Case]:
    """At most `count` per group of like instances, always the same ones."""
    groups = defaultdict[str, list[Case]](list)
    for case in found:
        groups[group_of(case.file.stem)].append(case)
    chosen: list[Case] = []
    for name in sorted(groups):
        mine = groups[name]
        chosen += mine if count is None or len(mine) <= count else Random(name).sample(mine, count)
    return chosen


def group_of(instance: str) -> str:
    """The instance's size class: its name without the running number and the kind of layout."""
    solomon = re.fullmatch(r"(l?)(?:rc|r|c)[12](?:\d\d|_(\d+)_\d+)", instance)
    if solomon:
        return f"{solomon.group(1)}{int(solomon.group(2) or 1) * 100}"
    vrpdo = re.fullmatch(r"[A-Z]+_(\d+\w*)_\d+", instance)
    if vrpdo:
        return re.sub(r"(small|medium|large)", "", vrpdo.group(1))
    return re.sub(r"\d.*", "", instance) or instance


def run(
    found: Iterable[Case], *, engines: Sequence[str], seconds: float, workers: int, seed: int, done: set[str]
) -> Iterator[Result]:
    """Results one by one, leaving out those whose key is in `done`."""
    for case in found:
        for engine in engines:
            if key_of(case.file.parent.name, case.file.stem, engine, seconds) not in done:
                yield _measure(case, engine=engine, seconds=seconds, workers=workers, seed=seed)


def key_of(folder: str, instance: str, engine: str, seconds: float) -> str:
    """What a resumed run compares."""
    return f"{folder}/{instance}/{engine}/{float(seconds):g}"


def _measure(case: Case, *, engine: str, seconds: float, workers: int, seed: int) -> Result:
    started, refused, cost, routes, unserved, feasible = time.monotonic(), "", 0.0, 0, 0, False
    try:
        problem = case.form.read_problem(case.file, case.convention)
        limits = Limits(seconds=seconds, workers=workers)
        plan = solve(problem, engine=engine, limits=limits, seed=seed)
        cost, routes, unserved = case.form.cost(plan, problem), len(plan.routes), len(plan.unserved)
        feasible = check(problem, plan).feasible and not unserved
    except SolverError as error:
        refused = f"{type(error).__name__}: {error}"
    return Result(
        folder=case.file.parent.name,
        instance=case.file.stem,
        engine=engine,
        seconds=seconds,
        workers=workers,
        seed=seed,
        cost=round(cost, 4),
        routes=routes,
        unserved=unserved,
        bks_cost=case.cost,
        more_routes=0 if case.routes is None else routes - case.routes,
        gap_pct=round(100 * (cost / case.cost - 1), 3),
        feasible=feasible,
        took_s=round(time.monotonic() - started, 2),
        refused=refused,
    )


def load_results(file: Path) -> list[Result]:
    """Rows of an earlier run. Raises FormatError for a file of another shape."""
    names = [field.name for field in fields(Result)]
    with file.open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        if reader.fieldnames != names:
            raise FormatError("is not a file of results", file=str(file), line=1)
        return [_result(row) for row in reader]


def _result(row: dict[str, str]) -> Result:
    return Result(
        folder=row["folder"],
        instance=row["instance"],
        engine=row["engine"],
        seconds=float(row["seconds"]),
        workers=int(row["workers"]),
        seed=int(row["seed"]),
        cost=float(row["cost"]),
        routes=int(row["routes"]),
        unserved=int(row["unserved"]),
        bks_cost=float(row["bks_cost"]),
        more_routes=int(row["more_routes"]),
        gap_pct=float(row["gap_pct"]),
        feasible=row["feasible"] == "True",
        took_s=float(row["took_s"]),
        refused=row["refused"],
    )


def append_result(file: Path, result: Result) -> None:
    """Add one row, with a header in a new file."""
    fresh = not file.exists()
    with file.open("a", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=[field.name for field in fields(Result)])
        if fresh:
            writer.writeheader()
        writer.writerow(asdict(result))


def summary(results: Iterable[Result]) -> list[str]:
    """A line per folder, group and engine: median and worst gap over the runs with as few routes as known."""
    groups = defaultdict[tuple[str, str, str], list[Result]](list)
    for result in results:
        groups[result.folder, group_of(result.instance), result.engine].append(result)
    lines = []
    for (folder, group, engine), mine in sorted(groups.items()):
        even = [r.gap_pct for r in mine if r.feasible and r.more_routes <= 0]
        gaps = (
            f"median {statistics.median(even):+.2f} %, worst {max(even):+.2f} %"
            if even
            else "no comparable run"
        )
        lines.append(
            f"{folder} {group} {engine}: {len(mine)} runs, {len(even)} with the known routes, {gaps}"
        )
    return lines
