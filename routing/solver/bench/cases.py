"""Which instances are measured: folders with their best-known solutions (bks.csv), by size class.

A folder's `bks.csv` gives per instance `bks_cost` and, where routes come first, `bks_routes`; `dimacs_cost`
wins where it stands, for distance only.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from routing.solver.errors import FormatError, ProblemError
from routing.solver.formats import FORMATS, Convention, Format, format_of

_SUFFIXES = (".txt", ".vrp")


@dataclass(frozen=True, slots=True)
class Case:
    """One instance with what is known of it. `routes` None: only the distance counts."""

    file: Path
    convention: Convention
    cost: float
    routes: int | None

    @property
    def form(self) -> Format:
        """How the file is read."""
        return format_of("auto", self.file)


def cases(folder: Path, *, tilk: bool = False) -> list[Case]:
    """Instances of a folder that have a best-known cost and a format that we read. Raises FormatError.

    `tilk`: the convention of Tilk et al. for a folder whose name does not say so.
    """
    table = folder / "bks.csv"
    try:
        with table.open(encoding="utf-8", newline="") as stream:
            known = {row["instance"]: row for row in csv.DictReader(stream)}
    except OSError as error:
        raise FormatError(f"cannot be read: {error.strerror}", file=str(table)) from error
    except KeyError as error:
        raise FormatError("has no such column", file=str(table), path=str(error)) from error
    return [
        case for name, row in sorted(known.items()) if (case := _case(folder, name, row, tilk)) is not None
    ]


def _case(folder: Path, name: str, row: dict[str, str], tilk: bool) -> Case | None:
    file = next((f for s in _SUFFIXES if (f := folder / f"{name}{s}").exists()), None)
    if file is None or not row.get("bks_cost") or float(row["bks_cost"]) <= 0:
        return None  # -1: nobody has found a plan
    try:
        form = format_of("auto", file)
    except FormatError:
        return None
    distance_only = bool(row.get("dimacs_cost")) or form is FORMATS["cvrplib"]
    convention = Convention(tilk=tilk or "tilk" in folder.name, routes_first=not distance_only)
    routes = None if distance_only or not row.get("bks_routes") else int(float(row["bks_routes"]))
    return Case(file, convention, float(row.get("dimacs_cost") or row["bks_cost"]), routes)


def sample(found: Sequence[Case], count: int | None) -> list[Case]:
    """At most `count` per size class, always the same ones; a larger sample holds the smaller."""
    groups = defaultdict[str, list[Case]](list)
    for case in found:
        groups[group_of(case.file.stem)].append(case)
    chosen: list[Case] = []
    for name in sorted(groups):
        mine = groups[name]
        chosen += Random(name).sample(mine, len(mine))[:count]
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


@dataclass(frozen=True, slots=True)
class Budget:
    """Seconds by size class, as in `25:10,50:10,400:60,20`; the entry without a class is for all others."""

    others_s: float
    by_class: tuple[tuple[str, float], ...] = ()

    @classmethod
    def of(cls, text: str) -> Budget:
        """Read it. Raises ProblemError naming the entry."""
        others_s, named = 20.0, list[tuple[str, float]]()
        for entry in text.split(","):
            name, colon, value = entry.rpartition(":")
            try:
                seconds = float(value)
            except ValueError as error:
                raise ProblemError(f"is no number of seconds: {entry!r}", path="--seconds") from error
            if not 0 < seconds < 1e6:
                raise ProblemError(f"is out of range: {entry!r}", path="--seconds")
            if colon:
                named.append((name, seconds))
            else:
                others_s = seconds
        return cls(others_s, tuple(named))

    def seconds(self, instance: str) -> float:
        """What an instance gets."""
        return dict(self.by_class).get(group_of(instance), self.others_s)
