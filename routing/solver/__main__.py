"""The command line.

    python -m routing.solver solve FILE --format auto --seconds 20 --workers 2 --seed 1 --out plan.json
    python -m routing.solver check FILE plan.json
    python -m routing.solver bench DIR --seconds 20 --engines yinong,pyvrp --sample 5 --resume --out r.csv

`solve` prints one JSON line. Exit 0: feasible and all served; 1: something stays unserved (check: a rule is
broken); 2: bad input, with file, line or path, and field on stderr.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from routing.solver.check import check
from routing.solver.engines.base import Limits
from routing.solver.errors import SolverError
from routing.solver.formats import FORMATS, Convention, format_of
from routing.solver.peers import PEERS
from routing.solver.solve import DEFAULT_ENGINE, ENGINES, Progress, solve

SERVED, LEFT, BAD_INPUT = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    options = _parser().parse_args(arguments)
    try:
        return {"solve": _solve, "check": _check, "bench": _bench}[options.command](options)
    except SolverError as error:
        print(f"error: {error}", file=sys.stderr)
        return BAD_INPUT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m routing.solver")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("solve", help="plan a problem")
    run.add_argument("file", type=Path)
    run.add_argument("--engine", default=DEFAULT_ENGINE, choices=sorted(ENGINES))
    run.add_argument("--seconds", type=float, default=None, help="default 20 unless --iterations is given")
    run.add_argument("--iterations", type=int, default=None)
    run.add_argument("--gap", type=float, default=None, help="good enough: share above --bound or a floor")
    run.add_argument("--bound", type=float, default=None)
    run.add_argument("--workers", type=int, default=1)
    run.add_argument("--seed", type=int, default=1)
    run.add_argument("--out", type=Path, default=None)
    run.add_argument("--verbose", action="store_true", help="report progress on stderr")
    judge = commands.add_parser("check", help="judge a plan")
    judge.add_argument("file", type=Path)
    judge.add_argument("plan", type=Path)
    measure = commands.add_parser("bench", help="measure engines against best-known solutions")
    measure.add_argument("dir", type=Path)
    measure.add_argument("--seconds", default="20", help="or by size class: 25:10,50:10,400:60,20")
    measure.add_argument("--workers", type=int, default=2)
    measure.add_argument("--seed", type=int, default=1)
    measure.add_argument("--engines", default="yinong,ortools", help="also peers: " + ", ".join(PEERS))
    measure.add_argument("--sample", type=int, default=None, help="instances per size class")
    measure.add_argument("--resume", action="store_true", help="leave out what --out already holds")
    measure.add_argument("--out", type=Path, default=Path("results.csv"))
    for command in (run, judge, measure):
        command.add_argument("--tilk", action="store_true", help="vrpdo: the convention of Tilk et al. 2021")
    for command in (run, judge):
        command.add_argument("--format", default="auto", choices=("auto", *FORMATS))
        command.add_argument(
            "--objective", default="distance", choices=("distance", "routes"), help="solomon"
        )
    return parser


def _solve(options: argparse.Namespace) -> int:
    started_s = time.monotonic()
    family = format_of(options.format, options.file)
    problem = family.read_problem(options.file, _convention(options))
    seconds = options.seconds
    if seconds is None and options.iterations is None:
        seconds = 20.0
    limits = Limits(
        seconds=seconds,
        iterations=options.iterations,
        gap=options.gap,
        bound=options.bound,
        workers=options.workers,
    )
    listen = _report if options.verbose else _silent
    solution = solve(problem, limits=limits, engine=options.engine, seed=options.seed, listen=listen)
    if options.out is not None:
        family.write_plan(solution, problem, options.out)
    line = {
        "instance": problem.name,
        "cost": family.cost(solution, problem),
        "routes": len(solution.routes),
        "unserved": len(solution.unserved),
        "seconds": round(time.monotonic() - started_s, 3),
        "engine": solution.engine,
        "seed": solution.seed,
    }
    print(json.dumps(line, ensure_ascii=False))
    return LEFT if solution.unserved else SERVED


def _convention(options: argparse.Namespace) -> Convention:
    return Convention(tilk=options.tilk, routes_first=options.objective == "routes")


def _check(options: argparse.Namespace) -> int:
    family = format_of(options.format, options.file)
    problem = family.read_problem(options.file, _convention(options))
    verdict = check(problem, family.read_plan(options.plan, problem))
    line = {
        "instance": problem.name,
        "feasible": verdict.feasible,
        "cost": verdict.cost,
        "distance_m": verdict.distance_m,
        "unserved_value": verdict.unserved_value,
        "violations": [str(violation) for violation in verdict.violations],
    }
    print(json.dumps(line, ensure_ascii=False))
    return SERVED if verdict.feasible else LEFT


def _bench(options: argparse.Namespace) -> int:
    # All solvers there are: `solve` and `check` should not wait for them.
    from routing.solver import bench

    engines, budget = options.engines.split(","), bench.Budget.of(options.seconds)
    for engine in engines:
        bench.any_engine(engine)
    earlier = bench.load_results(options.out) if options.resume else []
    if not options.resume:
        options.out.unlink(missing_ok=True)
    found = bench.sample(bench.cases(options.dir, tilk=options.tilk), options.sample)
    results = [r for r in earlier if r.folder == options.dir.name]
    done = {r.key for r in earlier}
    for result in bench.run(
        found, engines=engines, budget=budget, workers=options.workers, seed=options.seed, done=done
    ):
        bench.append_row(options.out, result)
        results.append(result)
        print(result.line(), flush=True)
    print("\n".join(str(line) for line in bench.summary(results)))
    return SERVED


def _report(progress: Progress) -> None:
    print(f"{progress.elapsed_s:7.2f} s {progress.engine} {progress.stage} {progress.cost}", file=sys.stderr)


def _silent(progress: Progress) -> None:
    return


if __name__ == "__main__":
    sys.exit(main())
