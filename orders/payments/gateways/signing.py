"""RSA2 signatures of the Alipay wire: PKCS#1 v1.5 over SHA-256, and nothing else.

The SDK signs in pure Python (about 25 ms) and accepts any digest in an answer; both are done here with
`cryptography` instead. A test holds the request signature byte-equal to the SDK's.
"""

import base64
import binascii
import re
from collections.abc import Collection, Mapping
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

PEM_BLOCK = re.compile(rb"-----BEGIN [A-Z ]+-----.+?-----END [A-Z ]+-----", re.S)


class BadKey(ValueError):
    """A file or setting that holds no usable RSA key."""


def load_private_key(path: Path) -> rsa.RSAPrivateKey:
    return read_private_key(path.read_bytes(), name=str(path))


def load_public_key(path: Path) -> rsa.RSAPublicKey:
    """The first key of a file."""
    return read_public_keys(path.read_bytes(), name=str(path))[0]


def read_private_key(raw: bytes, *, name: str) -> rsa.RSAPrivateKey:
    """PEM (PKCS#1 or PKCS#8) or the bare base64 that the provider's key tool writes. Raises BadKey."""
    raw = raw.strip()
    try:
        if raw.startswith(b"-----BEGIN"):
            key = serialization.load_pem_private_key(raw, password=None)
        else:
            key = serialization.load_der_private_key(base64.b64decode(raw), password=None)
    except (ValueError, TypeError) as error:
        raise BadKey(f"{name}: {error}") from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise BadKey(f"{name} holds no RSA private key")
    return key


def read_public_keys(raw: bytes, *, name: str) -> list[rsa.RSAPublicKey]:
    """One key, or several PEM blocks while the provider rotates its own. Raises BadKey."""
    blocks = PEM_BLOCK.findall(raw) or [raw.strip()]
    keys = []
    for block in blocks:
        try:
            if block.startswith(b"-----BEGIN"):
                key = serialization.load_pem_public_key(block)
            else:
                key = serialization.load_der_public_key(base64.b64decode(block))
        except (ValueError, TypeError) as error:
            raise BadKey(f"{name}: {error}") from None
        if not isinstance(key, rsa.RSAPublicKey):
            raise BadKey(f"{name} holds no RSA public key")
        keys.append(key)
    return keys


def signed_content(fields: Mapping[str, str], *, leave_out: Collection[str] = ()) -> bytes:
    """Non-empty fields, sorted by name, joined raw as `k=v&k=v`."""
    return "&".join(f"{k}={v}" for k, v in sorted(fields.items()) if v and k not in leave_out).encode()


def sign(key: rsa.RSAPrivateKey, content: bytes) -> str:
    return base64.b64encode(key.sign(content, padding.PKCS1v15(), hashes.SHA256())).decode()


def is_signed(key: rsa.RSAPublicKey, content: bytes, signature: str) -> bool:
    """True only for SHA-256: a weaker digest named inside the signature does not fit."""
    try:
        raw = base64.b64decode(signature, validate=True)
        key.verify(raw, content, padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True
