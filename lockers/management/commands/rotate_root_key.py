"""`rotate_root_key start | move | status | finish`: change the root key of all devices in place."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from lockers.services.devices import rotation
from marketplace.kernel.errors import DomainError


class Command(BaseCommand):
    help = "Change the root key: start once, move until status names nobody, then finish (docs/devices.md)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("step", choices=["start", "move", "status", "finish"])

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self.stdout.write(self._step(options["step"]))
        except DomainError as error:
            raise CommandError(str(error)) from error

    def _step(self, step: str) -> str:
        if step == "start":
            rotation.start_root()
            return "a new root lies beside the old one; keep a copy of the file, then: rotate_root_key move"
        if step == "move":
            return f"{rotation.order_moves()} devices were ordered to take their new keys"
        if step == "status":
            left = list(rotation.not_moved().values_list("device", flat=True))
            return f"{len(left)} devices have not moved {' '.join(left)}".strip()
        rotation.finish_root()
        return "the old root is gone; one-time tokens that were not used end with it"
