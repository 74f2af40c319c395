"""The runs behind docs/benchmarks.md: one list per table, each run with the cores that it needs.

Public instances come from a folder outside the project. All of it is sampled; a larger sample or another seed
adds rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from routing.solver.bench.cases import Budget, Case, cases, group_of, sample
from routing.solver.bench.days import (
    FIRST_CALL,
    FIRST_ITERATIONS,
    FIRST_SHIPMENTS,
    VARIANTS,
    WHOLE,
    Day,
    measure_day,
    measure_start,
)
from routing.solver.bench.measure import measure
from routing.solver.bench.results import Result, key_of

ALONE = ("yinong", "ortools-default", "ortools-ils", "pyvrp")
WITH_OPTIONS = (*ALONE, "cpsat-pyvrp", "cpsat-vroom")
WITHOUT_OPTIONS = (*ALONE, "vroom")
#: Size classes and budgets of the goals (docs/routing.md), folder by folder.
GOALS: dict[str, tuple[tuple[str, ...], str]] = {
    "vrpdo_tilk": (("25", "50"), "10"),
    "vrpdo_dumez": (("100", "200", "400"), "400:60,20"),
    "vrptw": (("100", "200"), "20"),
    "pdptw": (("l100", "l200"), "20"),
}
PEERS_TOO = {**GOALS, "cvrp": (("X-n",), "20")}
#: Days of one county and of the city, seconds on two workers.
COUNTY, CITY = (3_600, 55.0), (12_000, 170.0)
#: Shipments and the longest budget of each size; the others are halves of it.
GROWTH = {300: 4.0, 1_000: 10.0, 3_000: 30.0, 10_000: 80.0, 30_000: 200.0}
HALVINGS = 5
VARIANT_DAY = (1_200, 20.0)
SPEED_UP = (3_000, 20_000)


@dataclass(frozen=True, slots=True)
class Scope:
    """How much of a table is run, and where the public instances and the pictures lie."""

    data: Path
    pictures: Path
    sample: int = 1
    seed: int = 1
    scale: float = 1.0


@dataclass(frozen=True)
class Job:
    """One run: a function that another process can call, its row's key, and the cores it keeps busy."""

    key: str
    cores: int
    seconds: float
    act: Callable[..., Any]
    arguments: dict[str, Any]

    def run(self) -> Any:
        """The row."""
        return self.act(**self.arguments)


def goals(scope: Scope) -> list[Job]:
    """Ours on two workers against the best known."""
    return [
        _public(case, "yinong", Budget.of(budget), workers=2, scope=scope)
        for folder, (sizes, budget) in GOALS.items()
        for case in _sampled(scope, folder, sizes)
    ]


def peers(scope: Scope) -> list[Job]:
    """Everybody on one core, two runs side by side."""
    jobs = []
    for folder, (sizes, budget) in PEERS_TOO.items():
        if folder == "vrpdo_tilk":
            continue  # solved to the optimum by ours; nothing to compare
        engines = WITH_OPTIONS if folder.startswith("vrpdo") else WITHOUT_OPTIONS
        for case in _sampled(scope, folder, sizes):
            jobs += [_public(case, engine, Budget.of(budget), workers=1, scope=scope) for engine in engines]
    return jobs


def plain(scope: Scope) -> list[Job]:
    """A county that every peer can say: ours on two workers, each peer on one core for twice the time."""
    shipments, seconds = _scaled(COUNTY, scope)
    ours = _day(scope, "county-plain", shipments, seconds=seconds, workers=2)
    others = [name for name in (*WITH_OPTIONS, "ortools") if name != "yinong"]
    return [
        ours,
        *(_day(scope, "county-plain", shipments, engine=e, seconds=2 * seconds, workers=1) for e in others),
    ]


def days(scope: Scope) -> list[Job]:
    """The county's and the city's whole day by ours, with pictures."""
    county, city = _scaled(COUNTY, scope), _scaled(CITY, scope)
    return [
        _day(scope, "county", county[0], seconds=county[1], workers=2, picture="county.svg"),
        _day(scope, "city", city[0], seconds=city[1], workers=2, picture="city.svg"),
    ]


def growth(scope: Scope) -> list[Job]:
    """The city's day at five sizes, each with six budgets."""
    return [
        _day(
            scope, "city", max(60, round(size * scope.scale)), seconds=longest * scope.scale / 2**k, workers=2
        )
        for size, longest in GROWTH.items()
        for k in reversed(range(HALVINGS + 1))
    ]


def variants(scope: Scope) -> list[Job]:
    """The same county day without options, without the shared loop, without cold budget."""
    shipments, seconds = _scaled(VARIANT_DAY, scope)
    return [_day(scope, "county", shipments, variant=name, seconds=seconds, workers=2) for name in VARIANTS]


def speedup(scope: Scope) -> list[Job]:
    """The same work by one worker and by two."""
    shipments, iterations = round(SPEED_UP[0] * scope.scale), max(20, round(SPEED_UP[1] * scope.scale))
    return [_day(scope, "city", shipments, iterations=iterations, workers=workers) for workers in (1, 2)]


def start(scope: Scope) -> list[Job]:
    """Three first calls."""
    jobs = []
    for seed in range(scope.seed, scope.seed + 3):
        asked = _asked("county", FIRST_SHIPMENTS, FIRST_CALL, "yinong", 0.0, FIRST_ITERATIONS, 1, seed)
        jobs.append(Job(asked.key, 2, 4.0, measure_start, {"asked": asked}))
    return jobs


TABLES: dict[str, tuple[type[Result] | type[Day], Callable[[Scope], list[Job]]]] = {
    "goals": (Result, goals),
    "peers": (Result, peers),
    "plain": (Day, plain),
    "days": (Day, days),
    "growth": (Day, growth),
    "variants": (Day, variants),
    "speedup": (Day, speedup),
    "start": (Day, start),
}


def _sampled(scope: Scope, folder: str, sizes: tuple[str, ...]) -> list[Case]:
    found = [case for case in cases(scope.data / folder) if group_of(case.file.stem) in sizes]
    return sample(found, scope.sample)


def _public(case: Case, engine: str, budget: Budget, *, workers: int, scope: Scope) -> Job:
    name, seconds = case.file.stem, budget.seconds(case.file.stem) * scope.scale
    terms = {"engine": engine, "seconds": seconds, "workers": workers, "seed": scope.seed}
    key = key_of(case.file.parent.name, name, engine, seconds, workers, scope.seed)
    return Job(key, workers, seconds, measure, {"case": case, **terms})


def _scaled(day: tuple[int, float], scope: Scope) -> tuple[int, float]:
    return max(60, round(day[0] * scope.scale)), day[1] * scope.scale


def _asked(
    name: str,
    shipments: int,
    variant: str,
    engine: str,
    seconds: float,
    iterations: int,
    workers: int,
    seed: int,
) -> Day:
    budget = {"seconds": seconds, "iterations": iterations, "workers": workers, "seed": seed}
    empty: dict[str, Any] = {
        "cost": 0.0,
        "vans": 0,
        "unserved": 0,
        "left_fen": 0.0,
        "took_s": 0.0,
        "memory_mb": 0,
    }
    return Day(world=name, shipments=shipments, variant=variant, engine=engine, **budget, **empty)  # type: ignore[arg-type]


def _day(
    scope: Scope,
    name: str,
    shipments: int,
    *,
    variant: str = WHOLE,
    engine: str = "yinong",
    seconds: float = 0.0,
    iterations: int = 0,
    workers: int,
    picture: str = "",
) -> Job:
    asked = _asked(name, shipments, variant, engine, seconds, iterations, workers, scope.seed)
    arguments: dict[str, Any] = {"asked": asked}
    if picture:
        arguments["picture"] = scope.pictures / picture
    return Job(asked.key, workers, seconds or 30.0, measure_day, arguments)
