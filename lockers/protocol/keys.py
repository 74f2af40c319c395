"""Keys: everything a cabinet or the server signs with comes from two root keys that no database holds.

A cabinet holds its own locker key; a new generation (after a reset, a theft) has a new one, so whatever was
sealed or signed for the old generation fails.
"""

import base64
import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from lockers.protocol.errors import Refused

KEY_BYTES = 32
_NONCE_BYTES = 12


def locker_key(root_key: bytes, *, device: str, generation: int) -> bytes:
    """The permanent secret of one device in one generation."""
    return _derived(root_key, b"locker-v1", device.encode(), generation.to_bytes(4, "big"))


def tag_key(locker_key: bytes) -> bytes:
    return _derived(locker_key, b"tag-v1")


def command_key(locker_key: bytes) -> bytes:
    return _derived(locker_key, b"command-v1")


def seal_key(locker_key: bytes) -> bytes:
    return _derived(locker_key, b"seal-v1")


def broker_password(locker_key: bytes) -> str:
    """What the device shows to the MQTT broker; from it no other key can be computed."""
    return _derived(locker_key, b"mqtt-v1").hex()


def request_key(locker_key: bytes) -> bytes:
    """Signs the device's requests over HTTPS."""
    return _derived(locker_key, b"https-v1")


def registration_key(root_key: bytes) -> bytes:
    """Under it the server keeps one-time tokens; of no use against any device's own key."""
    return _derived(root_key, b"registration-v1")


def seal_new_key(new_key: bytes, *, old_key: bytes, device: str, generation: int) -> str:
    """A device's key under another root, readable by the holder of its present key only (base 64)."""
    nonce = os.urandom(_NONCE_BYTES)
    about = f"rekey-v1|{device}|{generation}".encode()
    return base64.b64encode(
        nonce + ChaCha20Poly1305(seal_key(old_key)).encrypt(nonce, new_key, about)
    ).decode()


def open_new_key(text: str, *, old_key: bytes, device: str, generation: int) -> bytes:
    """Raises Refused (`bad_key`)."""
    try:
        raw = base64.b64decode(text, validate=True)
        about = f"rekey-v1|{device}|{generation}".encode()
        new_key = ChaCha20Poly1305(seal_key(old_key)).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], about)
    except (ValueError, InvalidTag):
        raise Refused("not sealed for this device", code="bad_key") from None
    if len(new_key) != KEY_BYTES:
        raise Refused("not a key", code="bad_key")
    return new_key


def _derived(key: bytes, *parts: bytes) -> bytes:
    """Length-prefixed parts, so that no two lists of parts give the same input."""
    if len(key) < KEY_BYTES:
        raise ValueError(f"a key has at least {KEY_BYTES} bytes")
    message = b"".join(len(part).to_bytes(2, "big") + part for part in parts)
    return hmac.digest(key, message, hashlib.sha256)
