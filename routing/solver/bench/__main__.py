"""The runs of docs/benchmarks.md.

    python -m routing.solver.bench goals peers plain days growth variants speedup start page

Each table is resumed: what docs/bench/TABLE.csv holds is not run again (`--again` forgets it). Without names:
all of them. `page` writes the page from what is there.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from routing.solver.bench.page import write_page
from routing.solver.bench.runner import expected_s, machine, run_table
from routing.solver.bench.tables import TABLES, Scope
from routing.solver.errors import SolverError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run tables; exit 2 where the public instances are missing."""
    options = _parser().parse_args(arguments)
    rows, pictures = options.docs / "bench", options.docs / "pictures"
    scope = Scope(options.data, pictures, options.sample, options.seed, options.scale)
    names = options.tables or [*TABLES, "page"]
    try:
        for name in names:
            if name != "page":
                _table(name, rows, scope, options)
    except SolverError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if not options.plan:
        write_page(rows, options.docs / "benchmarks.md", pictures)
    return 0


def _table(name: str, rows: Path, scope: Scope, options: argparse.Namespace) -> None:
    kind, jobs_of = TABLES[name]
    jobs, file = jobs_of(scope), rows / f"{name}.csv"
    if options.plan:
        print(f"{name}: {len(jobs)} runs, about {expected_s(jobs) / 60:.1f} minutes")
        return
    if options.again:
        file.unlink(missing_ok=True)
    if run_table(file, kind, jobs, say=lambda line: print(line, flush=True)):
        text = json.dumps(machine(), ensure_ascii=False, indent=1) + "\n"
        (rows / "machine.json").write_text(text, encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m routing.solver.bench")
    parser.add_argument("tables", nargs="*", metavar="TABLE", choices=[*TABLES, "page", []], default=[])
    parser.add_argument("--data", type=Path, default=Path("../shared/data/routing"), help="public instances")
    parser.add_argument("--docs", type=Path, default=Path("docs"))
    parser.add_argument("--sample", type=int, default=1, help="instances per size class")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scale", type=float, default=1.0, help="smaller days and budgets, to try it out")
    parser.add_argument("--again", action="store_true", help="forget the rows of the named tables first")
    parser.add_argument("--plan", action="store_true", help="say what would be run and how long it takes")
    return parser


if __name__ == "__main__":
    sys.exit(main())
