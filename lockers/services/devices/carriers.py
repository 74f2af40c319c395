"""Makers' platforms that reach cabinets for us: named in a file outside the database, with their keys.

CARRIER_FILE: {"name": {"url", "call_key", "hook_key", "listen", "public_url"}}, as docs/maker-http.md has it.
A device belongs to one of them or to our own wire; nobody else's events about it are believed.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction

from lockers.models import Device
from lockers.services.sites.cabinets import CONFIG_CHANNEL, notify
from lockers.transports.maker import Platform
from marketplace.kernel.errors import N_, InvalidInput

LEAST_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Carrier:
    name: str
    platform: Platform
    listen: tuple[str, int]
    public_url: str


def carrier(name: str) -> Carrier:
    """Raises ImproperlyConfigured, naming the file."""
    path = Path(settings.CARRIER_FILE)
    try:
        plain = json.loads(path.read_text())[name]
        call_key, hook_key = (bytes.fromhex(plain[key]) for key in ("call_key", "hook_key"))
        host, _, port = plain["listen"].rpartition(":")
        if min(len(call_key), len(hook_key)) < LEAST_KEY_BYTES:
            raise ValueError(f"a key has at least {LEAST_KEY_BYTES} bytes")
        url, public_url = (str(plain[each]).rstrip("/") for each in ("url", "public_url"))
        return Carrier(name, Platform(url, call_key, hook_key), (host or "127.0.0.1", int(port)), public_url)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ImproperlyConfigured(f"CARRIER_FILE {path}, {name!r}: {error!r}") from None


def carry(*, devices: Sequence[str], name: str) -> int:
    """These devices are reached through that platform from now on ('': over our own wire); how many.

    Raises InvalidInput naming those that are not there; then none is changed.
    """
    with transaction.atomic():
        known = Device.objects.select_for_update().filter(device__in=devices, revoked_at=None)
        missing = set(devices) - set(known.values_list("device", flat=True))
        if missing:
            raise InvalidInput(
                N_("没有这些设备：%(names)s"), field="devices", params={"names": ", ".join(sorted(missing))}
            )
        changed = Device.objects.filter(device__in=devices).update(carrier=name, online=False)
        notify(CONFIG_CHANNEL)
    return int(changed)
