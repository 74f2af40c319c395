"""`load_world NAME`: fill an empty database with a seeded world."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from marketplace.kernel.errors import DomainError
from marketplace.simulation.loading.load import load
from marketplace.simulation.worlds import DEFAULT_SEED, build, leaflet
from marketplace.simulation.worlds.extents import EXTENTS


class Command(BaseCommand):
    help = "Write a seeded world of Yichun into an empty database and stop business time on its eve."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help=f"one of {', '.join(EXTENTS)}; bench worlds also with -plain")
        parser.add_argument("--seed", type=int, default=DEFAULT_SEED)
        parser.add_argument("--reset", action="store_true", help="delete everything first")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.TESTER_CONSOLE:
            raise CommandError("A world moves business time: set TESTER_CONSOLE=1 to allow it here.")
        try:
            world = build(options["name"], options["seed"])
            load(world, reset=options["reset"])
        except DomainError as error:
            raise CommandError(str(error)) from error
        file = leaflet.write(world, Path(settings.DATA_DIR))
        self.stdout.write(f"{world.name}, seed {world.seed}, {world.day}: logins in {file}")
