"""`ingest`: owns the devices' transport until told to stop."""

import signal
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from lockers.ingest import Ingest, default_socket, serve_loopback
from lockers.transports.port import TransportError


class Command(BaseCommand):
    help = "Store what the cabinets say, acknowledge it after the commit, send them orders and configuration."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            serve_loopback(default_socket(), ready=self._ready)
        except TransportError as error:
            raise CommandError(str(error)) from error

    def _ready(self, ingest: Ingest) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: ingest.stop())
        self.stdout.write(f"devices on {default_socket()}")
