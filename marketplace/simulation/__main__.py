"""`python -m marketplace.simulation day`: play one working day against a running product."""

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path

from marketplace.kernel.errors import DomainError
from marketplace.simulation.day.run import play_day
from marketplace.simulation.worlds import DEFAULT_SEED, World, build, leaflet


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0 when the day was played to its end, 2 for bad input."""
    options = _parser().parse_args(arguments)
    try:
        world = _world(options)
    except (DomainError, OSError, KeyError, ValueError) as error:
        print(f"marketplace.simulation: {error}", file=sys.stderr)
        return 2
    asyncio.run(
        play_day(
            world=world,
            base_url=options.base_url,
            control_url=options.control,
            summary_file=options.summary,
        )
    )
    print(options.summary)
    return 0


def _parser() -> argparse.ArgumentParser:
    environ = os.environ
    parser = argparse.ArgumentParser(prog="python -m marketplace.simulation", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    day = commands.add_parser("day", help="play one working day through the public API")
    day.add_argument("--base-url", required=True, help="where the web server answers")
    day.add_argument(
        "--control", default=environ.get("CABINET_CONTROL_URL"), help="control interface of the cabinets"
    )
    day.add_argument("--summary", type=Path, required=True, help="JSON file to write")
    day.add_argument("--world", help="name of the loaded world; default: what world.json says")
    day.add_argument("--seed", type=int, default=DEFAULT_SEED)
    day.add_argument("--data", type=Path, default=Path(environ.get("YINONG_DATA", ".data")))
    return parser


def _world(options: argparse.Namespace) -> World:
    """The world as it was loaded: from the arguments, or from the leaflet that load_world left."""
    if not options.control:
        raise ValueError("--control or CABINET_CONTROL_URL must say where the cabinets are")
    if options.world:
        return build(options.world, options.seed)
    loaded = json.loads((options.data / leaflet.FILE_NAME).read_text(encoding="utf-8"))
    return build(loaded["world"], loaded["seed"])


if __name__ == "__main__":
    sys.exit(main())
