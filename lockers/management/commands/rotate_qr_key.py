"""`rotate_qr_key start | switch | finish`: change the key that signs QR codes, without a QR that fails."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from lockers.services.devices import rotation
from marketplace.kernel.errors import DomainError


class Command(BaseCommand):
    help = "Change the QR signing key: start announces it, switch signs with it, finish ends the old one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("step", choices=["start", "switch", "finish"])
        parser.add_argument("--anyway", action="store_true", help="though some QR codes will then be refused")

    def handle(self, *args: Any, **options: Any) -> None:
        step, anyway = options["step"], options["anyway"]
        try:
            if step == "start":
                rotation.start_qr()
            elif step == "switch":
                rotation.switch_qr(anyway=anyway)
            else:
                rotation.finish_qr(anyway=anyway)
        except DomainError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{step}: done; {len(rotation.not_told())} cabinets have not confirmed it yet")
