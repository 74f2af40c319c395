"""`locker_keys`: make the file of root keys once, before the first cabinet is registered."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from lockers.services.devices.root_keys import create_key_file


class Command(BaseCommand):
    help = "Create LOCKER_KEY_FILE with fresh root keys; never overwrites."

    def handle(self, *args: Any, **options: Any) -> None:
        path = Path(settings.LOCKER_KEY_FILE)
        try:
            create_key_file(path)
        except FileExistsError:
            raise CommandError(f"{path} exists; cabinets depend on it") from None
        self.stdout.write(f"{path} written; keep a copy where no database dump goes")
