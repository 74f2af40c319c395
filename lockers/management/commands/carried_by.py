"""`carried_by NAME DEVICE...`: these cabinets are reached through a maker's platform of CARRIER_FILE."""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from lockers.services.devices.carriers import carrier, carry
from marketplace.kernel.errors import DomainError


class Command(BaseCommand):
    help = "Reach devices through a maker's platform; NAME 'wire' brings them back to our own wire."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("devices", nargs="+")

    def handle(self, *args: Any, **options: Any) -> None:
        name = "" if options["name"] == "wire" else options["name"]
        try:
            if name:
                carrier(name)
            count = carry(devices=options["devices"], name=name)
        except (ImproperlyConfigured, DomainError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{count} devices; restart their ingest workers")
