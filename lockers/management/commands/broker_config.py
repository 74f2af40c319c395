"""`broker_config FOLDER`: Mosquitto's configuration with one identity per registered device."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from lockers.models import Device
from lockers.protocol import keys
from lockers.services.root_keys import root_keys
from lockers.transports.mosquitto import SERVER_USER, SIMULATION_USER, Tls, write_configuration


class Command(BaseCommand):
    help = "Write mosquitto.conf, acl and passwords; again after devices were registered, revoked or reset."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=1883)
        parser.add_argument("--simulation-password", help="also let a process of simulated cabinets in")
        for name in ("ca", "certificate", "key"):
            parser.add_argument(f"--{name}", type=Path, help="file, for TLS")
        parser.add_argument("--require-certificate", action="store_true", help="of each device")

    def handle(self, *args: Any, **options: Any) -> None:
        password = urlsplit(settings.MQTT_URL).password
        if not password:
            raise CommandError("MQTT_URL must name the server's password: mqtt://ingest:PASSWORD@host")
        tls = None
        files = [options[name] for name in ("ca", "certificate", "key")]
        if any(files):
            if not all(files):
                raise CommandError("TLS needs --ca, --certificate and --key")
            ca, certificate, key = files
            tls = Tls(ca, certificate, key, require_certificate=options["require_certificate"])
        passwords = {SERVER_USER: password, **device_passwords()}
        if options["simulation_password"]:
            passwords[SIMULATION_USER] = options["simulation_password"]
        conf = write_configuration(
            options["folder"],
            host=options["host"],
            port=options["port"],
            passwords=passwords,
            tls=tls,
        )
        self.stdout.write(f"{conf}: {Device.objects.filter(revoked_at=None).count()} devices")


def device_passwords() -> dict[str, str]:
    """By device id; a revoked device has none, one of a new generation has another."""
    root = root_keys()
    return {
        each.device: keys.broker_password(root.locker(device=each.device, generation=each.generation))
        for each in Device.objects.filter(revoked_at=None)
    }
