"""Runs the jobs that a table does not hold yet: one-core jobs two at a time, others alone; keeps each row."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from routing.solver.bench.results import append_row, load_rows
from routing.solver.bench.tables import Job

#: Cores that the measurements may keep busy.
CORES = 2


def run_table(
    file: Path, kind: type[Any], jobs: Sequence[Job], *, say: Callable[[str], None], apart: bool = True
) -> int:
    """Run what the file does not hold yet; the number of new rows. A job that dies takes the run with it.

    `apart`: each run in a process of its own, so that its memory is its own and nothing is warm from another.
    """
    done = {row.key for row in load_rows(file, kind)}
    waiting = [job for job in jobs if job.key not in done]
    say(f"{file.stem}: {len(waiting)} of {len(jobs)} runs, about {expected_s(waiting) / 60:.1f} minutes")
    file.parent.mkdir(parents=True, exist_ok=True)
    for row in _rows_apart(waiting) if apart else (job.run() for job in waiting):
        append_row(file, row)
        say(f"  {row.key} {row.refused or f'{row.cost:,.1f} in {row.took_s:.1f} s'}")
    return len(waiting)


def _rows_apart(jobs: Sequence[Job]) -> Iterator[Any]:
    for at_once, mine in shifts(jobs):
        with ThreadPoolExecutor(at_once) as pool:
            for finished in as_completed([pool.submit(_run_apart, job) for job in mine]):
                yield finished.result()


def _run_apart(job: Job) -> Any:
    """One process for one run: a pool that renews its processes can hang. Raises BrokenProcessPool."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(job.run).result()


def shifts(jobs: Iterable[Job]) -> list[tuple[int, list[Job]]]:
    """Jobs that share the machine, then those that need all of it, each alone."""
    small, large = list[Job](), list[Job]()
    for job in jobs:
        (small if job.cores < CORES else large).append(job)
    return [(CORES, small)] * bool(small) + [(1, large)] * bool(large)


def expected_s(jobs: Iterable[Job]) -> float:
    """Seconds of wall time that the jobs will take, three for each process's start."""
    return sum((job.seconds + 3) / (1 if job.cores >= CORES else CORES) for job in jobs)


def machine() -> dict[str, str]:
    """Processor, cores, memory and versions, for the page."""
    import platform
    from importlib.metadata import PackageNotFoundError, version

    names = ("numba", "numpy", "ortools", "pyvrp", "pyvroom")
    facts = {"processor": _processor(), "cores": str(os.cpu_count()), "memory": _memory()}
    facts |= {"system": platform.system(), "python": platform.python_version()}
    for name in names:
        try:
            facts[name] = version(name)
        except PackageNotFoundError:
            facts[name] = "not installed"
    return facts


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown"
    )


def _memory() -> str:
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return f"{pages / 2**30:.0f} GiB"
