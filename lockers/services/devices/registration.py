"""Who a device is: a one-time token (开箱注册) is exchanged for the key of one generation.

A registration begins a new generation wherever the device had one before: what was sealed, signed or ordered
for the old one no longer counts, and its key gets nobody in. Nothing here is guessable: tokens have 160 bits.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import F

from lockers.errors import RegistrationRefused
from lockers.models import Command, CommandStatus, Device, RegistrationToken
from lockers.protocol import keys
from lockers.services.devices.commands import UNRESOLVED
from lockers.services.devices.root_keys import locker_of, present_mark, root_keys
from lockers.services.sites.cabinets import CONFIG_CHANNEL, notify
from marketplace.kernel import clock

log = structlog.get_logger()
TOKEN_BYTES = 20
TOKEN_LIVES = timedelta(hours=72)
BROKER_CHANNEL = "lockers_identities"  # somebody came, went or has another password: the broker must know


@dataclass(frozen=True, slots=True)
class Identity:
    """All that a device keeps in flash; sent once, over TLS."""

    device: str
    generation: int
    key: bytes = field(repr=False)

    @property
    def broker_password(self) -> str:
        return keys.broker_password(self.key)


def issue_token(*, device: Device, issued_by: UUID | None = None) -> str:
    """A token for the device's next start; those issued before and not used no longer count."""
    token = base64.b32encode(secrets.token_bytes(TOKEN_BYTES)).decode()
    wall = clock.wall()
    with transaction.atomic():
        locked = Device.objects.select_for_update().get(pk=device.pk)
        unused = RegistrationToken.objects.filter(device=locked, used_at=None)
        unused.update(expires_at=wall)
        fresh = locked.registered_at is None and locked.revoked_at is None and not locked.boot
        RegistrationToken.objects.create(
            device=locked,
            digest=_digest(token),
            generation=locked.generation if fresh else locked.generation + 1,
            issued_at=wall,
            issued_by=issued_by,
            expires_at=wall + TOKEN_LIVES,
        )
    return token


def register(token: str) -> Identity:
    """Use the token up and give the device its key, in one transaction; a second use finds nothing.

    Raises RegistrationRefused without saying why: a used token, an expired one and a guess look alike.
    """
    wall = clock.wall()
    with transaction.atomic():
        # The condition in the UPDATE decides a race of two devices with one token.
        used = RegistrationToken.objects.filter(digest=_digest(token), used_at=None, expires_at__gt=wall)
        found = RegistrationToken.objects.filter(digest=_digest(token)).first()
        if found is None or used.update(used_at=wall) == 0:
            raise RegistrationRefused(field="token")
        Device.objects.filter(pk=found.device_id).update(
            generation=found.generation, registered_at=wall, revoked_at=None, config_applied=0,
            root_mark=present_mark(),
            config_version=F("config_version") + 1, request_boot=0, request_number=0,
        )  # fmt: skip
        _forget_orders(found.device_id)
        device = Device.objects.get(pk=found.device_id)
        notify(CONFIG_CHANNEL)
        notify(BROKER_CHANNEL)
    log.info("device.registered", device=device.device, generation=device.generation)
    key = locker_of(device)
    return Identity(device=device.device, generation=device.generation, key=key)


def revoke(*, device: Device) -> None:
    """Its messages are refused from here on; the broker throws it out; the key it has stays worthless."""
    with transaction.atomic():
        Device.objects.filter(pk=device.pk, revoked_at=None).update(
            revoked_at=clock.wall(), generation=F("generation") + 1, online=False, registered_at=None
        )
        RegistrationToken.objects.filter(device=device, used_at=None).update(expires_at=clock.wall())
        _forget_orders(device.pk)
        notify(BROKER_CHANNEL)


def _forget_orders(device_id: int) -> None:
    """An order for the old generation must not be signed for the new one."""
    Command.objects.filter(UNRESOLVED, device=device_id).update(
        status=CommandStatus.EXPIRED, ended_at=clock.wall()
    )


def _digest(token: str) -> bytes:
    """HMAC of the token's bytes; what is no token has the digest of nothing that was ever issued."""
    try:
        raw = base64.b32decode(token.strip().upper().encode())
    except (binascii.Error, ValueError):
        raw = b""
    return hmac.digest(root_keys().registration, raw, hashlib.sha256)
