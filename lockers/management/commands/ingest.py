"""`ingest`: owns the devices' transport until told to stop."""

import signal
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from lockers.ingest import Ingest, serve_loopback, serve_maker, serve_mqtt
from lockers.services.devices.carriers import carrier
from lockers.transports.mosquitto import SERVER_USER
from lockers.transports.mqtt import Broker
from lockers.transports.port import TransportError


class Command(BaseCommand):
    help = "Store what the cabinets say, acknowledge it after the commit, send them orders and configuration."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--carrier", help="a maker's platform of CARRIER_FILE instead")
        parser.add_argument("--name", default=SERVER_USER, help="MQTT client id; one per worker")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["carrier"]:
                serve_maker(carrier(options["carrier"]), ready=self._ready)
            elif settings.MQTT_URL:
                serve_mqtt(Broker.from_url(settings.MQTT_URL), name=options["name"], ready=self._ready)
            else:
                serve_loopback(Path(settings.DEVICE_SOCKET), ready=self._ready)
        except (TransportError, ValueError) as error:
            raise CommandError(str(error)) from error

    def _ready(self, ingest: Ingest) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: ingest.stop())
        self.stdout.write("devices on MQTT" if settings.MQTT_URL else f"devices on {settings.DEVICE_SOCKET}")
