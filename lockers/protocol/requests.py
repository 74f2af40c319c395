"""Requests over HTTPS, for where MQTT does not get through: signed with a key of the device's own.

The signature covers who speaks, a number that only grows (boot, then a counter within it) and the whole body.
A request that was recorded and is sent again carries an old number.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass

from lockers.protocol.envelope import is_device_id
from lockers.protocol.errors import Malformed, Refused

HEADER = "Yinong-Device"
BODY_LIMIT_BYTES = 1024 * 1024
_HEADER = re.compile(r"([A-Za-z0-9_-]{1,32}) ([0-9]{1,18})\.([0-9]{1,18}) ([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Signed:
    """What the header says; nothing of it is proved until `check`."""

    device: str
    boot: int
    number: int
    mac: str


def sign_request(key: bytes, *, device: str, boot: int, number: int, body: bytes) -> str:
    """The value of the header."""
    return f"{device} {boot}.{number} {_mac(key, device, boot, number, body)}"


def read_header(text: str) -> Signed:
    """Raises Malformed."""
    match = _HEADER.fullmatch(text)
    if match is None or not is_device_id(match[1]):
        raise Malformed(f"{HEADER}: device boot.number mac")
    return Signed(match[1], int(match[2]), int(match[3]), match[4])


def check(signed: Signed, *, key: bytes, body: bytes) -> None:
    """Raises Refused (`bad_mac`)."""
    right = _mac(key, signed.device, signed.boot, signed.number, body)
    if not hmac.compare_digest(right, signed.mac):
        raise Refused("mac does not hold", code="bad_mac")


def _mac(key: bytes, device: str, boot: int, number: int, body: bytes) -> str:
    about = f"https-v1 {device} {boot}.{number} {len(body)} ".encode()
    return hmac.new(key, about + hashlib.sha256(body).digest(), hashlib.sha256).hexdigest()
