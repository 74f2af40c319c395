"""The root keys: one file outside the database. Who has a dump of it and no file opens nothing.

{"root": hex, "code": hex, "qr": hex, "qr_previous_public": hex (optional, during a rotation)}
"""

import json
import os
import secrets
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from lockers.protocol import keys


@dataclass(frozen=True, slots=True)
class RootKeys:
    root: bytes = field(repr=False)
    code: bytes = field(repr=False)
    qr: Ed25519PrivateKey = field(repr=False)
    qr_public: tuple[bytes, ...]

    @property
    def registration(self) -> bytes:
        return keys.registration_key(self.root)

    def locker(self, *, device: str, generation: int) -> bytes:
        return keys.locker_key(self.root, device=device, generation=generation)


def root_keys() -> RootKeys:
    """Read once per process. Without a file a tester's set-up makes one; production refuses to start."""
    return _read(Path(settings.LOCKER_KEY_FILE))


def create_key_file(path: Path) -> None:
    """Fresh keys, mode 0600. Raises FileExistsError: keys are never overwritten."""
    path.parent.mkdir(parents=True, exist_ok=True)
    plain = {name: secrets.token_hex(keys.KEY_BYTES) for name in ("root", "code", "qr")}
    # Written aside and linked: another process that starts at the same time sees all of it or nothing.
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(plain, file)
    try:
        os.link(scratch, path)
    finally:
        scratch.unlink()


@cache
def _read(path: Path) -> RootKeys:
    if not path.exists():
        if not (settings.TESTER_CONSOLE or settings.DEBUG):
            raise ImproperlyConfigured(f"LOCKER_KEY_FILE: no {path}; make one with `manage locker_keys`")
        try:
            create_key_file(path)
        except FileExistsError:
            return _read(path)
    try:
        plain = json.loads(path.read_text())
        qr = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(plain["qr"]))
        previous = [bytes.fromhex(plain["qr_previous_public"])] if "qr_previous_public" in plain else []
        return RootKeys(
            root=bytes.fromhex(plain["root"]),
            code=bytes.fromhex(plain["code"]),
            qr=qr,
            qr_public=(qr.public_key().public_bytes_raw(), *previous),
        )
    except (KeyError, ValueError, TypeError) as error:
        raise ImproperlyConfigured(f"LOCKER_KEY_FILE {path}: {error}") from None
