"""`python -m marketplace.launcher COMMAND`: what the Makefile calls."""

from __future__ import annotations

import argparse
import sys

from marketplace.launcher import commands
from marketplace.launcher.config import read_config
from marketplace.launcher.errors import LauncherError

COMMANDS = {
    "up": (commands.up, "start everything and serve until Ctrl-C"),
    "demo": (commands.demo, "start everything, run one day in Yichun, serve until Ctrl-C"),
    "services": (commands.services, "start PostgreSQL and Redis only and print the environment for a shell"),
    "audit": (commands.audit, "judge the finished day from the database and the cabinets' journals"),
    "stop": (commands.stop, "stop what runs on the data folder"),
}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m marketplace.launcher", description=__doc__)
    choices = parser.add_subparsers(dest="command", required=True)
    for name, (_, explanation) in COMMANDS.items():
        choices.add_parser(name, help=explanation)
    chosen = parser.parse_args(arguments).command
    try:
        return COMMANDS[chosen][0](read_config())
    except LauncherError as error:
        print(f"yinong: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
