"""The QR code of a pickup: an Ed25519 token of 83 bytes, 133 base-32 characters, checked without network.

Bytes: version 1, group 8, cabinet mark 4, counter 2, expiry 4 (seconds since 1970), signature 64 over
"PK1" and the 19 bytes before it. It opens only doors that hold its group, in the one cabinet it was made for,
once per (group, counter). A move to another cabinet needs a new QR; the eight digits stay.
"""

import base64
import binascii
import hashlib
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from lockers.protocol.errors import Refused

_PREFIX = b"PK1"
_LAYOUT = struct.Struct(">BQ4sHI")
_VERSION = 1
TOKEN_CHARACTERS = 133


@dataclass(frozen=True, slots=True)
class PickupToken:
    group: int
    counter: int
    expires_at: datetime


def sign_pickup(key: Ed25519PrivateKey, *, device: str, token: PickupToken) -> str:
    """The text to draw as a QR code (upper case and digits: QR's alphanumeric mode)."""
    payload = _LAYOUT.pack(
        _VERSION,
        token.group,
        _mark(device),
        token.counter,
        int(token.expires_at.timestamp()),
    )
    return base64.b32encode(payload + key.sign(_PREFIX + payload)).decode().rstrip("=")


def read_pickup(text: str, *, device: str, keys: Iterable[Ed25519PublicKey], now: datetime) -> PickupToken:
    """The token of a scanned text; raises Refused with code `bad_token`, `wrong_locker` or `expired`.

    Several keys stand for a rotation. Whether the group lies here, its counter is current and the token
    unused is the cabinet's own knowledge.
    """
    payload, signature = _split(text)
    if not any(_holds(key, signature, _PREFIX + payload) for key in keys):
        raise Refused("signature does not hold", code="bad_token")
    version, group, mark, counter, expiry = _LAYOUT.unpack(payload)
    if version != _VERSION:
        raise Refused(f"token version {version}", code="bad_token")
    if mark != _mark(device):
        raise Refused("made for another cabinet", code="wrong_locker")
    token = PickupToken(group=group, counter=counter, expires_at=datetime.fromtimestamp(expiry, UTC))
    if now >= token.expires_at:
        raise Refused("token expired", code="expired")
    return token


def _split(text: str) -> tuple[bytes, bytes]:
    if len(text) != TOKEN_CHARACTERS:
        raise Refused(f"a token has {TOKEN_CHARACTERS} characters", code="bad_token")
    try:
        raw = base64.b32decode(text + "===")
    except (binascii.Error, ValueError):
        raise Refused("not base 32", code="bad_token") from None
    if base64.b32encode(raw).decode().rstrip("=") != text:  # the last character has bits to spare
        raise Refused("not the canonical spelling", code="bad_token")
    return raw[: _LAYOUT.size], raw[_LAYOUT.size :]


def _holds(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _mark(device: str) -> bytes:
    return hashlib.sha256(device.encode()).digest()[:4]
