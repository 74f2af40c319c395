"""`python -m marketplace.reports.audit --database-url URL --journals DIR`: judge a finished day.

Exit code 0 when nothing was found, 1 with findings, 2 when there is nothing to judge.
"""

import argparse
import json
import sys
from datetime import date
from pathlib import Path

import psycopg

from marketplace.reports.audit.findings import Verdict
from marketplace.reports.audit.judge import judge

_SHOWN = 30


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        verdict = judge(database_url=options.database_url, journals=options.journals, day=options.day)
    except (LookupError, OSError, psycopg.Error) as error:
        print(f"audit: {error}", file=sys.stderr)
        return 2
    if options.json is not None:
        text = json.dumps(verdict.as_json(), ensure_ascii=False, indent=2)
        options.json.write_text(text, encoding="utf-8")
    _print(verdict)
    return 0 if verdict.passed else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m marketplace.reports.audit", description=__doc__)
    parser.add_argument("--database-url", required=True)
    parser.add_argument("--journals", type=Path, required=True, help="folder of the cabinets' journals")
    parser.add_argument("--day", type=date.fromisoformat, help="default: the day with most orders")
    parser.add_argument("--json", type=Path, help="file for the verdict")
    return parser


def _print(verdict: Verdict) -> None:
    counts = verdict.counts
    served, parcels = counts["served"], counts["parcels"]
    print(f"{verdict.day}: {served} of {parcels} parcels served ({counts['served_share']:.1%})")
    for name in ("up", "down", "direct", "chilled", "frozen"):
        part = counts[name]
        print(f"  {name:<8} {part['parcels']:>5}  {part['share']:.1%}  {part['served']} served")
    print(f"  postings {counts['postings']:>5}  events ask for {counts['postings_expected']}")
    print(f"  doors    {counts['doors_opened_and_closed']:>5}  opened and closed, by the cabinets' journals")
    for finding in verdict.findings[:_SHOWN]:
        print(f"! {finding}")
    if len(verdict.findings) > _SHOWN:
        print(f"! and {len(verdict.findings) - _SHOWN} more")
    print("passed" if verdict.passed else f"{len(verdict.findings)} findings")


if __name__ == "__main__":
    sys.exit(main())
