"""docs/benchmarks.md out of the rows in docs/bench: nothing on the page that is not in a row."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from routing.solver.bench.cases import group_of
from routing.solver.bench.chart import GOOD, exponent, growth_svg, points
from routing.solver.bench.days import WHOLE, Day
from routing.solver.bench.results import Result, load_rows, summary

#: What the goals table of the design asks for, by folder and size class.
GOAL = {
    ("vrpdo_tilk", "25"): "median 0.0 %, worst <= 1 %",
    ("vrpdo_tilk", "50"): "median 0.0 %, worst <= 1 %",
    ("vrpdo_dumez", "100"): "median <= 0.0 %, worst <= 1 %",
    ("vrpdo_dumez", "200"): "median <= -5 %",
    ("vrpdo_dumez", "400"): "median <= -7 %",
    ("vrptw", "100"): "median <= 0.3 %",
    ("vrptw", "200"): "median <= 0.3 %",
    ("pdptw", "l100"): "routes as known >= 90 %, then <= 0.5 %",
    ("pdptw", "l200"): "routes as known >= 90 %, then <= 0.5 %",
}
NAMES = {
    "yinong": "**yinong**",
    "ortools": "CP-SAT + OR-Tools (our fallback)",
    "ortools-default": "OR-Tools, guided local search",
    "ortools-ils": "OR-Tools ILS",
    "pyvrp": "PyVRP",
    "vroom": "VROOM",
    "cpsat-pyvrp": "CP-SAT + PyVRP",
    "cpsat-vroom": "CP-SAT + VROOM",
}

HEAD = """
Written by `make bench` from the rows in [bench/](bench/); a further run adds rows. All who stand in one
table solved the same instances with the same budget on this machine. Every plan went through our `check`,
which shares no code with any search. Gaps are to the best known; where routes come first, only runs with no
more routes than the best known are compared, and how many those were is said. PyVRP and VROOM come from
`make install-bench`.
"""
BESIDE = """
One core each. *Comparable*: all served, every rule kept, no more routes than known.
PyVRP takes options as groups of clients but knows neither shared slots nor service levels: its own account
is *optimistic*, and what then finds no cell is inserted elsewhere or left. VROOM has no options, so where
there are any it stands only behind CP-SAT. A peer must begin every parcel of a stop inside the window, ours
only the stop. Parcels that need not be told apart are bundled for all alike.
"""
PLAIN = """
No cold budget, no shared slots. A peer on one core gets twice the seconds, the same core seconds as our two
workers. The last column compares cost and the value of what is left.
"""
FREEDOM = """
Value of what is left is not in the cost. On two loops each loop may use the whole fleet, and a van that
drives on both is paid for twice.
"""


def _flow(text: str) -> str:
    return " ".join(text.split())


def write_page(rows: Path, page: Path, pictures: Path) -> None:
    """Write the page, and the chart where there are rows for it."""
    results = {name: load_rows(rows / f"{name}.csv", Result) for name in ("goals", "peers")}
    days = {
        name: load_rows(rows / f"{name}.csv", Day)
        for name in ("plain", "days", "growth", "variants", "speedup", "start")
    }
    if len(points(days["growth"])) > 1:
        pictures.mkdir(parents=True, exist_ok=True)
        (pictures / "growth.svg").write_text(growth_svg(points(days["growth"])), encoding="utf-8")
    parts = [
        _head(rows / "machine.json"),
        _goals(results["goals"]),
        _peers(results["peers"]),
        _plain(days["plain"]),
        _days(days["days"], pictures, page),
        _growth(days["growth"], pictures, page),
        _speedup(days["speedup"]),
        _variants(days["variants"]),
        _start(days["start"]),
    ]
    page.write_text("\n\n".join(part for part in parts if part) + "\n", encoding="utf-8")


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def _head(file: Path) -> str:
    machine = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    facts = "; ".join(f"{name} {value}" for name, value in machine.items())
    return f"# The router, measured\n\n{_flow(HEAD)}\n\nMachine: {facts or 'not stated'}."


def _pct(value: float | None) -> str:
    return "–" if value is None else f"{value:+.2f}"


def _goals(results: Sequence[Result]) -> str:
    if not results:
        return ""
    rows = [
        (
            line.folder,
            line.size.removeprefix("l"),
            f"{line.seconds:g} s",
            line.runs,
            f"{100 * line.feasible / line.runs:.0f} %",
            f"{line.even} ({line.fewer} fewer)" if line.fewer else line.even,
            _pct(line.median_pct),
            _pct(line.worst_pct),
            GOAL.get((line.folder, line.size), ""),
        )
        for line in summary(results)
    ]
    head = ("family", "size", "budget", "runs", "feasible", "routes as known", "median %", "worst %", "goal")
    return "## Against the best known\n\n`yinong` on two workers.\n\n" + table(head, rows)


def _peers(results: Sequence[Result]) -> str:
    if not results:
        return ""
    rows = []
    for line in summary(results):
        mine = [
            r
            for r in results
            if (r.folder, r.engine, r.seconds) == (line.folder, line.engine, line.seconds)
            and group_of(r.instance) == line.size
        ]
        rows.append(
            (
                line.folder,
                line.size.removeprefix("l"),
                NAMES.get(line.engine, line.engine),
                f"{line.seconds:g} s",
                line.runs,
                line.even,
                _pct(line.median_pct),
                _pct(line.worst_pct),
                _remark(line.ignores, mine),
            )
        )
    head = ("family", "size", "engine", "budget", "runs", "comparable", "median %", "worst %", "remark")
    return f"## Beside other solvers\n\n{_flow(BESIDE)}\n\n{table(head, rows)}"


def _remark(ignores: str, runs: Sequence[Result]) -> str:
    said = []
    left = [r.unserved for r in runs if not r.refused]
    if any(left):
        said.append(f"leaves {min(left)}–{max(left)}" if min(left) != max(left) else f"leaves {left[0]}")
    more = [r.more_routes for r in runs if not r.refused and r.more_routes > 0]
    if more:
        said.append(f"up to {max(more)} routes more")
    if ignores:
        claims = [100 * (r.claimed_cost / r.bks_cost - 1) for r in runs if r.claimed_cost]
        said.append(f"optimistic {min(claims):+.1f} %" if claims else "optimistic")
    said += sorted({r.refused for r in runs if r.refused})
    return "; ".join(said)


def _plain(rows: Sequence[Day]) -> str:
    if not rows:
        return ""
    ours = min((row.total for row in rows if row.engine == "yinong" and not row.refused), default=None)
    lines = [
        (
            NAMES.get(row.engine, row.engine),
            f"{row.seconds:g} s x {row.workers}",
            f"{row.took_s:.0f} s",
            row.refused or f"{row.cost / 100:,.0f}",
            row.vans,
            row.unserved,
            _pct(100 * (1 - ours / row.total)) if ours and row.total and not row.refused else "–",
        )
        for row in sorted(rows, key=lambda row: (bool(row.refused), row.total))
    ]
    head = ("engine", "budget x cores", "took", "cost ¥", "vans", "unserved", "ours cheaper by %")
    size = rows[0].shipments
    text = f"`county-plain`: {size:,} shipments. {_flow(PLAIN)}"
    return f"## A county that every peer can say\n\n{text}\n\n{table(head, lines)}"


def _picture(pictures: Path, page: Path, name: str, text: str) -> str:
    file = pictures / name
    return f"\n\n![{text}]({file.relative_to(page.parent)})" if file.exists() else ""


def _days(rows: Sequence[Day], pictures: Path, page: Path) -> str:
    if not rows:
        return ""
    head = ("world", "shipments", "budget", "took", "cost ¥", "vans", "unserved", "memory", "goal")
    goal = {"county": "<= 60 s", "city": "<= 180 s, 2 GiB"}
    text = "## A whole day\n\nEverything at once: cells, cold budgets, breaks, segregation. Two workers.\n\n"
    text += table(
        head, [(*_day_cells(row), f"{row.memory_mb:,} MB", goal.get(row.world, "")) for row in rows]
    )
    for name in ("county", "city"):
        text += _picture(pictures, page, f"{name}.svg", f"The tours of `{name}`")
    return text


def _day_cells(row: Day) -> tuple[object, ...]:
    budget = f"{row.seconds:g} s" if row.seconds else f"{row.iterations:,} iterations"
    cost = row.refused or f"{row.cost / 100:,.0f}"
    return row.world, f"{row.shipments:,}", budget, f"{row.took_s:.1f} s", cost, row.vans, row.unserved


def _growth(rows: Sequence[Day], pictures: Path, page: Path) -> str:
    found = points(rows)
    if not found:
        return ""
    lines = [
        (
            f"{point.shipments:,}",
            f"{'<= ' if point.at_most else ''}{point.seconds:.2f} s",
            f"{point.best_fen / 100 / point.shipments:.3f}",
        )
        for point in found
    ]
    slope = exponent(found)
    fit = "" if slope is None else f" Fitted: n^{slope:.2f} (goal: no faster than n^1.2)."
    return (
        f"## Growth\n\nThe city's day at several sizes, each with budgets that double. Seconds until within "
        f"{100 * (GOOD - 1):.0f} % of the longest run, read between the two runs around it.{fit}\n\n"
        + table(("shipments", "seconds", "cost per shipment ¥"), lines)
        + _picture(pictures, page, "growth.svg", "Seconds and cost against shipments")
    )


def _speedup(rows: Sequence[Day]) -> str:
    by_workers = defaultdict[int, list[float]](list)
    for row in rows:
        if not row.refused:
            by_workers[row.workers].append(row.took_s)
    if not {1, 2} <= by_workers.keys():
        return ""
    one, two = (sum(by_workers[k]) / len(by_workers[k]) for k in (1, 2))
    row = rows[0]
    return (
        f"## From one worker to two\n\n`{row.world}` with {row.shipments:,} shipments, {row.iterations:,} "
        f"iterations a hub: one worker {one:.1f} s, two workers {two:.1f} s, {one / two:.2f} times as fast."
    )


def _variants(rows: Sequence[Day]) -> str:
    whole = next((row for row in rows if row.variant == WHOLE and not row.refused), None)
    if whole is None:
        return ""
    lines = [
        (
            row.variant,
            row.refused or f"{row.cost / 100:,.0f}",
            _pct(100 * (row.cost / whole.cost - 1)),
            row.vans,
            row.unserved,
        )
        for row in rows
    ]
    return (
        f"## What each freedom is worth\n\nOne county day of {whole.shipments:,} shipments, "
        f"{whole.seconds:g} s, solved again without it. {_flow(FREEDOM)}\n\n"
        + table(("the day", "cost ¥", "against it %", "vans", "unserved"), lines)
    )


def _start(rows: Sequence[Day]) -> str:
    if not rows:
        return ""
    took = sorted(row.took_s for row in rows)
    return (
        f"## The first call\n\nA whole `solve` process with {rows[0].shipments} shipments and "
        f"{rows[0].iterations} iterations, machine code on disk: {', '.join(f'{s:.2f}' for s in took)} s "
        "(goal: <= 3 s)."
    )
