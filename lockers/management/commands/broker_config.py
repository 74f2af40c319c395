"""`broker_config FOLDER`: Mosquitto's configuration with one identity per registered device."""

import threading
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from lockers.models import Device
from lockers.protocol import keys
from lockers.services.devices.registration import BROKER_CHANNEL
from lockers.services.devices.root_keys import locker_of
from lockers.transports.mosquitto import (
    SERVER_USER,
    SIMULATION_USER,
    Tls,
    reload,
    write_configuration,
    write_passwords,
)

LOOK_EVERY_S = 2.0


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
        parser.add_argument("--revoked", type=Path, help="file: certificates that no longer count (CRL)")
        parser.add_argument(
            "--watch", action="store_true", help="stay, and let the broker know of every change at once"
        )

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
            tls = Tls(
                ca,
                certificate,
                key,
                require_certificate=options["require_certificate"],
                revoked=options["revoked"],
            )
        fixed = {SERVER_USER: password}
        if options["simulation_password"]:
            fixed[SIMULATION_USER] = options["simulation_password"]
        passwords = {**fixed, **device_passwords()}
        conf = write_configuration(
            options["folder"],
            host=options["host"],
            port=options["port"],
            passwords=passwords,
            tls=tls,
        )
        self.stdout.write(f"{conf}: {Device.objects.filter(revoked_at=None).count()} devices")
        if options["watch"]:
            watch(options["folder"], fixed)


def watch(folder: Path, fixed: Mapping[str, str], *, stop: threading.Event | None = None) -> None:
    """Keep the broker's passwords as the database has them: at once after a note of registration.py, and
    every LOOK_EVERY_S should one have been lost.
    """
    stopping = stop or threading.Event()
    parameters = connection.get_connection_params()
    parameters.pop("cursor_factory", None)
    parameters.pop("context", None)
    with psycopg.connect(**parameters, autocommit=True) as raw:
        raw.execute(f"LISTEN {BROKER_CHANNEL}")
        while not stopping.is_set():
            if write_passwords(folder, {**fixed, **device_passwords()}):
                reload(folder)
            for _ in raw.notifies(timeout=LOOK_EVERY_S, stop_after=1):
                pass


def device_passwords() -> dict[str, str]:
    """By device id; a revoked device has none, one of a new generation has another."""
    return {
        each.device: keys.broker_password(locker_of(each)) for each in Device.objects.filter(revoked_at=None)
    }
