"""The root keys: one file outside the database. Who has a dump of it and no file opens nothing.

{"root": hex, "code": hex, "qr": hex}; while a key is being changed also "root_next", "qr_next" (announced to
the cabinets, not signed with yet), "qr_previous_public" and "qr_switched_at" (no longer signed with).
"""

import hashlib
import json
import os
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from lockers.protocol import keys


@dataclass(frozen=True, slots=True)
class RootKeys:
    root: bytes = field(repr=False)
    root_next: bytes | None = field(repr=False)
    code: bytes = field(repr=False)
    qr: Ed25519PrivateKey = field(repr=False)
    qr_public: tuple[bytes, ...]

    @property
    def registration(self) -> bytes:
        return keys.registration_key(self.root)

    def locker(self, *, device: str, generation: int, mark: str = "") -> bytes:
        """`mark`: of the root that this device's key comes from; any but the next one's means `root`."""
        moved = self.root_next is not None and mark == root_mark(self.root_next)
        root = self.root_next if moved and self.root_next is not None else self.root
        return keys.locker_key(root, device=device, generation=generation)


class Keyed(Protocol):
    """A device as far as its key goes: a row, or what stands for one."""

    device: str
    generation: int
    root_mark: str


def locker_of(device: Keyed) -> bytes:
    """The key of one device in its generation, under the root that it has come to."""
    return root_keys().locker(device=device.device, generation=device.generation, mark=device.root_mark)


def other_locker_of(device: Keyed) -> bytes | None:
    """While the root is being changed: the device's key under the one that we do not count on yet."""
    known = root_keys()
    if known.root_next is None:
        return None
    mark = "" if device.root_mark == root_mark(known.root_next) else root_mark(known.root_next)
    return known.locker(device=device.device, generation=device.generation, mark=mark)


def present_mark() -> str:
    """Of the root under which a device that registers now gets its key: the next one while it is changed."""
    known = root_keys()
    return "" if known.root_next is None else root_mark(known.root_next)


def root_mark(root: bytes) -> str:
    """Names a root key in rows without telling anything of it."""
    return hashlib.sha256(b"root-mark-v1" + root).hexdigest()[:8]


def root_keys() -> RootKeys:
    """Read anew when the file was replaced. Without one a tester's set-up makes it; production refuses."""
    path = Path(settings.LOCKER_KEY_FILE)
    return _read(path, path.stat().st_mtime_ns if path.exists() else 0)


def create_key_file(path: Path) -> None:
    """Fresh keys, mode 0600. Raises FileExistsError: keys are never overwritten."""
    path.parent.mkdir(parents=True, exist_ok=True)
    plain = {name: secrets.token_hex(keys.KEY_BYTES) for name in ("root", "code", "qr")}
    # Written aside and linked: who starts at the same time sees all of it or nothing.
    scratch = _written_aside(path, plain)
    try:
        os.link(scratch, path)
    finally:
        scratch.unlink()


def read_plain() -> dict[str, str]:
    """What stands in the file. Raises ImproperlyConfigured."""
    root_keys()
    return dict(json.loads(Path(settings.LOCKER_KEY_FILE).read_text()))


def replace_key_file(plain: Mapping[str, str]) -> None:
    """In one rename; every process reads it at its next look."""
    path = Path(settings.LOCKER_KEY_FILE)
    scratch = _written_aside(path, plain)
    scratch.replace(path)


def _written_aside(path: Path, plain: Mapping[str, str]) -> Path:
    """A file of this very call, mode 0600: threads of one process start at the same time too."""
    handle, scratch = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    with os.fdopen(handle, "w") as file:
        json.dump(dict(plain), file)
        file.flush()
        os.fsync(file.fileno())
    return Path(scratch)


@lru_cache(maxsize=4)
def _read(path: Path, stamp: int) -> RootKeys:
    if not path.exists():
        if not (settings.TESTER_CONSOLE or settings.DEBUG):
            raise ImproperlyConfigured(f"LOCKER_KEY_FILE: no {path}; make one with `manage locker_keys`")
        try:
            create_key_file(path)
        except FileExistsError:
            return root_keys()
    try:
        plain = json.loads(path.read_text())
        qr = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(plain["qr"]))
        public = [qr.public_key().public_bytes_raw()]
        if "qr_next" in plain:
            announced = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(plain["qr_next"]))
            public.append(announced.public_key().public_bytes_raw())
        if "qr_previous_public" in plain:
            public.append(bytes.fromhex(plain["qr_previous_public"]))
        return RootKeys(
            root=bytes.fromhex(plain["root"]),
            root_next=bytes.fromhex(plain["root_next"]) if "root_next" in plain else None,
            code=bytes.fromhex(plain["code"]),
            qr=qr,
            qr_public=tuple(public),
        )
    except (KeyError, ValueError, TypeError) as error:
        raise ImproperlyConfigured(f"LOCKER_KEY_FILE {path}: {error}") from None
